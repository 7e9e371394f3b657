"""Taggers and students, trained on labels."""
