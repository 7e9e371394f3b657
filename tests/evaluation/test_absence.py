import pytest

from xner_core.evaluation.absence import cut_out, sole_counterparts
from xner_core.text.spans import Entity, Span

ADA, BOB, ROME = (Entity(Span(*span), type_) for span, type_ in [((0, 3), "PER"), ((4, 7), "PER"), ((8, 12), "LOC")])


def test_only_the_sole_entities_of_their_type_have_an_undoubted_counterpart():
    assert sole_counterparts([ADA, ROME], [ROME, BOB]) == [(0, BOB.span), (1, ROME.span)]
    assert sole_counterparts([ADA, BOB, ROME], [ROME, BOB]) == [(2, ROME.span)]
    assert sole_counterparts([ADA, ROME], [ADA, BOB]) == []
    assert sole_counterparts([ROME], []) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Ada saw Rome.", "Ada saw."),
        ("Rome saw Ada", "saw Ada"),
        ("a Rome b", "a b"),
        ("在Rome的", "在的"),
        ("Rome", ""),
    ],
)
def test_a_counterpart_is_cut_out_with_one_space(text, left):
    start = text.index("Rome")
    assert cut_out(text, Span(start, start + 4)) == left
