"""Features as rows of Arrow tables: one for each text, its windows as lists of lists."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from xner_core.training.features import Features

SCHEMA = pa.schema({"input_ids": pa.list_(pa.list_(pa.int32())), "targets": pa.list_(pa.list_(pa.int64()))})


def to_table(texts: Sequence[Sequence[Features]]) -> pa.Table:
    """The features of some texts, each as its windows."""
    windows = [window for text in texts for window in text]
    window_offsets = _offsets([len(text) for text in texts])
    token_offsets = _offsets([len(window["input_ids"]) for window in windows])
    columns = []
    for type_, values in (
        (pa.int32(), [window["input_ids"] for window in windows]),
        (pa.int64(), [window["targets"] for window in windows]),
    ):
        tokens = pa.array(np.concatenate(values) if values else [], type_)
        columns.append(pa.ListArray.from_arrays(window_offsets, pa.ListArray.from_arrays(token_offsets, tokens)))
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def texts_of(table: pa.Table) -> Iterator[list[Features]]:
    """The windows of each text, in the order of the rows."""
    ids, targets = (column.combine_chunks() for column in table.select(SCHEMA.names).columns)
    windows = np.cumsum(ids.value_lengths().to_numpy())
    ids, targets = ids.flatten(), targets.flatten()
    tokens = np.cumsum(ids.value_lengths().to_numpy())
    # Copied, so that no block of an object store is held for as long as one of its texts is.
    cut = (np.split(lists.flatten().to_numpy().copy(), tokens)[:-1] for lists in (ids, targets))
    made = [Features(input_ids=own_ids, targets=own) for own_ids, own in zip(*cut, strict=True)]
    start = 0
    for end in windows.tolist():
        yield made[start:end]
        start = end


def _offsets(lengths: Sequence[int]) -> pa.Array:
    return pa.array(np.append(0, np.cumsum(lengths, dtype=np.int64)), pa.int32())
