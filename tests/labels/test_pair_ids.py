import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from label_files import row, write_labels
from xner_core.errors import XnerError
from xner_core.labels import pair_ids
from xner_core.labels.label_files import find_label_files, last_pair_of_sample
from xner_core.labels.pair_ids import SmallestIds, id_halves, id_of_halves

# Some agree in one half, or are the same.
IDS = st.binary(min_size=16, max_size=16).map(bytes.hex) | st.text("0f", min_size=2, max_size=2).map(
    lambda two: two[0] * 16 + two[1] * 16
)


def _column(*chunks: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array(chunks, pa.string())


@given(st.lists(IDS), st.integers(0, 3))
@settings(deadline=None)
def test_halves_are_the_ids_as_numbers(ids, first):
    halves = id_halves(_column(ids, ids).slice(first))
    assert [id_of_halves(each) for each in halves] == (ids + ids)[first:]


@pytest.mark.parametrize("bad", ["", "0" * 31, "0" * 33, "g" * 32, "é" * 16, " " * 32, None])
def test_what_is_no_id_is_refused(bad, tmp_path):
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        id_halves(_column(["0" * 32, bad]))


def test_a_file_without_such_ids_is_named(tmp_path):
    files = find_label_files([write_labels(tmp_path, [row("Text", id_="1")])])
    with pytest.raises(XnerError, match=r"\.parquet: a pair_id is not made of"):
        last_pair_of_sample(files, 1)


@given(st.lists(st.lists(IDS, max_size=20), max_size=5), st.integers(1, 20), st.integers(0, 5))
@settings(deadline=None)
def test_the_smallest_of_all_are_kept_each_once(files, count, sorted_at_least):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_ids, "_SORTED_AT_LEAST", sorted_at_least)
        smallest = SmallestIds(count)
        for ids in files:
            smallest.add(id_halves(_column(ids)))
    found = [id_of_halves(each) for each in smallest.ids()]
    assert found == sorted({id_ for ids in files for id_ in ids})[:count]


def test_no_more_than_twice_what_is_kept_is_held():
    chance = np.random.default_rng(0)
    smallest = SmallestIds(100_000)
    for _ in range(100):
        smallest.add(chance.integers(0, 2**64, (10_000, 2), dtype=np.uint64))
        assert len(smallest._kept) + sum(map(len, smallest._added)) <= 210_000
    assert len(smallest.ids()) == 100_000
