"""The manifest of a snapshot: a Parquet file with a row for each file of the state, and the state's description.

The rows are what Polars, DuckDB or pyarrow read of it; the description is JSON under the key `xner` of its metadata.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa

from xner_core.errors import StorageFailure, XnerError
from xner_core.storage.files import Location, read_footer, read_table, write_table

VERSION = 1
PAIRS = "pairs"
TAGS = "tags"
LABELS = "labels"
_KEY = b"xner"

FILES = pa.schema(
    [
        # PAIRS, TAGS, LABELS, rejected, or the name of a derived table.
        pa.field("table", pa.string(), nullable=False),
        # Below the folder, or the whole address of a file outside it.
        pa.field("path", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("domain", pa.string()),
        # Of a file of pairs or labels; null for others.
        pa.field("pairs", pa.int64()),
        # JSON: what a file of labels counts of itself.
        pa.field("counts", pa.string()),
    ]
)


class File(NamedTuple):
    """One file of a state; see FILES."""

    table: str
    path: str
    bytes: int
    language: str | None = None
    domain: str | None = None
    pairs: int | None = None
    counts: str | None = None


@dataclass(frozen=True)
class Description:
    """What a snapshot says of itself.

    Attributes:
        name: the snapshot's
        time: when it was published, ISO 8601 in UTC
        parent: the snapshot that was the latest before it
        source: language of the source texts
        target: language of the labels
        fingerprints: of the tags, the labels and the derived tables
        counts: sums over the state
        note: why it is there
        restored: the snapshot whose files it lists again
        parts: what the fingerprints of the tags and of the labels were taken of; snapshots of before have none
    """

    name: str
    time: str
    parent: str | None
    source: str
    target: str
    fingerprints: dict[str, str]
    counts: dict[str, Any]
    note: str
    restored: str | None = None
    parts: dict[str, Any] = field(default_factory=dict)


def write_manifest(location: Location, description: Description, files: pa.Table) -> None:
    """Writes a snapshot's manifest.

    Args:
        location: of the manifest
        description: of the snapshot
        files: what it holds, with the columns of `FILES`
    """
    value = {"format": "xner snapshot", "version": VERSION, **asdict(description)}
    write_table(location, files.replace_schema_metadata({_KEY: json.dumps(value)}))


def read_manifest(location: Location) -> tuple[Description, pa.Table]:
    """What a manifest says of its snapshot, and its files.

    Raises:
        XnerError: there is no such manifest, or it is damaged or of another version.
    """
    with _manifest(location):
        files = read_table(location)
    return _description(location, files.schema.metadata), files


def read_description(location: Location) -> Description:
    """The description alone, from the end of the manifest."""
    with _manifest(location):
        metadata = read_footer(location).metadata
    return _description(location, metadata)


@contextmanager
def _manifest(location: Location) -> Iterator[None]:
    """Says of a manifest that is damaged what to do; a storage that fails is another matter."""
    try:
        yield
    except StorageFailure:
        raise
    except XnerError as error:
        raise XnerError(f"{location}: a damaged manifest ({error}); open or roll back to another snapshot") from error


def _description(location: Location, metadata: dict[bytes, bytes] | None) -> Description:
    value = json.loads((metadata or {}).get(_KEY, b"{}"))
    if (value.pop("format", None), value.pop("version", None)) != ("xner snapshot", VERSION):
        raise XnerError(f"{location}: not the manifest of a snapshot of version {VERSION}")
    return Description(**value)


def file_table(files: Iterable[File]) -> pa.Table:
    """Files of a snapshot as a table with the columns of `FILES`."""
    columns = list(zip(*files, strict=True)) or [()] * len(FILES)
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, FILES, strict=True)], schema=FILES)
