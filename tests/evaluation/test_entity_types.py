import pytest

from xner_core.errors import XnerError
from xner_core.evaluation.entity_types import nearest, scored_types

CONLL = ["LOC", "MISC", "ORG", "PER"]


@pytest.mark.parametrize(
    ("type_", "meant"),
    [
        ("person", "PER"),
        ("Per", "PER"),
        ("location", "LOC"),
        ("GPE", "LOC"),
        ("corporation", "ORG"),
        ("person-actor", "PER"),
        ("ORGA", "ORG"),
        ("Disease", None),
    ],
)
def test_the_type_that_is_probably_meant(type_, meant):
    assert nearest(type_, CONLL) == meant


def test_types_that_match_nothing_are_refused():
    with pytest.raises(XnerError) as raised:
        scored_types("gold.conll", {"person", "location"}, {"starter": CONLL})
    message = str(raised.value)
    assert "gold.conll: marks location, person, and none of these types is found by all models" in message
    assert "starter finds LOC, MISC, ORG, PER" in message
    assert "did you mean LOC for location, PER for person?" in message
    assert "label_map '{LOC: location, PER: person}'" in message


@pytest.mark.parametrize("wanted", [["PERS"], ["PER", "LOC,ORG"], ["per"]])
def test_a_type_that_nobody_knows_is_refused_with_the_valid_ones(wanted):
    with pytest.raises(
        XnerError, match=r"no entity type .*: gold.conll marks PER, and starter finds LOC, MISC, ORG, PER"
    ):
        scored_types("gold.conll", {"PER"}, {"starter": CONLL}, wanted)


def test_types_asked_for_that_the_model_lacks_are_refused_if_there_are_no_others():
    with pytest.raises(XnerError, match=r"gold.conll: person to be scored, .*did you mean PER\?"):
        scored_types("gold.conll", {"person", "PER"}, {"starter": CONLL}, ["person"])


def test_types_that_a_model_lacks_are_said_aloud():
    scored = scored_types("gold.conll", {"PER", "LOC", "GPE", "DATE"}, {"starter": CONLL})
    assert scored.types == ["DATE", "GPE", "LOC", "PER"]
    assert scored.warnings == ["starter does not find DATE, GPE, which gold.conll marks: its score there is 0"]
    both = scored_types("gold.conll", {"PER", "DATE"}, {"student": ["PER"], "starter": CONLL}, shared=True)
    assert both.types == ["PER"]
    assert [warning.partition(" does")[0] for warning in both.warnings] == ["student", "starter"]
    assert all("not scored" in warning for warning in both.warnings)


def test_types_that_the_gold_does_not_mark_are_said_aloud():
    scored = scored_types("gold.conll", {"PER"}, {"starter": CONLL}, ["PER", "LOC"])
    assert scored.types == ["LOC", "PER"]
    assert scored.warnings == ["gold.conll does not mark LOC: whatever is found of it counts as wrong"]
    empty = scored_types("gold.conll", set(), {"starter": CONLL}, ["PER"])
    assert (empty.types, empty.warnings) == (["PER"], ["gold.conll marks no entity"])


def test_types_that_agree_need_no_word():
    assert scored_types("gold.conll", {"PER"}, {"starter": CONLL}).warnings == []
    assert scored_types("gold.conll", {"PER"}, {}).types == ["PER"]
