import pytest
from hypothesis import given
from hypothesis import strategies as st

from xner_core.evaluation.mistakes import (
    BOTH_WRONG,
    INVENTED,
    MISSED,
    WRONG_BOUNDARY,
    WRONG_TYPE,
    count_mistakes,
    find_mistakes,
)
from xner_core.text.spans import Entity, Span


def entity(start: int, end: int, type_: str = "PER") -> Entity:
    return Entity(Span(start, end), type_)


@pytest.mark.parametrize(
    ("gold", "predicted", "kinds"),
    [
        ([entity(0, 4)], [entity(0, 4)], []),
        ([entity(0, 4)], [], [MISSED]),
        ([], [entity(0, 4)], [INVENTED]),
        ([entity(0, 4)], [entity(5, 9)], [MISSED, INVENTED]),
        ([entity(0, 4)], [entity(0, 4, "LOC")], [WRONG_TYPE]),
        ([entity(0, 9)], [entity(0, 4)], [WRONG_BOUNDARY]),
        ([entity(0, 9)], [entity(4, 12, "LOC")], [BOTH_WRONG]),
        # The same type counts for more than a longer overlap; what is left over is invented, or missed.
        ([entity(0, 9)], [entity(0, 7, "LOC"), entity(7, 9)], [WRONG_BOUNDARY, INVENTED]),
        ([entity(0, 4), entity(5, 9)], [entity(0, 9)], [WRONG_BOUNDARY, MISSED]),
        # One to one, the better first.
        ([entity(0, 4), entity(5, 9)], [entity(3, 6, "LOC"), entity(5, 9)], [BOTH_WRONG]),
    ],
)
def test_kinds(gold, predicted, kinds):
    assert [mistake.kind for mistake in find_mistakes([gold], [predicted])] == kinds


def test_a_mistake_has_the_type_of_the_gold_if_there_is_one():
    mistakes = list(find_mistakes([[], [entity(0, 4), entity(5, 9)]], [[entity(0, 3, "ORG")], [entity(0, 4, "LOC")]]))
    assert [(mistake.kind, mistake.sentence, mistake.type) for mistake in mistakes] == [
        (INVENTED, 0, "ORG"),
        (WRONG_TYPE, 1, "PER"),
        (MISSED, 1, "PER"),
    ]
    counts = count_mistakes(mistakes)
    assert counts[MISSED] == {"PER": 1}
    assert counts[BOTH_WRONG].total() == 0


@st.composite
def entities(draw):
    """Some that do not overlap."""
    ends = sorted(draw(st.sets(st.integers(0, 20), max_size=8)))
    return [
        entity(start, end, draw(st.sampled_from(["PER", "LOC"])))
        for start, end in zip(ends[::2], ends[1::2], strict=False)
    ]


@given(entities(), entities())
def test_every_entity_is_right_or_in_one_mistake(gold, predicted):
    mistakes = list(find_mistakes([gold], [predicted]))
    right = set(gold) & set(predicted)
    for side, found in (("gold", gold), ("predicted", predicted)):
        wrong = [getattr(mistake, side) for mistake in mistakes if getattr(mistake, side)]
        assert sorted([*wrong, *right]) == found
