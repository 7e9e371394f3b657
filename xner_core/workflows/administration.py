"""What xner snapshots does: a function for each of its commands."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

from xner_core.evaluation.text_table import text_table
from xner_core.snapshots import differences
from xner_core.snapshots.collection import delete, find_garbage
from xner_core.snapshots.lease import Lease, read_latest
from xner_core.snapshots.repository import history, open_snapshot, roll_back
from xner_core.snapshots.snapshot_settings import (
    CollectionSettings,
    DiffSettings,
    ListSettings,
    ReleaseSettings,
    RollbackSettings,
    ShowSettings,
)
from xner_core.storage.files import locate


def list_snapshots(settings: ListSettings) -> dict[str, Any]:
    """Lists the snapshots of a folder, the latest first, and who is at work there."""
    folder = locate(settings.out)
    latest = read_latest(folder)
    snapshots = [asdict(description) for description in islice(history(folder), settings.most)]
    rows = []
    for number, snapshot in enumerate(snapshots):
        labelled = snapshot["counts"].get("labelled", {})
        note = snapshot["note"] + (" (pinned)" if latest.pinned and not number else "")
        rows.append([snapshot["name"], f"{labelled.get('pairs', 0):,}", f"{labelled.get('projected', 0):,}", note])
    print(text_table(["snapshot", "pairs", "entities", "note"], rows))
    if latest.lease is not None:
        print(f"at work: {latest.lease['purpose']}, process {latest.lease['pid']} on {latest.lease['host']}")
    return {"status": "done", "snapshots": snapshots, "lease": latest.lease, "pinned": latest.pinned}


def show_snapshot(settings: ShowSettings) -> dict[str, Any]:
    """Shows what a snapshot holds."""
    snapshot = open_snapshot(settings.out, settings.snapshot)
    files = Counter(snapshot.files["table"].to_pylist())
    result = asdict(snapshot.description) | {"files": dict(files), "bytes": sum(snapshot.files["bytes"].to_pylist())}
    print(describe_snapshot(result))
    if settings.table is not None:
        result["addresses"] = snapshot.addresses(settings.table)
        print("", *result["addresses"], sep="\n")
    return {"status": "done"} | result


def describe_snapshot(shown: Mapping[str, Any]) -> str:
    """A snapshot, as lines for people to read."""
    labelled = shown["counts"].get("labelled", {})
    lines = [
        ("snapshot", shown["name"]),
        ("published", f"{shown['time']}{', ' + shown['note'] if shown['note'] else ''}"),
        ("parent", shown["parent"] or "none"),
        ("languages", f"{shown['source']} to {shown['target']}"),
        ("pairs", f"{labelled.get('pairs', 0):,}, {labelled.get('quarantined', 0):,} of them in quarantine"),
        ("projected", _counts(labelled.get("projected_by_type", {}))),
        ("unknown", _counts(labelled.get("unknown_by_reason", {}))),
        ("files", f"{_counts(shown['files'])}; {shown['bytes']:,} bytes"),
    ]
    lines += [(f"{name} made by", fingerprint) for name, fingerprint in shown["fingerprints"].items()]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count:,}" for name, count in ordered) or "none"


def diff_snapshots(settings: DiffSettings) -> dict[str, Any]:
    """Compares two snapshots: files, pairs, and entities by type, partition by partition; and what made them differ."""
    after = open_snapshot(settings.out, settings.after)
    before = settings.before or after.description.parent
    if before is None:
        return {"status": "nothing to do", "reason": f"{after.name} is the first snapshot; name one to compare it with"}
    result = differences.difference(open_snapshot(settings.out, before), after)
    print(describe_difference(result))
    return {"status": "done"} | result


def describe_difference(changes: Mapping[str, Any]) -> str:
    """What `difference` gives, as a table for people to read."""
    lines = [f"{changes['before']} to {changes['after']}"]
    lines += [f"made otherwise: {part}" for part in changes["parts"]]
    lines += [
        f"{table}: {count['added']:,} files added, {count['removed']:,} removed"
        for table, count in changes["files"].items()
    ]
    kinds = ("before", "after", "added", "removed", "relabelled", "rescored")
    rows = [
        [
            partition,
            *(f"{change['pairs'][kind]:,}" for kind in kinds),
            ", ".join(f"{name} {_change(count)}" for name, count in change["entities"].items()),
            _change(change["unknown"]),
        ]
        for partition, change in changes["partitions"].items()
    ]
    if not rows:
        return "\n".join([*lines, "no pair and no label differs"])
    return "\n".join([*lines, "", text_table(["pairs", *kinds, "entities", "unknown"], rows)])


def _change(count: Mapping[str, int]) -> str:
    before, after = count["before"], count["after"]
    return f"{before:,}" if before == after else f"{before:,} to {after:,}"


def rollback_snapshots(settings: RollbackSettings) -> dict[str, Any]:
    """Makes the state of an earlier snapshot the latest one again; the snapshots after it stay in the history.

    Whoever opens the latest snapshot reads that state then. It is pinned: nightly runs do nothing until it is released.
    """
    folder = locate(settings.out)
    changes = differences.difference(open_snapshot(folder), open_snapshot(folder, settings.to))
    if settings.dry_run:
        print(describe_difference(changes))
        return {"status": "nothing to do", "reason": "this was a dry run", "changes": changes}
    with Lease(folder, "rollback of snapshots") as lease:
        snapshot = roll_back(lease, settings.to)
    print(
        f"{snapshot.name} is the latest snapshot, with the state of {settings.to}. It is pinned: nothing takes its "
        f"place until xner snapshots release --out {settings.out}"
    )
    return {"status": "done", "snapshot": snapshot.name, "changes": changes}


def release_snapshot(settings: ReleaseSettings) -> dict[str, Any]:
    """Lets nightly runs publish again after a rollback; the next one brings the folder forward."""
    folder = locate(settings.out)
    with Lease(folder, "release of a snapshot") as lease:
        if not lease.pinned:
            return {"status": "nothing to do", "reason": f"no snapshot of {folder} is pinned"}
        lease.pin(False)
    print(f"{lease.snapshot} is released; the next run may publish another one")
    return {"status": "done", "snapshot": lease.snapshot}


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
