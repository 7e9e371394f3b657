import pytest

from xner_core.supervision.signals import find_identical, find_transliterated
from xner_core.supervision.worded_text import WordedText


def part(text, span):
    return None if span is None else text.part(span)


@pytest.mark.parametrize(
    ("name", "source", "target", "found"),
    [
        ("Anna", "then Anna left", "dann ging Anna", "Anna"),
        ("NATO", "at NATO today", "bei der Nato heute", "Nato"),
        ("New York", "to New York", "nach New York", "New York"),
        ("Tom", "for Tom", "我给Tom了", "Tom"),
        ("Ann", "then Ann left", "dann ging Anna", None),
        ("Anna", "Anna saw Anna", "Anna sah", None),
        ("Anna", "Anna saw", "Anna sah Anna", None),
        ("X", "at X", "bei X", None),
    ],
)
def test_identical_names_stand_once_on_either_side(name, source, target, found):
    target = WordedText.of(target)
    assert part(target, find_identical(name, WordedText.of(source), target)) == found


@pytest.mark.parametrize(
    ("name", "target", "found"),
    [
        ("Putin", "тогда Путина видели", "Путина"),
        ("Vladimir Putin", "и Владимир Путин был", "Владимир Путин"),
        ("Beijing", "他在北京出生", "北京"),
        ("Commission", "die Kommission hat", "Kommission"),
        # Told by another signal, not clear, not alike, too short.
        ("Putin", "wie Putin sagte", None),
        ("Putin", "Путин и Путина", None),
        ("Germany", "in Deutschland", None),
        ("Bo", "Бо был", None),
        ("Putin", "", None),
    ],
)
def test_transliterated_names_are_alike_and_clearly_so(name, target, found):
    target = WordedText.of(target)
    assert part(target, find_transliterated(name, target)) == found
