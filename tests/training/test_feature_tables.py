import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.training.feature_tables import texts_of, to_table

WINDOWS = st.lists(st.tuples(st.integers(0, 300_000), st.integers(-100, 2**48)), max_size=5)
TEXTS = st.lists(st.lists(WINDOWS, min_size=1, max_size=3), max_size=6)


def _features(texts):
    return [
        [
            {
                "input_ids": np.array([id_ for id_, _ in window], dtype=np.int64),
                "targets": np.array([target for _, target in window], dtype=np.int64),
            }
            for window in text
        ]
        for text in texts
    ]


def _plain(texts):
    return [
        [list(zip(window["input_ids"].tolist(), window["targets"].tolist(), strict=True)) for window in text]
        for text in texts
    ]


@given(TEXTS, TEXTS, st.integers(0, 3), st.integers(0, 6))
@settings(deadline=None)
def test_features_come_back_from_any_part_of_a_table(some, others, start, count):
    table = pa.concat_tables([to_table(_features(some)), to_table(_features(others))])
    assert _plain(texts_of(table)) == some + others
    assert _plain(texts_of(table.slice(start, count))) == (some + others)[start : start + count]
