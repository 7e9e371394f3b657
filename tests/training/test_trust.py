from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from any_script import any_text
from label_files import label, row
from row_by_row import annotate_row
from xner_core.errors import XnerError
from xner_core.labels.consensus import CONSENSUS
from xner_core.labels.schema import LABELS
from xner_core.text.spans import Span
from xner_core.training.annotations import LabelCounts
from xner_core.training.features import AnnotatedText
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


def table(*rows: dict) -> pa.Table:
    """Label rows as their files have them, with the votes on them if they have some."""
    labels = pa.Table.from_pylist(list(rows), schema=LABELS)
    for field in list(CONSENSUS)[1:]:
        if any(field.name in row for row in rows):
            labels = labels.append_column(field, pa.array([row[field.name] for row in rows], field.type))
    return labels


def annotated(row_: dict, trust: TrustSettings) -> AnnotatedText:
    (text,) = annotate(table(row_), trust)
    return text


def read(row_, **trust):
    """Types and starts of what is learnt, starts of what is masked, and types that stay open."""
    text = annotated(row_, TrustSettings(**{"masked": 0.3} | trust))
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
    text = annotated(row("Anna Ulm Ulm und mehr", labels), TrustSettings(masked=0.3))
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
    entities = annotated(labelled, trust).entities
    assert [(entity.type, *entity.span) for entity in entities] == [("LOC", 2, 7), ("PER", 7, 8), ("LOC", 9, 10)]
    assert entities[0].confidence == pytest.approx(
        annotated(row(labelled["target_text"], labels[1:2]), trust).entities[0].confidence
    )
    assert read(labelled, touching=False)[0] == [("LOC", 2), ("LOC", 4), ("PER", 7), ("LOC", 9)]
    assert read(row("Ulm/Bonn", [label("LOC", 0, 3), label("LOC", 3, 8)]))[0] == [("LOC", 0), ("LOC", 3)]


SHARES = st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.6, 0.7, 1.0]) | st.floats(0, 1, width=32)
TYPES = st.sampled_from(["LOC", "ORG", "PER"])
SUPPORT = st.integers(0, 8)
# Much of it touches, overlaps, or is joined by hyphens.
TEXTS = st.text("Ab-\u2010 在é\u0301", min_size=1, max_size=8) | any_text.filter(bool)


@st.composite
def label_rows(draw) -> dict:
    """A row of any label file, with votes."""
    text = draw(TEXTS)
    places = st.lists(st.integers(0, len(text)), min_size=2, max_size=2, unique=True).map(sorted)

    def spans(names: tuple[str, str], **fields) -> st.SearchStrategy[dict]:
        return st.builds(
            lambda place, given: given | dict(zip(names, place, strict=True)), places, st.fixed_dictionaries(fields)
        )

    tagged = {"type": TYPES, "confidence": SHARES}
    projected = spans(
        ("target_start", "target_end"), type=TYPES, tagger_confidence=SHARES, aligner_confidence=SHARES
    ).map(lambda fields: label("", 0, 0) | fields)
    labels = draw(st.lists(projected | TYPES.map(lambda type_: label(type_, None, None)), max_size=4))
    mentions = draw(st.none() | st.lists(spans(("start", "end"), **tagged), max_size=4))
    name_fields = {"type": TYPES, "occurrences": SUPPORT, "coverage": SHARES, "type_share": SHARES}
    vote_fields = {"projections": SUPPORT, "type": TYPES, "type_share": SHARES, "target_share": SHARES}
    votes = st.fixed_dictionaries(vote_fields | {"occurrences": SUPPORT, "coverage": SHARES})
    return row(text, labels, mentions=mentions) | {
        "votes": [draw(votes) for _ in labels],
        "recovered": draw(st.lists(spans(("start", "end"), **name_fields), max_size=3)),
    }


@st.composite
def trust_settings(draw) -> TrustSettings:
    masked, learnt = sorted((draw(SHARES), draw(SHARES)))
    names = ("mentions", "unexplained", "names", "outlier", "voted", "lowercase", "hyphenated")
    return TrustSettings(
        learnt=learnt,
        masked=masked,
        support=draw(st.integers(1, 8)),
        touching=draw(st.booleans()),
        **{name: draw(SHARES) for name in names},
    )


@given(st.lists(label_rows(), max_size=5), trust_settings(), st.booleans(), st.booleans())
@example([], TrustSettings(), True, False)
@settings(deadline=None, max_examples=100)
def test_columns_are_read_as_row_by_row(rows, trust, voted, unexplained):
    labels = table(*rows)
    if not voted and rows:
        labels = labels.drop_columns(["votes", "recovered"])
    if not unexplained:
        trust = replace(trust, unexplained=None)
    found = annotate(labels, trust)
    expected = [annotate_row(row, trust) for row in labels.to_pylist()]
    assert list(found) == expected
    assert list(annotate(labels.slice(1), trust)) == expected[1:]
    counts = LabelCounts.of(found)
    assert counts.sentences == len(rows)
    assert counts.masked == sum(len(text.masked) for text in expected)
    for type_ in ("LOC", "ORG", "PER"):
        entities = [entity for text in expected for entity in text.entities if entity.type == type_]
        assert counts.entities[type_] == len(entities)
        assert counts.open[type_] == sum(type_ in text.missed for text in expected)
    assert all([*counts.entities.values(), *counts.open.values()])


def test_votes_on_other_entities_are_refused():
    labels = table(row(TEXT, [label("PER", 0, 4)]) | {"votes": [], "recovered": []})
    with pytest.raises(XnerError, match="not one vote for each entity"):
        annotate(labels, TrustSettings())
