"""Ids of pairs as numbers: 32 hexadecimal digits are two halves of 64 bits, in the same order."""

import numpy as np
import pyarrow as pa

_DIGITS = 32
# Sorting many at once takes less than a few again and again.
_SORTED_AT_LEAST = 1 << 16


def id_halves(ids: pa.ChunkedArray) -> np.ndarray:
    """The two halves of each id, uint64, [ids, 2].

    Raises:
        ValueError: one of them is not made of 32 hexadecimal digits.
    """
    array = ids.cast(pa.large_binary()).combine_chunks()
    if not len(array):
        return np.empty((0, 2), dtype=np.uint64)
    _, offsets, content = array.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    try:
        digits = bytes.fromhex(str(memoryview(content)[ends[0] : ends[-1]], "ascii"))
    except ValueError:
        digits = b""
    if (np.diff(ends) != _DIGITS).any() or 2 * len(digits) != _DIGITS * len(array):
        raise ValueError(f"a pair_id is not made of {_DIGITS} hexadecimal digits")
    return np.frombuffer(digits, dtype=">u8").reshape(-1, 2).astype(np.uint64)


def id_of_halves(halves: np.ndarray) -> str:
    """The id that has these two halves, [2]."""
    high, low = halves.tolist()
    return f"{high:016x}{low:016x}"


class SmallestIds:
    """The smallest of many ids, each counted once; it holds about twice as many as it keeps.

    Args:
        count: how many are kept
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._kept = np.empty((0, 2), dtype=np.uint64)
        self._added: list[np.ndarray] = []
        self._pending = 0

    def add(self, halves: np.ndarray) -> None:
        """Takes some more, uint64, [ids, 2]."""
        if len(self._kept) == self._count:
            # Ids of the last one's first half are told apart when they are sorted.
            halves = halves[halves[:, 0] <= self._kept[-1, 0]]
        self._added.append(halves)
        self._pending += len(halves)
        if self._pending > max(self._count, _SORTED_AT_LEAST):
            self._settle()

    def ids(self) -> np.ndarray:
        """Those that are kept, in order, uint64, [ids, 2]."""
        self._settle()
        return self._kept

    def _settle(self) -> None:
        found = np.concatenate([self._kept, *self._added])
        found = found[np.lexsort((found[:, 1], found[:, 0]))]
        first = np.ones(len(found), dtype=bool)
        first[1:] = (found[1:] != found[:-1]).any(axis=1)
        self._kept, self._added, self._pending = found[first][: self._count], [], 0
