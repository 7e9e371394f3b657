import pytest

from label_files import label, row
from xner_core.text.spans import Span
from xner_core.training.student_settings import TrustSettings
from xner_core.training.trust import annotate

TEXT = "Anna in Ulm und Bonn und Kiel"


def mention(type_: str, start: int, end: int, confidence: float) -> dict:
    return {"type": type_, "start": start, "end": end, "confidence": confidence}


def vote(type_: str = "PER", type_share: float = 1.0, projections: int = 10, occurrences=10, coverage=1.0) -> dict:
    return {
        "projections": projections,
        "type": type_,
        "type_share": type_share,
        "target_share": 1.0,
        "occurrences": occurrences,
        "coverage": coverage,
    }


def name(type_: str, start: int, end: int, coverage: float, occurrences: int = 10, type_share: float = 1.0) -> dict:
    return {"type": type_, "start": start, "end": end} | {
        "occurrences": occurrences,
        "coverage": coverage,
        "type_share": type_share,
    }


def read(row_, **trust):
    """Types and starts of what is learnt, starts of what is masked, and types that stay open."""
    text = annotate(row_, TrustSettings(**{"masked": 0.3} | trust))
    learnt = [(entity.type, entity.span.start) for entity in text.entities]
    return learnt, [span.start for span in text.masked], set(text.missed)


PLAIN = {"learnt": 0.0, "masked": 0.0, "mentions": 0.0, "lowercase": 1.0, "hyphenated": 1.0, "touching": False}


def test_all_that_is_projected_is_learnt_where_nothing_is_doubted():
    labels = [label("PER", 0, 4, tagger=0.2), label("LOC", 8, 11, aligner=0.1), label("ORG", None, None)]
    labelled = row(TEXT, labels, mentions=[mention("LOC", 16, 20, 0.9)])
    assert read(labelled, **PLAIN) == ([("PER", 0), ("LOC", 8)], [], {"ORG"})


def test_scores_decide_what_is_learnt_masked_or_outside():
    labels = [
        label("PER", 0, 4, tagger=0.9, aligner=0.9),
        label("LOC", 5, 8, tagger=0.8, aligner=0.5),
        label("LOC", 9, 12, tagger=0.5, aligner=0.5),
    ]
    text = annotate(row("Anna Ulm Ulm und mehr", labels), TrustSettings(masked=0.3))
    assert [(entity.span, entity.type) for entity in text.entities] == [(Span(0, 4), "PER")]
    assert text.entities[0].confidence == pytest.approx(0.81)
    assert text.masked == [Span(5, 8)]
    with pytest.raises(ValueError, match="is more than learnt"):
        TrustSettings(masked=0.7)


def test_a_mention_speaks_for_the_span_and_type_that_it_shares():
    labels = [label("LOC", 8, 11, tagger=0.5)]
    assert read(row(TEXT, labels, mentions=[mention("LOC", 8, 11, 0.5)])) == ([("LOC", 8)], [], set())
    assert read(row(TEXT, labels, mentions=[mention("ORG", 8, 11, 0.4)])) == ([], [8, 8], set())
    # A surer one of another extent takes the place of what is projected.
    longer = [label("ORG", 0, 11, tagger=0.8)]
    assert read(row(TEXT, longer, mentions=[mention("LOC", 8, 11, 0.9)])) == ([("LOC", 8)], [], set())


def test_a_mention_that_no_entity_explains_is_masked_unless_it_is_sure_enough():
    alone = row(TEXT, mentions=[mention("LOC", 16, 20, 0.9), mention("LOC", 25, 29, 0.4), mention("LOC", 8, 11, 0.2)])
    assert read(alone) == ([], [16, 25], set())
    assert read(alone, unexplained=0.8) == ([("LOC", 16)], [25], set())
    assert read(alone, mentions=0.0) == ([], [], set())


def test_types_are_settled_by_a_clear_vote_with_support():
    labels = [label("PER", 0, 4), label("ORG", None, None)]

    def voted(vote_):
        return read(row(TEXT, labels) | {"votes": [vote_, vote_], "recovered": []})

    assert voted(vote("LOC", 0.9)) == ([("LOC", 0)], [], {"LOC"})
    assert voted(vote("LOC", 0.7)) == ([("PER", 0)], [], {"ORG"})
    assert voted(vote("LOC", 0.9, projections=4)) == ([("PER", 0)], [], {"ORG"})
    never = vote(None, None, projections=0)
    assert voted(never) == ([("PER", 0)], [], {"ORG"})


def test_a_lone_outlier_is_masked():
    def voted(**given):
        return read(row(TEXT, [label("PER", 0, 4)]) | {"votes": [vote(**given)], "recovered": []})

    assert voted(occurrences=100, coverage=0.01) == ([], [0], set())
    assert voted(occurrences=4, coverage=0.01) == ([("PER", 0)], [], set())
    assert voted(occurrences=100, coverage=0.1) == ([("PER", 0)], [], set())


def test_names_that_are_entities_elsewhere_are_recovered():
    labelled = row(TEXT, [label("PER", 0, 4)], mentions=[mention("ORG", 8, 11, 0.99), mention("LOC", 25, 29, 0.3)])
    names = [name("LOC", 16, 20, 0.9), name("LOC", 25, 29, 0.4)]
    labelled |= {"votes": [vote()], "recovered": names}
    assert read(labelled) == ([("PER", 0), ("LOC", 16), ("LOC", 25)], [8], set())
    assert read(labelled, names=0.5) == ([("PER", 0)], [8, 25, 16], set())
    rare = labelled | {"recovered": [name("LOC", 16, 20, 0.9, occurrences=4)]}
    assert read(rare) == ([("PER", 0)], [8, 25], set())
    mixed = labelled | {"recovered": [name("LOC", 16, 20, 0.9, type_share=0.5)]}
    assert read(mixed) == ([("PER", 0)], [8, 16, 25], set())


def test_names_in_lowercase_are_outside_unless_the_setting_keeps_them():
    text = "el presidente francés y Río"
    labels = [label("MISC", 14, 21), label("LOC", 24, 27)]
    assert read(row(text, labels)) == ([("LOC", 24)], [], set())
    assert read(row(text, labels), lowercase=1.0) == ([("MISC", 14), ("LOC", 24)], [], set())
    assert read(row(text, labels), lowercase=0.5) == ([("LOC", 24)], [14], set())
    assert read(row(text, mentions=[mention("MISC", 14, 21, 0.9)])) == ([], [], set())


@pytest.mark.parametrize("text", ["法国", "فرنسا", "1860", "iPhone", "საფრანგეთი", "फ़्रांस"])
def test_scripts_without_capitals_and_words_with_one_are_never_lowercase(text):
    assert read(row(text, [label("MISC", 0, len(text))])) == ([("MISC", 0)], [], set())


@pytest.mark.parametrize(
    ("text", "start", "end", "part"),
    [
        ("das EU-Budget", 4, 6, True),
        ("der Waffen-SS", 11, 13, True),
        ("das EU‑Budget", 4, 6, True),
        ("das EU-Budget", 4, 13, False),
        ("die SPD- und CDU-Fraktion", 4, 7, False),
        ("Boeing 737-800", 0, 10, False),
        ("Rom - Bonn", 0, 3, False),
        ("-Rom", 1, 4, False),
        ("la cafe\u0301-Rom", 9, 12, True),
        ("दिल्ली-मुंबई", 7, 12, True),
    ],
)
def test_parts_of_hyphenated_words_are_outside_unless_the_setting_keeps_them(text, start, end, part):
    labelled = row(text, [label("ORG", start, end)])
    assert read(labelled) == ([] if part else [("ORG", start)], [], set())
    assert read(labelled, hyphenated=0.5) == (([], [start], set()) if part else ([("ORG", start)], [], set()))
    assert read(labelled, hyphenated=1.0) == ([("ORG", start)], [], set())


def test_entities_of_one_type_that_touch_are_one_where_there_are_no_spaces():
    labels = [label("LOC", 2, 4, tagger=0.9), label("LOC", 4, 7, tagger=0.8), label("PER", 7, 8), label("LOC", 9, 10)]
    labelled = row("他在广岛尾道市比说法", labels)
    trust = TrustSettings()
    entities = annotate(labelled, trust).entities
    assert [(entity.type, *entity.span) for entity in entities] == [("LOC", 2, 7), ("PER", 7, 8), ("LOC", 9, 10)]
    assert entities[0].confidence == pytest.approx(
        annotate(row(labelled["target_text"], labels[1:2]), trust).entities[0].confidence
    )
    assert read(labelled, touching=False)[0] == [("LOC", 2), ("LOC", 4), ("PER", 7), ("LOC", 9)]
    assert read(row("Ulm/Bonn", [label("LOC", 0, 3), label("LOC", 3, 8)]))[0] == [("LOC", 0), ("LOC", 3)]
