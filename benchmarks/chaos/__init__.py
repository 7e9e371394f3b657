"""Faults on purpose: what breaks a projection in the field, made to happen, to see that nothing is lost."""
