"""What jobs/snapshots.py does: a function for each of its commands."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from jsonargparse.typing import PositiveInt

from xner_core.files import locate
from xner_core.snapshots import differences
from xner_core.snapshots.collection import delete, find_garbage
from xner_core.snapshots.lease import Lease, read_latest
from xner_core.snapshots.repository import LATEST, history, open_snapshot, roll_back


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


def list_snapshots(settings: ListSettings) -> dict[str, Any]:
    """Lists the snapshots of a folder, the latest first, and who is at work there."""
    folder = locate(settings.out)
    snapshots = [asdict(description) for description in islice(history(folder), settings.most)]
    for snapshot in snapshots:
        labelled = snapshot["counts"].get("labelled", {})
        print(
            f"{snapshot['name']}  {labelled.get('pairs', 0):>10,} pairs  {labelled.get('projected', 0):>10,} entities"
            f"  {snapshot['note']}"
        )
    return {"status": "done", "snapshots": snapshots, "lease": read_latest(folder).lease}


def show_snapshot(settings: ShowSettings) -> dict[str, Any]:
    """Shows what a snapshot holds."""
    snapshot = open_snapshot(settings.out, settings.snapshot)
    files = Counter(snapshot.files["table"].to_pylist())
    result = asdict(snapshot.description) | {"files": dict(files), "bytes": sum(snapshot.files["bytes"].to_pylist())}
    if settings.table is not None:
        result["addresses"] = snapshot.addresses(settings.table)
    print(json.dumps(result, indent=2, ensure_ascii=False))
    return {"status": "done"} | result


def diff_snapshots(settings: DiffSettings) -> dict[str, Any]:
    """Compares two snapshots: files, pairs, and entities by type, partition by partition."""
    after = open_snapshot(settings.out, settings.after)
    before = settings.before or after.description.parent
    if before is None:
        return {"status": "nothing to do", "reason": f"{after.name} is the first snapshot; name one to compare it with"}
    result = differences.difference(open_snapshot(settings.out, before), after)
    print(json.dumps(result, indent=2, ensure_ascii=False))
    return {"status": "done"} | result


def rollback_snapshots(settings: RollbackSettings) -> dict[str, Any]:
    """Makes the state of an earlier snapshot the latest one again; the snapshots after it stay in the history.

    Whoever opens the latest snapshot reads that state then. The next nightly run brings the folder forward again, so
    mend first what was wrong with the corpus or the models.
    """
    folder = locate(settings.out)
    changes = differences.difference(open_snapshot(folder), open_snapshot(folder, settings.to))
    if settings.dry_run:
        print(json.dumps(changes, indent=2, ensure_ascii=False))
        return {"status": "nothing to do", "reason": "this was a dry run", "changes": changes}
    with Lease(folder, "rollback of snapshots") as lease:
        snapshot = roll_back(lease, settings.to)
    print(f"{snapshot.name} is the latest snapshot, with the state of {settings.to}")
    return {"status": "done", "snapshot": snapshot.name, "changes": changes}


def collect_garbage(settings: CollectionSettings) -> dict[str, Any]:
    """Deletes what neither a kept snapshot nor the present corpus needs, and the snapshots that are not kept."""
    folder = locate(settings.out)
    if settings.dry_run:
        garbage = find_garbage(folder, settings.keep, settings.keep_named)
    else:
        with Lease(folder, "collection of garbage") as lease:
            garbage = find_garbage(folder, settings.keep, settings.keep_named)
            delete(lease, garbage)
    result = {
        "kept": garbage.kept,
        "snapshots": garbage.snapshots,
        "files": [location.relative_to(folder) for location, _ in garbage.files],
        "unfinished": [location.relative_to(folder) for location in garbage.unfinished],
        "bytes": garbage.bytes,
    }
    verb = "would be" if settings.dry_run else "were"
    print(
        f"{len(garbage.files)} files, {garbage.bytes:,} bytes, {verb} deleted, "
        f"{len(garbage.snapshots)} snapshots among them; {len(garbage.kept)} snapshots stay"
    )
    if settings.dry_run:
        return {"status": "nothing to do", "reason": "this was a dry run"} | result
    if not (garbage.files or garbage.unfinished):
        return {"status": "nothing to do", "reason": "every file is needed"} | result
    return {"status": "done"} | result
