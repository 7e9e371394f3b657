"""What changed between two snapshots: files, pairs and entities, partition by partition."""

import json
from typing import Any

import polars as pl

from xner_core.projection.schema import sum_counts
from xner_core.snapshots.manifest import LABELS
from xner_core.snapshots.repository import Snapshot

_PARTITION = ["language", "domain"]
# What a file is known by: labels of a shard are made again under the same name when its quarantine is tried again.
_FILE = ["path", "bytes"]


def difference(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """
    Returns:
        `files`: by table, how many are `added` and `removed`; `partitions`: by "<language>/<domain>", of those that
        differ, the `pairs` (`before`, `after`, `added`, `removed`, and `relabelled`: in both, with labels from another
        file), and the projected `entities` by type and the `unknown` ones (`before`, `after`)
    """
    labels = {side: _labels(snapshot) for side, snapshot in (("before", before), ("after", after))}
    partitions = pl.concat(frame.select(_PARTITION) for frame in labels.values()).unique().sort(_PARTITION)
    changed = {}
    for language, domain in partitions.iter_rows():
        sides = {
            side: frame.filter(language=language, domain=domain).select(*_FILE, "address", "counts")
            for side, frame in labels.items()
        }
        if set(sides["before"].select(_FILE).iter_rows()) != set(sides["after"].select(_FILE).iter_rows()):
            changed[f"{language}/{domain}"] = _partition(sides["before"], sides["after"])
    return {
        "before": before.name,
        "after": after.name,
        "fingerprints": _changes(before.description.fingerprints, after.description.fingerprints, None),
        "files": _files(before, after),
        "partitions": changed,
    }


def _labels(snapshot: Snapshot) -> pl.DataFrame:
    files = pl.from_arrow(snapshot.files).filter(table=LABELS)
    return files.with_columns(address=pl.Series(snapshot.addresses(LABELS)))


def _files(before: Snapshot, after: Snapshot) -> dict[str, dict[str, int]]:
    frames = [pl.from_arrow(snapshot.files).select("table", *_FILE) for snapshot in (before, after)]
    counts = {}
    for name, left, right in (("added", frames[1], frames[0]), ("removed", frames[0], frames[1])):
        for table, number in left.join(right, _FILE, "anti").group_by("table").len().sort("table").iter_rows():
            counts.setdefault(table, {"added": 0, "removed": 0})[name] = number
    return counts


def _partition(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, Any]:
    # Files of both sides hold the same pairs with the same labels, and no pair is in two files of a side.
    gone = _pair_ids(before.join(after, _FILE, "anti"))
    come = _pair_ids(after.join(before, _FILE, "anti"))
    counts = [sum_counts(map(json.loads, side["counts"])) for side in (before, after)]
    pairs = _sides(*(count.get("pairs", 0) for count in counts))
    pairs["added"] = come.join(gone, "pair_id", "anti").height
    pairs["removed"] = gone.join(come, "pair_id", "anti").height
    pairs["relabelled"] = come.height - pairs["added"]
    return {
        "pairs": pairs,
        "entities": _changes(*(count.get("projected_by_type", {}) for count in counts), 0),
        "unknown": _sides(*(sum(count.get("unknown_by_reason", {}).values()) for count in counts)),
    }


def _pair_ids(files: pl.DataFrame) -> pl.DataFrame:
    if not files.height:
        return pl.DataFrame(schema={"pair_id": pl.String})
    return pl.scan_parquet(files["address"].to_list(), glob=False).select("pair_id").collect()


def _sides(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after}


def _changes(before: dict[str, Any], after: dict[str, Any], missing: Any) -> dict[str, dict[str, Any]]:
    """What differs between two maps, by name."""
    names = sorted(before.keys() | after.keys())
    sides = {name: _sides(before.get(name, missing), after.get(name, missing)) for name in names}
    return {name: both for name, both in sides.items() if both["before"] != both["after"]}
