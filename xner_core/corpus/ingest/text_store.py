"""Texts of pairs by their places: in the batches of a spool, or in the files of the corpus that was there before."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

TEXTS = ["source_text", "target_text"]


class TextStore:
    """A sequence of pairs in several files, of which one at a time is in memory.

    Args:
        files: of each file how many pairs it holds, and what reads it.
    """

    def __init__(self, files: Sequence[tuple[int, Callable[[], pa.Table | pa.RecordBatch]]]):
        self._ends = np.cumsum([pairs for pairs, _ in files], dtype=np.int64)
        self._read = [read for _, read in files]
        self._open: tuple[int, pa.Table] | None = None

    def take(self, places: np.ndarray) -> pa.Table:
        """The texts at some places of the sequence, in the order of the places: columns as in TEXTS.

        Args:
            places: int64, shape (pairs,).
        """
        files = np.searchsorted(self._ends, places, side="right")
        order = np.argsort(files, kind="stable")
        parts = []
        for file in np.unique(files).tolist():
            chosen = order[files[order] == file]
            first = int(self._ends[file - 1]) if file else 0
            parts.append(self._texts(file).take(pa.array(places[chosen] - first)))
        return pa.concat_tables(parts).take(pa.array(np.argsort(order, kind="stable")))

    def _texts(self, file: int) -> pa.Table:
        if self._open is None or self._open[0] != file:
            read = self._read[file]()
            self._open = (file, pa.table({name: read[name] for name in TEXTS}))
        return self._open[1]
