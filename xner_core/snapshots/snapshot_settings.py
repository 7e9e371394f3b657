"""Which snapshots are meant."""

from dataclasses import dataclass, field

from jsonargparse.typing import PositiveInt

LATEST = "latest"


@dataclass(frozen=True)
class ListSettings:
    """Which snapshots are listed.

    Args:
        out: folder of a projection, local or s3://
        most: how many at most, from the latest on
    """

    out: str
    most: PositiveInt = 50


@dataclass(frozen=True)
class ShowSettings:
    """Which snapshot is shown.

    Args:
        out: folder of a projection, local or s3://
        snapshot: its name, or `latest`
        table: list the addresses of this table's files as well: labels, pairs, rejected, tags …
    """

    out: str
    snapshot: str = LATEST
    table: str | None = None


@dataclass(frozen=True)
class DiffSettings:
    """Which snapshots are compared.

    Args:
        out: folder of a projection, local or s3://
        before: name of a snapshot; the parent of `after` if none is given
        after: name of a snapshot, or `latest`
    """

    out: str
    before: str | None = None
    after: str = LATEST


@dataclass(frozen=True)
class RollbackSettings:
    """What is gone back to.

    Args:
        out: folder of a projection, local or s3://
        to: name of the snapshot whose state becomes the latest again
        dry_run: only say what would change
    """

    out: str
    to: str
    dry_run: bool = False


@dataclass(frozen=True)
class ReleaseSettings:
    """What is released.

    Args:
        out: folder of a projection, local or s3://
    """

    out: str


@dataclass(frozen=True)
class CollectionSettings:
    """What is kept.

    Args:
        out: folder of a projection, local or s3://
        keep: how many snapshots stay, from the latest on
        keep_named: names of others that stay
        dry_run: only say what would be deleted
    """

    out: str
    keep: PositiveInt = 30
    keep_named: list[str] = field(default_factory=list)
    dry_run: bool = False


LEASE_SECONDS = 60
