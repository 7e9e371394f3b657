"""Columns whose cells are lists of structs, as arrays of all their items."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner_core.training.annotations import TypedSpans


class Items:
    """The items of a column of lists, one after the other; a list that is null has none.

    Attributes:
        lengths: of the lists, [rows]
        rows: of each item, the index of its row, [items]
    """

    def __init__(self, lists: pa.ChunkedArray) -> None:
        array = lists.combine_chunks()
        self.lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        self.rows = np.repeat(np.arange(len(array)), self.lengths)
        self._items = array.flatten()

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> pa.Array:
        """A field of each item."""
        return self._items.field(name)

    def numbers(self, name: str) -> np.ndarray:
        """A field of numbers, 0 where there is none; floats have 64 bits, as those of Python do."""
        found = pc.fill_null(self.column(name), 0).to_numpy(zero_copy_only=False)
        return found.astype(np.float64 if found.dtype.kind == "f" else np.int64)

    def spans(self, starts: str, ends: str, types: np.ndarray, scores: np.ndarray) -> TypedSpans:
        """The spans between two fields, with types and scores, both [items]."""
        return TypedSpans(self.rows, self.numbers(starts), self.numbers(ends), types, scores)
