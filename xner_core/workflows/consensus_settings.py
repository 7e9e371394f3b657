"""Whose votes are counted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ConsensusSettings:
    """Whose votes are counted.

    Args:
        labels: what votes together, local or s3://, of one target language: folders of projections, whose latest
            snapshots are taken, or folder@name for another one; or labels/<fingerprint> in them, or partitions of it
        out: folder of the votes, local or s3://; one for each set of labels is made in it
    """

    labels: list[str]
    out: str

    def __post_init__(self) -> None:
        if not self.labels:
            raise ValueError("labels: name at least one folder of labels")
