"""From an entity in a source text to its counterpart in the translation."""
