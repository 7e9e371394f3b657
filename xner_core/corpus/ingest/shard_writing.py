"""Writes files of pairs, kept or rejected, each by itself: with their texts, under names of their content."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from xner_core.corpus.ingest.text_store import TEXTS, TextFiles
from xner_core.corpus.layout import PAIR_SCHEMA, REJECTED_SCHEMA, content_name, rejected_path, shard_path
from xner_core.storage.files import Location, write_table
from xner_core.storage.hashing import fingerprint

# So many pairs are written together, for their texts mostly lie in the same files.
GROUP_PAIRS = 16_384
# Columns that determine a file; the ids cover both texts.
_KEPT_KEY = ["pair_id", "score", "origin"]
_REJECTED_KEY = ["pair_id", "origin", "line", "reason", "fault"]


@dataclass(frozen=True)
class ShardGroup:
    """Consecutive files of one domain that are to be written.

    Attributes:
        domain: The domain.
        is_rejected: Whether they hold rejected pairs.
        lengths: How many pairs each holds.
        rows: All their pairs, without texts: the columns ROWS.
        files: Those that have the texts.
        places: Where in them each text is: int64, shape (pairs,).
    """

    domain: str
    is_rejected: bool
    lengths: list[int]
    rows: pa.Table
    files: TextFiles
    places: np.ndarray


@dataclass(frozen=True)
class WrittenFile:
    """A file of the corpus.

    Attributes:
        domain: Of its pairs.
        is_rejected: Whether it holds rejected pairs.
        path: Below the corpus's folder.
        key: By which the next ingest knows it.
        pairs: How many it holds.
        is_new: Whether it was written now.
    """

    domain: str
    is_rejected: bool
    path: str
    key: str
    pairs: int
    is_new: bool


def group_shards(domain: str, is_rejected: bool, shards: Iterable[pa.Table], texts: TextFiles) -> Iterator[ShardGroup]:
    """Puts consecutive shards together for writing.

    Args:
        domain: Of their pairs.
        is_rejected: Whether they hold rejected pairs.
        shards: The rows of each, the columns ROWS and `place`, where its texts are.
        texts: The files in which they are.
    """
    waiting: list[pa.Table] = []
    pairs = 0
    for shard in shards:
        if waiting and pairs + len(shard) > GROUP_PAIRS:
            yield _group(domain, is_rejected, waiting, texts)
            waiting, pairs = [], 0
        waiting.append(shard)
        pairs += len(shard)
    if waiting:
        yield _group(domain, is_rejected, waiting, texts)


def _group(domain: str, is_rejected: bool, shards: list[pa.Table], texts: TextFiles) -> ShardGroup:
    rows = pa.concat_tables(shards)
    # A copy, for a slice travels with all that it is a slice of.
    rows = rows.take(pa.array(np.arange(len(rows)))).combine_chunks()
    files, places = texts.around(rows["place"].to_numpy())
    return ShardGroup(domain, is_rejected, [len(shard) for shard in shards], rows, files, places)


@dataclass(frozen=True)
class ShardWriter:
    """Writes the files of a group, but for those that are there already.

    Attributes:
        location: Folder of the corpus.
        source: Language of the source texts.
        target: Language of the target texts.
        known: Paths of files that the earlier corpus has, by their keys.
        present: Paths of all files that are there.
    """

    location: Location
    source: str
    target: str
    known: Mapping[str, str]
    present: frozenset[str]

    def __call__(self, group: ShardGroup) -> list[WrittenFile]:
        """The files in their order."""
        ends = np.cumsum(group.lengths).tolist()
        return [self._write(group, end - pairs, pairs) for end, pairs in zip(ends, group.lengths, strict=True)]

    def _write(self, group: ShardGroup, start: int, pairs: int) -> WrittenFile:
        rows = group.rows.slice(start, pairs)
        columns = _REJECTED_KEY if group.is_rejected else _KEPT_KEY
        key = fingerprint(domain=group.domain, columns=rows.select(columns).to_pydict())
        path, is_new = self.known.get(key), False
        if path is None:
            table = self._with_texts(group, rows, group.places[start : start + pairs])
            path = self._path(group, content_name(group.domain, table))
            is_new = path not in self.present
            if is_new:
                write_table(self.location / path, table)
        return WrittenFile(group.domain, group.is_rejected, path, key, pairs, is_new)

    def _path(self, group: ShardGroup, name: str) -> str:
        path = rejected_path if group.is_rejected else shard_path
        return path(self.source, self.target, group.domain, name)

    def _with_texts(self, group: ShardGroup, rows: pa.Table, places: np.ndarray) -> pa.Table:
        schema = REJECTED_SCHEMA if group.is_rejected else PAIR_SCHEMA
        found = group.files.take(places)
        return pa.table([(found if name in TEXTS else rows)[name] for name in schema.names], schema.names).cast(schema)
