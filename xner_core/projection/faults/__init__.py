"""What becomes of pairs that a model breaks on."""
