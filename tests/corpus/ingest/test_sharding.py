import random
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.corpus.ingest.sharding import boundaries, cut_shards
from xner_core.storage.hashing import pair_id

LIMITS = st.integers(1, 12)


def batch(ids: list[str]) -> pa.RecordBatch:
    return pa.record_batch({"pair_id": pa.array(ids, pa.string()), "n": pa.array(range(len(ids)), pa.int64())})


def shards(ids: list[str], limit: int) -> list[tuple[str, ...]]:
    return [tuple(table["pair_id"].to_pylist()) for table in cut_shards([batch(ids)], limit)]


def random_ids(seed: int, count: int, density: float) -> list[str]:
    """Distinct ids; a small density makes the ends of runs rare, and so the runs long."""
    generator = random.Random(seed)
    return [f"{int(2**64 * (1 - density * generator.random())) - 1:016x}{n:016x}" for n in range(count)]


sequences = st.builds(random_ids, st.integers(), st.integers(0, 80), st.sampled_from([1.0, 0.9, 0.5, 0.01]))


@given(sequences, LIMITS, st.lists(st.integers(0, 80)))
def test_shards_hold_all_pairs_in_order_whatever_the_batches(ids, limit, cuts):
    places = sorted({0, len(ids), *(cut for cut in cuts if cut < len(ids))})
    batches = [batch(ids[start:end]) for start, end in pairwise(places)]
    made = [tuple(table["pair_id"].to_pylist()) for table in cut_shards(batches, limit)]
    assert [each for shard in made for each in shard] == ids
    assert all(1 <= len(shard) <= limit for shard in made)
    assert made == shards(ids, limit)


@settings(max_examples=400, deadline=None)
@given(sequences, LIMITS, st.data())
def test_an_inserted_pair_makes_at_most_two_new_shards(ids, limit, data):
    position = data.draw(st.integers(0, len(ids)))
    key = data.draw(st.integers(0, 2**64 - 1))
    longer = [*ids[:position], f"{key:016x}{'f' * 16}", *ids[position:]]
    assert len(set(shards(longer, limit)) - set(shards(ids, limit))) <= 2
    # The other way round it is a deletion: at most two shards go.


@settings(max_examples=400, deadline=None)
@given(sequences.filter(len), LIMITS, st.data())
def test_a_deleted_pair_changes_nothing_beyond_its_run(ids, limit, data):
    position = data.draw(st.integers(0, len(ids) - 1))
    shorter = ids[:position] + ids[position + 1 :]
    ends = boundaries(np.array([int(each[:16], 16) for each in ids], np.uint64), limit)
    before = max((end + 1 for end in np.flatnonzero(ends[:position])), default=0)
    after = next((position + 1 + end + 1 for end in np.flatnonzero(ends[position + 1 :])), len(ids))
    untouched = {shard for shard in shards(ids, limit) if ids.index(shard[0]) < before or ids.index(shard[0]) >= after}
    assert untouched <= set(shards(shorter, limit))


def test_sizes_of_real_ids_are_about_half_the_limit():
    ids = [pair_id("en", "de", str(n), str(n)) for n in range(50_000)]
    sizes = [len(shard) for shard in shards(ids, 1000)]
    assert max(sizes) <= 1000
    assert 250 < np.mean(sizes) < 600


@pytest.mark.parametrize("batches", [[], [batch([])]])
def test_nothing_gives_no_shard(batches):
    assert list(cut_shards(batches, 10)) == []


def test_rows_keep_their_other_columns():
    ids = random_ids(1, 50, 1.0)
    numbers = [n for table in cut_shards([batch(ids)], 7) for n in table["n"].to_pylist()]
    assert numbers == list(range(50))
