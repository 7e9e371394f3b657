"""Scores of taggers, students and projections on gold files."""
