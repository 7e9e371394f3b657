"""What a user starts, from settings to results."""
