import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.alignment.query import BAD_SPAN, EMPTY_TEXT, NO_COUNTERPART, AlignmentQuery
from xner_core.errors import XnerError
from xner_core.evaluation.rivals import (
    LinkAligner,
    eflomal_linker,
    entity_links,
    grow_diag_final_and,
    require,
    simalign_linker,
    word_pair,
)
from xner_core.text.spans import Span

MISSING = "comes with the extra `rivals`"


def _matrix(*lines):
    return np.array([[character == "x" for character in line] for line in lines])


def _query(source, target, *names):
    spans = (source.index(name) for name in names)
    return AlignmentQuery(
        source, target, tuple(Span(start, start + len(name)) for start, name in zip(spans, names, strict=True))
    )


def _align(query, *lines):
    (found,) = LinkAligner(lambda pairs: [_matrix(*lines)]).align([query])
    return [query.target_text[each.target.start : each.target.end] if each.target else None for each in found]


def test_links_become_probabilities_by_hand():
    # Of the words 0 and 1, the first links to two target words; a third source word shares the second of these.
    links = entity_links(_matrix("xx.", "..x", ".x."), np.array([7]), np.array([[0, 2]]))
    assert links.entities.tolist() == [7]
    assert links.forward.tolist() == [[0.5, 0.5, 1]]
    assert links.backward.tolist() == [[1, 0.5, 1]]
    assert links.total.tolist() == [[0.5, 1.5, 1]]
    assert links.similarity.tolist() == links.backward.tolist()


def test_links_become_spans_by_the_rules():
    query = _query("Ada Lovelace saw Rome", "In Rom war die Ada Lovelace", "Ada Lovelace", "Rome")
    # Ada is linked to an article as well, with which no span begins; the gap between two linked words is filled.
    assert _align(query, "...xx.", ".....x", "..x...", ".x....") == ["Ada Lovelace", "Rom"]
    assert _align(query, "....x.", "......", "..x...", ".x....") == ["Ada", "Rom"]


def test_an_entity_without_links_has_no_counterpart():
    query = _query("Ada saw Rome", "Ada sah Rom", "Ada", "Rome")
    assert _align(query, "...", ".x.", "..x") == [None, "Rom"]
    # Nothing but a comma.
    assert _align(_query("Ada saw", "so, ja", "Ada"), ".x.", "x..") == [None]
    found = LinkAligner(lambda pairs: [_matrix("...", "...", "...")]).align([query])
    assert {each.reason for each in found[0]} == {NO_COUNTERPART}


def test_a_linker_is_asked_for_pairs_with_entities_alone():
    asked = []

    def linker(pairs):
        asked.extend(pairs)
        return [np.eye(2, dtype=bool) for _ in pairs]

    queries = [
        AlignmentQuery("no entity", "keine Entität", ()),
        _query("Ada!", "Ada!", "Ada"),
        AlignmentQuery("", "", (Span(0, 1),)),
        AlignmentQuery("Ada", "Ada", (Span(3, 9),)),
        _query("in Rome", "in Rom", "Rome"),
    ]
    found = LinkAligner(linker).align(queries)
    assert asked == [(["Ada", "!"], ["Ada", "!"]), (["in", "Rome"], ["in", "Rom"])]
    assert [[each.target or each.reason for each in answers] for answers in found] == [
        [],
        [Span(0, 3)],
        [EMPTY_TEXT],
        [BAD_SPAN],
        [Span(3, 6)],
    ]
    assert LinkAligner(linker).align(queries[:1]) == [[]]
    assert LinkAligner(linker).align([]) == []
    assert len(asked) == 2


@settings(max_examples=60, deadline=None)
@given(
    source=st.text(max_size=12),
    target=st.text(alphabet=st.one_of(st.sampled_from("ab ,()\u200f🙂京-"), st.characters()), max_size=20),
    spans=st.lists(st.tuples(st.integers(-2, 14), st.integers(-2, 14)), max_size=4),
    random=st.randoms(use_true_random=False),
)
def test_whatever_is_linked_every_span_is_inside_the_text(source, target, spans, random):
    def linker(pairs):
        return [np.array([[random.random() < 0.3 for _ in after] for _ in before]) for before, after in pairs]

    (found,) = LinkAligner(linker).align([AlignmentQuery(source, target, tuple(Span(*span) for span in spans))])
    assert len(found) == len(spans)
    for each in found:
        assert 0 <= each.confidence <= 1
        if each.target is None:
            assert each.reason
        else:
            assert 0 <= each.target.start < each.target.end <= len(target)


def test_links_of_two_directions_are_symmetrised_by_hand():
    forward = _matrix(
        "x....",
        ".x...",
        ".....",
        "....x",
        "...x.",
    )
    backward = _matrix(
        "xx...",
        "..x..",
        ".....",
        "....x",
        "...xx",
    )
    # Both have (0, 0), (3, 4) and (4, 3). Beside (0, 0) lies (0, 1), which links a free target word; beside it (1, 1)
    # and then (1, 2), a free source word and a free target word. (4, 4) links two words that have links.
    expected = _matrix(
        "xx...",
        ".xx..",
        ".....",
        "....x",
        "...x.",
    )
    assert grow_diag_final_and(forward, backward).tolist() == expected.tolist()


def test_links_far_from_others_are_added_last_between_words_without_any():
    forward = _matrix("x...", "....", "...x", "...x")
    backward = _matrix("x...", "....", "x...", "....")
    # (2, 3) comes first; (2, 0) and (3, 3) then have a word with a link.
    assert grow_diag_final_and(forward, backward).tolist() == _matrix("x...", "....", "...x", "....").tolist()


@given(st.integers(0, 5), st.integers(0, 5), st.randoms(use_true_random=False))
def test_symmetrised_links_lie_between_both_and_either(rows, columns, random):
    forward, backward = (
        np.array([random.random() < 0.4 for _ in range(rows * columns)], dtype=bool).reshape(rows, columns)
        for _ in range(2)
    )
    found = grow_diag_final_and(forward, backward)
    assert (found >= (forward & backward)).all()
    assert (found <= (forward | backward)).all()
    # What could still link two words without a link is linked.
    rest = (forward | backward) & ~found.any(axis=1, keepdims=True) & ~found.any(axis=0)
    assert not rest.any()


@pytest.mark.parametrize("package", ["simalign", "eflomal"])
def test_a_missing_rival_names_the_extra(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(XnerError, match=rf"{package} .*pip install 'xner\[rivals\]'"):
        require(package)


def test_simalign_aligns_a_text_with_itself(tiny_encoder):
    pytest.importorskip("simalign", reason=MISSING)
    query = _query("Ada Lovelace met Bob in Rome", "Ada Lovelace met Bob in Rome", "Ada Lovelace", "Rome")
    (found,) = LinkAligner(simalign_linker(tiny_encoder, "cpu")).align([query])
    assert [each.target for each in found] == list(query.source_spans)


def test_eflomal_learns_names_from_parallel_text():
    pytest.importorskip("eflomal", reason=MISSING)
    names, places = ["Ada", "Bob", "Eva", "Otto"], ["Rome", "Paris", "Oslo"]
    parallel = [
        word_pair(f"{name} lives in {place} .", f"In {place.upper()} wohnt {name} X .")
        for name in names
        for place in places
    ]
    query = _query("Bob lives in Oslo .", "In OSLO wohnt Bob X .", "Bob", "Oslo")
    (found,) = LinkAligner(eflomal_linker(parallel)).align([query])
    assert [query.target_text[each.target.start : each.target.end] for each in found] == ["Bob", "OSLO"]
