"""The columns of tag and label files.

Offsets are half-open, in Unicode code points of the raw text. Each file also holds its own counts, as JSON under the
key `xner` of its Parquet metadata.
"""

import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from xner_core.errors import StorageFailure, XnerError
from xner_core.storage.files import Location, locate, read_footer

PROJECTED = "projected"
UNKNOWN = "unknown"

TAG = pa.struct(
    [
        pa.field("type", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("confidence", pa.float32(), nullable=False),
    ]
)
TAGS = pa.schema(
    [
        pa.field("pair_id", pa.string(), nullable=False),
        pa.field("entities", pa.list_(TAG), nullable=False),
        # What the tagger finds in the target text by itself; null where it was not asked.
        pa.field("mentions", pa.list_(TAG)),
        # Why the row is in quarantine: what the tagger raised on it, or how it ended the tagger's process.
        pa.field("quarantine", pa.string()),
    ]
)

ENTITY = pa.struct(
    [
        pa.field("type", pa.string(), nullable=False),
        pa.field("source_start", pa.int32(), nullable=False),
        pa.field("source_end", pa.int32(), nullable=False),
        pa.field("target_start", pa.int32()),
        pa.field("target_end", pa.int32()),
        pa.field("tagger_confidence", pa.float32(), nullable=False),
        pa.field("aligner_confidence", pa.float32(), nullable=False),
        # PROJECTED with a target span, or UNKNOWN with a reason.
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
    ]
)
LABELS = pa.schema(
    [
        pa.field("pair_id", pa.string(), nullable=False),
        pa.field("source_text", pa.string(), nullable=False),
        pa.field("target_text", pa.string(), nullable=False),
        pa.field("entities", pa.list_(ENTITY), nullable=False),
        # As in TAGS: not what was projected, but what it can be compared with.
        pa.field("mentions", pa.list_(TAG)),
        # Why the row is in quarantine: what a model raised on it, or how it ended the model's process. It has no
        # entities then, and training drops it.
        pa.field("quarantine", pa.string()),
        # Provenance: where the pair came from, and what made its labels.
        pa.field("score", pa.float32()),
        pa.field("origin", pa.string()),
        pa.field("source_language", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("tagger", pa.string(), nullable=False),
        pa.field("aligner", pa.string(), nullable=False),
    ]
)

_COUNTS_KEY = b"xner"


def with_counts(table: pa.Table, counts: dict[str, Any]) -> pa.Table:
    """The table with its counts in its metadata."""
    return table.replace_schema_metadata({_COUNTS_KEY: json.dumps(counts, sort_keys=True)})


def read_counts(location: Location) -> dict[str, Any]:
    """The counts that a tag or label file holds, read from its footer alone.

    Raises:
        XnerError: the file is damaged, or has other rows than it counts.
    """
    footer = read_footer(location)
    try:
        counts = json.loads(footer.metadata[_COUNTS_KEY])
        if counts["pairs"] == footer.num_rows:
            return counts
    except (KeyError, TypeError, ValueError):
        pass
    raise XnerError(f"{location}: without counts, or not with as many pairs as it counts; delete it and run again")


def quarantined_in(address: str) -> int | None:
    """How many pairs of a tag or label file are in quarantine; None if there is no such file, or it is damaged."""
    try:
        return read_counts(locate(address))["quarantined"]
    except StorageFailure:
        raise
    except XnerError:
        return None


def sum_counts(counts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The counts of several files added up, name by name."""
    total: dict[str, Any] = {}
    for one in counts:
        for name, value in one.items():
            if isinstance(value, dict):
                total[name] = sum_counts([total.get(name, {}), value])
            else:
                total[name] = total.get(name, 0) + value
    return total
