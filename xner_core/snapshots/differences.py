"""What changed between two snapshots: files, pairs and entities, partition by partition."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from xner_core.labels.schema import sum_counts
from xner_core.snapshots.manifest import LABELS, TAGS, Description
from xner_core.snapshots.repository import Snapshot

_PARTITION = ["language", "domain"]
# What says where an entity is, and not how sure that is.
_PLACE = ["type", "source_start", "source_end", "target_start", "target_end", "status"]
_CONFIDENCE = ["tagger_confidence", "aligner_confidence", "reason"]
# Characters of a digest that are shown.
_DIGEST = 8
# What a file is known by: in folders of before, labels that were tried again were written under the same name.
_FILE = ["path", "bytes"]


def difference(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """
    Returns:
        `files`: by table, how many are `added` and `removed`; `partitions`: by "<language>/<domain>", of those that
        differ, the `pairs` (`before`, `after`, `added`, `removed`; and of those in both: `relabelled`, with other
        entities, types or spans, and `rescored`, where only confidences, mentions or reasons are others), and the
        projected `entities` by type and the `unknown` ones (`before`, `after`); `parts`: what of the models, settings
        and versions behind the fingerprints differs, as lines
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
        "parts": changed_parts(before.description, after.description.fingerprints, after.description.parts),
        "files": _files(before, after),
        "partitions": changed,
    }


def changed_parts(before: Description, fingerprints: Mapping[str, str], parts: Mapping[str, Any]) -> list[str]:
    """What of the models, settings and versions behind a snapshot's labels differs from others, a line for each.

    Args:
        before: what the snapshot says of itself
        fingerprints: the others' of tags and labels
        parts: what these were taken of, as `projection_parts` gives it
    """
    if all(before.fingerprints.get(name) == fingerprints.get(name) for name in (TAGS, LABELS)):
        return []
    if not before.parts or not parts:
        return ["models, settings or version, which snapshots of before do not name"]
    old, new = _flat(before.parts), _flat(parts)
    return [
        f"{name} {_shown(old.get(name))}, now {_shown(new.get(name))}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _flat(parts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested maps, by dotted names."""
    flat: dict[str, Any] = {}
    for name, value in parts.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _shown(value: Any) -> str:
    is_digest = isinstance(value, str) and len(value) == 32 and set(value) <= set("0123456789abcdef")
    return f"{value[:_DIGEST]}…" if is_digest else "none" if value is None else str(value)


def _labels(snapshot: Snapshot) -> pl.DataFrame:
    files = pl.DataFrame(snapshot.files).filter(table=LABELS)
    return files.with_columns(address=pl.Series(snapshot.addresses(LABELS)))


def _files(before: Snapshot, after: Snapshot) -> dict[str, dict[str, int]]:
    frames = [pl.DataFrame(snapshot.files).select("table", *_FILE) for snapshot in (before, after)]
    counts = {}
    for name, left, right in (("added", frames[1], frames[0]), ("removed", frames[0], frames[1])):
        for table, number in left.join(right, _FILE, "anti").group_by("table").len().sort("table").iter_rows():
            counts.setdefault(table, {"added": 0, "removed": 0})[name] = number
    return counts


def _partition(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, Any]:
    # Files of both sides hold the same pairs with the same labels, and no pair is in two files of a side.
    gone = _pairs(before.join(after, _FILE, "anti"))
    come = _pairs(after.join(before, _FILE, "anti"))
    counts = [old, new] = [sum_counts(map(json.loads, side["counts"])) for side in (before, after)]
    pairs = _sides(*(count.get("pairs", 0) for count in counts))
    pairs["added"] = come.join(gone, "pair_id", "anti").height
    pairs["removed"] = gone.join(come, "pair_id", "anti").height
    both = gone.join(come, "pair_id", suffix="_after")
    places = pl.col("places") != pl.col("places_after")
    pairs["relabelled"] = both.filter(places).height
    pairs["rescored"] = both.filter(~places & (pl.col("scores") != pl.col("scores_after"))).height
    return {
        "pairs": pairs,
        "entities": _changes(old.get("projected_by_type", {}), new.get("projected_by_type", {}), 0),
        "unknown": _sides(*(sum(count.get("unknown_by_reason", {}).values()) for count in counts)),
    }


def _pairs(files: pl.DataFrame) -> pl.DataFrame:
    """The id of each pair in some label files, and hashes of where its entities are and of all else that is said."""
    if not files.height:
        return pl.DataFrame(schema={"pair_id": pl.String, "places": pl.UInt64, "scores": pl.UInt64})
    places = pl.concat_str(_text("entities", _PLACE), pl.col("quarantine").is_null().cast(pl.String), separator="|")
    scores = pl.concat_str(
        _text("entities", _CONFIDENCE),
        _text("mentions", ["type", "start", "end", "confidence"]),
        pl.col("quarantine").fill_null(""),
        separator="|",
    )
    return (
        pl.scan_parquet(files["address"].to_list(), glob=False)
        .select("pair_id", places=places.hash(), scores=scores.hash())
        .collect()
    )


def _text(column: str, fields: Sequence[str]) -> pl.Expr:
    """A list of structs as text."""
    values = [pl.element().struct.field(name).cast(pl.String).fill_null("-") for name in fields]
    return pl.col(column).list.eval(pl.concat_str(values, separator=" ")).list.join(", ").fill_null("-")


def _sides(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after}


def _changes(before: dict[str, Any], after: dict[str, Any], missing: Any) -> dict[str, dict[str, Any]]:
    """What differs between two maps, by name."""
    names = sorted(before.keys() | after.keys())
    sides = {name: _sides(before.get(name, missing), after.get(name, missing)) for name in names}
    return {name: both for name, both in sides.items() if both["before"] != both["after"]}
