"""Exact duplicates among any number of rows, in bounded memory: buckets on disk, each sorted by itself."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from xner_core.corpus.ingest.indexed_source import IndexedSource

_BUCKET_BITS = 6
_RECORD = np.dtype([("high", ">u8"), ("low", ">u8"), ("row", "<i8")])


def find_duplicates(sources: Sequence[IndexedSource], folder: Path) -> np.ndarray:
    """Marks the pairs that repeat an earlier one, over all sources: booleans, one a pair, on disk.

    Args:
        sources: all sources, in order.
        folder: a local folder for what is in between.
    """
    finder = DuplicateFinder(folder)
    for source in sources:
        for batch in source.read(["row", "normal"]):
            batch = batch.filter(pc.is_valid(batch["normal"]))
            finder.add(b"".join(batch["normal"].to_pylist()), batch["row"].to_numpy() + source.first)
    return finder.duplicates(sum(source.pairs for source in sources))


class DuplicateFinder:
    """Takes the 128-bit digests of numbered rows, and then tells which rows repeat an earlier one.

    It holds one bucket at a time, about 2 MiB for each million rows.

    Args:
        folder: An empty folder for the buckets.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths = [folder / f"{bucket:02}.digests" for bucket in range(1 << _BUCKET_BITS)]

    def add(self, digests: bytes, rows: Sequence[int] | np.ndarray) -> None:
        """Adds digests, 16 bytes each, of rows with these numbers."""
        records = np.empty(len(rows), _RECORD)
        halves = np.frombuffer(digests, ">u8").reshape(-1, 2)
        records["high"], records["low"], records["row"] = halves[:, 0], halves[:, 1], rows
        buckets = (halves[:, 0] >> (64 - _BUCKET_BITS)).astype(np.intp)
        order = np.argsort(buckets, kind="stable")
        ends = np.cumsum(np.bincount(buckets, minlength=len(self._paths)))
        for path, part in zip(self._paths, np.split(records[order], ends[:-1]), strict=True):
            if len(part):
                with open(path, "ab") as file:
                    part.tofile(file)

    def duplicates(self, rows: int) -> np.ndarray:
        """Marks each of `rows` rows that has the digest of an earlier one: booleans, one a row, on disk."""
        marks = np.lib.format.open_memmap(self.folder / "duplicates.npy", "w+", bool, (max(rows, 1),))
        for path in self._paths:
            if path.exists():
                records = np.fromfile(path, _RECORD)
                order = np.lexsort((records["row"], records["low"], records["high"]))
                ordered = records[order]
                repeated = (ordered["high"][1:] == ordered["high"][:-1]) & (ordered["low"][1:] == ordered["low"][:-1])
                marks[ordered["row"][1:][repeated]] = True
        return marks
