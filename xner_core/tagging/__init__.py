"""Step one of a projection: entities of the source text."""
