"""xner: named entity recognition for languages nobody has labelled, by projecting labels over parallel text."""

__version__ = "0.2.0"
