"""Exact duplicates among any number of pairs, in bounded memory: digests in buckets on disk, each sorted by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile

import numpy as np
import pyarrow.compute as pc

from xner_core.corpus.ingest.index import read_index
from xner_core.corpus.ingest.indexed_source import IndexedSource
from xner_core.corpus.ingest.spool import read_array, write_array
from xner_core.storage.files import Location
from xner_core.storage.hashing import DIGEST_BYTES
from xner_core.storage.tasks import Tasks

# 24 bytes each, and some more while they are sorted.
BUCKET_PAIRS = 1 << 20
# Row groups whose digests are put into buckets together.
PART_GROUPS = 64
_RECORD = np.dtype([("high", ">u8"), ("low", ">u8"), ("row", "<i8")])
_ROW = np.dtype("<i8")


def find_duplicates(sources: Sequence[IndexedSource], tasks: Tasks, folder: Location) -> np.ndarray:
    """Marks the pairs that repeat an earlier one, over all sources: booleans, one a pair, on the local disk.

    Args:
        sources: all sources, in order.
        tasks: where digests are put into buckets, and buckets sorted.
        folder: of the spool.
    """
    pairs = sum(source.pairs for source in sources)
    with TemporaryFile() as file:
        marks = np.memmap(file, bool, "w+", shape=(max(pairs, 1),))
    bits = max(0, (pairs - 1) // BUCKET_PAIRS).bit_length()
    parts = list(tasks.map(_Partitioner(folder, bits), _parts(sources)))
    # Of each part where each bucket begins and ends.
    ends = np.array([part.ends for part in parts], np.int64).reshape(-1, 1 << bits)
    starts = np.concatenate([np.zeros((len(parts), 1), np.int64), ends[:, :-1]], axis=1)
    files = [part.location for part in parts]
    buckets = (_Bucket(number, files, starts[:, number], ends[:, number]) for number in range(1 << bits))
    for location, count in tasks.map(_Finder(folder), buckets):
        marks[read_array(location, _ROW, 0, count)] = True
    return marks


@dataclass(frozen=True)
class _Part:
    """Digests of some row groups of an index, and how many pairs of all sources precede that source."""

    number: int
    index: Location
    groups: tuple[int, int]
    first: int


@dataclass(frozen=True)
class _Partition:
    """The records of a part in the order of their buckets; and where each bucket ends among them."""

    location: Location
    ends: np.ndarray


@dataclass(frozen=True)
class _Bucket:
    """Where its records lie: in files, from `starts` to `ends`."""

    number: int
    files: list[Location]
    starts: np.ndarray
    ends: np.ndarray


def _parts(sources: Sequence[IndexedSource]) -> Iterator[_Part]:
    number = 0
    for source in sources:
        last = max((held.groups[1] for held in source.domains.values()), default=0)
        for start in range(0, last, PART_GROUPS):
            yield _Part(number, source.location, (start, min(start + PART_GROUPS, last)), source.first)
            number += 1


@dataclass(frozen=True)
class _Partitioner:
    """Writes the records of a part, ordered by the first bits of their digests."""

    folder: Location
    bits: int

    def __call__(self, part: _Part) -> _Partition:
        found = [np.empty(0, _RECORD)]
        for batch in read_index(part.index, part.groups, ["row", "normal"]):
            batch = batch.filter(pc.is_valid(batch["normal"]))
            records = np.empty(batch.num_rows, _RECORD)
            normal = batch["normal"]
            start = normal.offset * DIGEST_BYTES
            halves = np.frombuffer(normal.buffers()[1], ">u8", 2 * len(normal), start).reshape(-1, 2)
            records["high"], records["low"] = halves[:, 0], halves[:, 1]
            records["row"] = batch["row"].to_numpy() + part.first
            found.append(records)
        records = np.concatenate(found)
        # A shift by all 64 bits is undefined.
        buckets = (records["high"] >> np.uint64(32) >> np.uint64(32 - self.bits)).astype(np.intp)
        location = self.folder / f"digests-{part.number:06}"
        write_array(location, records[np.argsort(buckets, kind="stable")])
        return _Partition(location, np.cumsum(np.bincount(buckets, minlength=1 << self.bits)))


@dataclass(frozen=True)
class _Finder:
    """Writes which rows of a bucket repeat an earlier one; returns the file, and how many there are."""

    folder: Location

    def __call__(self, bucket: _Bucket) -> tuple[Location, int]:
        places = zip(bucket.files, bucket.starts.tolist(), bucket.ends.tolist(), strict=True)
        found = [read_array(file, _RECORD, start, end - start) for file, start, end in places if end > start]
        records = np.concatenate([np.empty(0, _RECORD), *found])
        ordered = records[np.lexsort((records["row"], records["low"], records["high"]))]
        repeated = (ordered["high"][1:] == ordered["high"][:-1]) & (ordered["low"][1:] == ordered["low"][:-1])
        rows = ordered["row"][1:][repeated]
        location = self.folder / f"duplicates-{bucket.number:06}"
        write_array(location, rows)
        return location, len(rows)
