from xner_core.supervision.renderings import Renderings
from xner_core.supervision.worded_text import WordedText
from xner_core.text.spans import Span


def counted(*renderings: str) -> Renderings:
    counts = Renderings()
    for rendering in renderings:
        counts.add([("Rome", rendering)])
    return counts


def test_the_most_frequent_rendering_that_is_there_counts():
    counts = counted("Rom", "Rom", "Roma", "Roma", "Roma")
    assert counts.find("ROME", WordedText.of("von Rom aus")) == Span(4, 7)
    assert counts.find("Rome", WordedText.of("Rom oder Roma")) == Span(9, 13)
    assert counts.find("Rome", WordedText.of("in Romana")) is None
    assert counts.find("Paris", WordedText.of("Rom")) is None


def test_it_must_come_from_two_other_pairs():
    counts = counted("Rom", "Rom")
    text = WordedText.of("von Rom aus")
    assert counts.find("Rome", text) == Span(4, 7)
    assert counts.find("Rome", text, own=[("Rome", "Rom")]) is None
    assert counted("Rom", "Rom", "Rom").find("Rome", text, own=[("Rome", "Rom"), ("Rome", "Rom")]) == Span(4, 7)


def test_a_pair_counts_once():
    counts = Renderings()
    counts.add([("Rome", "Rom"), ("Rome", "Rom")])
    assert counts.find("Rome", WordedText.of("Rom")) is None


def test_a_rare_rendering_does_not_count():
    counts = counted(*["Roma"] * 9, *["Stadt"] * 2)
    assert counts.find("Rome", WordedText.of("die Stadt")) is None


def test_of_several_occurrences_the_near_one_counts():
    counts = counted("Rom", "Rom")
    text = WordedText.of("Rom und Rom")
    assert counts.find("Rome", text) is None
    assert counts.find("Rome", text, near=Span(4, 11)) == Span(8, 11)


def test_names_are_the_same_in_whatever_form_they_are_written():
    renderings = Renderings()
    for name in ("O’Brien", "O'BRIEN"):
        renderings.add([(name, "Obrajen")])
    assert renderings.find("o'brien", WordedText.of("Obrajen pevao")) == Span(0, 7)
