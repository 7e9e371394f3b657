"""Tables for a terminal, as everywhere else."""

from xner_core.tables import text_table

__all__ = ["text_table"]
