import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.alignment.assignment import assign
from xner_core.alignment.candidates import Candidates


def _candidates(rows):
    """From lists of (score, start, end) of each entity."""
    width = max(len(row) for row in rows)
    padded = [sorted(row, reverse=True) + [(0.0, -1, -1)] * (width - len(row)) for row in rows]
    array = np.array(padded, dtype=np.float64)
    start, end = array[:, :, 1].astype(np.int64), array[:, :, 2].astype(np.int64)
    return Candidates(start, end, array[:, :, 0].astype(np.float32), np.zeros(start.shape, np.float32))


def _spans(candidates, picked):
    return [
        (int(candidates.start[i, column]), int(candidates.end[i, column])) if column >= 0 else None
        for i, column in enumerate(picked)
    ]


def test_the_best_score_of_a_sentence_goes_first_and_the_others_give_way():
    candidates = _candidates([[(0.9, 0, 2), (0.3, 5, 6)], [(0.95, 1, 3), (0.8, 7, 8)], [(0.5, 1, 2)]])
    picked = assign(candidates, np.array([0, 0, 0]), np.array([[0, 3], [4, 6], [7, 9]]))
    assert _spans(candidates, picked) == [(5, 6), (1, 3), None]


def test_sentences_do_not_disturb_each_other():
    candidates = _candidates([[(0.9, 0, 2)], [(0.8, 0, 2)]])
    picked = assign(candidates, np.array([3, 8]), np.array([[0, 3], [0, 3]]))
    assert _spans(candidates, picked) == [(0, 2), (0, 2)]


def test_nested_source_spans_may_have_nested_counterparts():
    candidates = _candidates([[(0.9, 0, 4)], [(0.8, 2, 4)]])
    nested = assign(candidates, np.array([0, 0]), np.array([[0, 9], [4, 9]]))
    apart = assign(candidates, np.array([0, 0]), np.array([[0, 4], [5, 9]]))
    assert _spans(candidates, nested) == [(0, 4), (2, 4)]
    assert _spans(candidates, apart) == [(0, 4), None]


def _one_by_one(rows, queries, source_spans):
    """Greedy assignment as one would write it for a single sentence."""
    found = [None] * len(rows)
    order = sorted((-score, i, start, end) for i, row in enumerate(rows) for score, start, end in row)
    for _, i, start, end in order:
        free = all(
            other is None
            or queries[j] != queries[i]
            or not (other[0] < end and start < other[1])
            or (source_spans[i][0] < source_spans[j][1] and source_spans[j][0] < source_spans[i][1])
            for j, other in enumerate(found)
        )
        if found[i] is None and free:
            found[i] = (start, end)
    return found


@settings(deadline=None)
@given(st.data())
def test_equals_the_plain_algorithm(data):
    count = data.draw(st.integers(1, 7))
    queries = sorted(data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
    scores = iter(data.draw(st.permutations(range(1, 4 * count + 1))))
    span = st.tuples(st.integers(0, 8), st.integers(1, 4)).map(lambda pair: (pair[0], pair[0] + pair[1]))
    rows = [
        [(next(scores) / 100, *each) for each in data.draw(st.lists(span, min_size=1, max_size=4, unique=True))]
        for _ in range(count)
    ]
    source_spans = data.draw(st.lists(span, min_size=count, max_size=count))
    candidates = _candidates(rows)
    picked = assign(candidates, np.array(queries), np.array(source_spans))
    assert _spans(candidates, picked) == _one_by_one(rows, queries, source_spans)
