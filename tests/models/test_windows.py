from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.models.windows import WINDOW_OVERLAP, Windows, overlap, windows_over


@st.composite
def cuts(draw: st.DrawFn) -> Windows:
    size = draw(st.integers(1, 80))
    # No token lies in three windows.
    shared = draw(st.integers(0, size // 2))
    return Windows(draw(st.integers(0, 400)), size, shared, draw(st.integers(0, shared)))


@settings(deadline=None)
@given(cuts())
def test_windows_cover_a_text_and_overlap(windows):
    held = [np.arange(windows.tokens)[windows.range(window)] for window in range(windows.count)]
    assert np.concatenate([held[0], *(tokens[windows.overlap :] for tokens in held[1:])]).tolist() == list(
        range(windows.tokens)
    )
    assert all(len(tokens) == windows.size for tokens in held[:-1])
    assert len(held[-1]) <= windows.size
    for window, (earlier, later) in enumerate(pairwise(held)):
        assert later[0] == windows.start(window + 1)
        assert np.intersect1d(earlier, later).tolist() == later[: windows.overlap].tolist()
        # None is there for what the one before holds already.
        assert len(later) > windows.overlap


@settings(deadline=None)
@given(cuts())
def test_each_token_is_decided_by_a_window_that_holds_it(windows):
    tokens = np.arange(windows.tokens)
    deciding = windows.deciding(tokens)
    assert (np.diff(deciding) >= 0).all()
    for window in range(windows.count):
        decided = tokens[deciding == window]
        assert np.isin(decided, tokens[windows.range(window)]).all()
        # Of what it shares with the one before it leaves so many tokens to that, with the one after it keeps as many.
        begin = windows.start(window) + windows.kept if window else 0
        end = windows.start(window + 1) + windows.kept if window < windows.count - 1 else windows.tokens
        assert decided.tolist() == list(range(begin, end))


@settings(deadline=None)
@given(cuts())
def test_special_tokens_stand_around_each_window(windows):
    ids = np.arange(windows.tokens) + 10
    cut = windows.ids(ids, np.array([0, 1]), np.array([2]))
    assert len(cut) == windows.count
    for window, found in enumerate(cut):
        assert found.tolist() == [0, 1, *ids[windows.range(window)].tolist(), 2]


@pytest.mark.parametrize(("size", "shared"), [(16, 4), (18, 4), (126, 31), (255, 63), (256, 64), (510, WINDOW_OVERLAP)])
def test_neighbours_decide_half_each_of_a_quarter(size, shared):
    assert overlap(size) == shared
    windows = windows_over(1000, size)
    assert (windows.size, windows.overlap, windows.kept) == (size, shared, shared // 2)


@pytest.mark.parametrize("room", [0, 1, 3])
def test_a_window_holds_at_least_one_token(room):
    windows = windows_over(5, room)
    assert windows.size == max(room, 1)
    assert windows.deciding(np.arange(5)).max() == windows.count - 1
