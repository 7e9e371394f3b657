"""What a row is asked for, and what it answers. Nothing here is heavy: the driver and every row's process import it."""

from dataclasses import dataclass, field
from typing import Any

# What is prepared for all rows, in one folder.
PAIRS, TEXT, LABEL_FILES, MODELS = "pairs.parquet", "text", "labels", "models"
SHARD_PAIRS = 4096


@dataclass(frozen=True)
class Work:
    """What one process measures a row on.

    Attributes:
        row: its name
        inputs: folder of what was prepared for all rows
        scratch: an empty folder of this process
        pairs: pairs that the models read
        made: made-up pairs of the rows without models
        tagger: name or folder of the tagger
        aligner: and of the aligner
        encoder: that the rivals and the similarity aligner share
        threads: of the arithmetic
        workers: CPUs of the cluster
        device: `cpu` or `cuda`
        smoke: whether it is to be over in seconds
    """

    row: str
    inputs: str
    scratch: str
    pairs: int
    made: int
    tagger: str
    aligner: str
    encoder: str
    threads: int
    workers: int
    device: str
    smoke: bool


@dataclass
class Measured:
    """One line of the table, as one process measured it.

    Attributes:
        value: in the row's unit; None if it could not be measured
        unit: of the value
        cpu_seconds: of all processes, in the part that was timed
        wall_seconds: of that part
        memory: peaks in MiB: `driver`, `largest` other process, and `tree`, all of them without what they share
        counts: what must come out exactly
        labels: spans of each text, as [type, start, end], by which two ways of making them are compared
        details: what else there is to know
        not_run: why it could not be measured
    """

    value: float | None
    unit: str
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    memory: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    labels: list[list[list[Any]]] | None = None
    details: dict[str, Any] = field(default_factory=dict)
    not_run: str = ""


def not_run(unit: str, why: str) -> Measured:
    """A line that says why there is no figure."""
    return Measured(None, unit, not_run=why)
