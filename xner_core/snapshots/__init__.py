"""Complete states of a projection's folder: published in one step, kept, compared, gone back to, and cleaned up."""
