"""Cuts a sequence of pairs into shards at places that the pairs themselves choose.

Content-defined chunking: whether a shard ends after a pair depends on the hash of that pair, not on its position, so an
inserted line does not move the boundaries after it. What is still longer than the limit is split after the pair with
the smallest hash, and again, as the root of a treap splits its keys (Seidel and Aragon 1996). An insertion touches one
run between boundaries, and there replaces at most one shard by two: at most two shards are new. (Usually one shard goes
for the one or two that come; where the inserted pair becomes the root of a run, several small ones may go.)
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def boundaries(keys: np.ndarray, limit: int) -> np.ndarray:
    """The positions after which a run ends: true for about two pairs in `limit`.

    Args:
        keys: Uniform hashes of the pairs, uint64, shape (pairs,).
        limit: The most pairs in a shard.
    """
    return keys <= min(2**64 - 1, 2**65 // limit)


def split_run(keys: np.ndarray, limit: int) -> list[int]:
    """The lengths of the shards of one run, each from 1 to `limit`, in order."""
    lengths: list[int] = []
    waiting = [keys]
    while waiting:
        part = waiting.pop()
        if len(part) <= limit:
            lengths.append(len(part))
        else:
            end = int(np.argmin(part[:-1])) + 1
            waiting += [part[end:], part[:end]]
    return lengths


def pair_keys(table: pa.Table) -> np.ndarray:
    """The first 64 bits of the pair ids, 32 hex digits each."""
    digits = "".join(pc.utf8_slice_codeunits(table["pair_id"], 0, 16).to_pylist())
    return np.frombuffer(bytes.fromhex(digits), ">u8").astype(np.uint64)


def cut_shards(
    batches: Iterable[pa.RecordBatch], limit: int, keys: Callable[[pa.Table], np.ndarray] = pair_keys
) -> Iterator[pa.Table]:
    """Regroups batches into shards of at most `limit` rows, order kept.

    Args:
        batches: Rows with all that `keys` needs; a column `pair_id` if it is not given.
        limit: The most pairs in a shard.
        keys: Gives uniform hashes of the rows, uint64; a row whose hash is made smaller is likelier to end a shard.
    """
    run: list[pa.Table] = []
    for batch in batches:
        table = pa.Table.from_batches([batch])
        ends = np.flatnonzero(boundaries(keys(table), limit)) + 1
        start = 0
        for end in ends.tolist():
            run.append(table.slice(start, end - start))
            yield from _split(run, limit, keys)
            run, start = [], end
        run.append(table.slice(start))
    yield from _split(run, limit, keys)


def _split(run: list[pa.Table], limit: int, keys: Callable[[pa.Table], np.ndarray]) -> Iterator[pa.Table]:
    table = pa.concat_tables(run) if run else None
    if table:
        start = 0
        for length in split_run(keys(table), limit):
            yield table.slice(start, length).combine_chunks()
            start += length
