"""Parallel text in: reading, cleaning, removing duplicates, and the sharded corpus that everything else reads."""
