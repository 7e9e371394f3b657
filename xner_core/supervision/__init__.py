"""Training examples for entity aligners, made from parallel text alone, with no human labels."""
