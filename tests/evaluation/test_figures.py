import pytest

from gold_rows import ROWS
from xner_core.alignment.query import NO_COUNTERPART, Alignment
from xner_core.evaluation.figures import judged, null_figures, projected_tags, projection_figures
from xner_core.evaluation.gold import read_gold
from xner_core.text.spans import Span

NULL = Alignment(None, 0.1, NO_COUNTERPART)


class ByName:
    """Finds what is spelt the same in the target text."""

    def __init__(self):
        self.asked = []

    def align(self, queries):
        self.asked.append(queries)
        return [[self._find(query, span) for span in query.source_spans] for query in queries]

    def _find(self, query, span):
        name = query.source_text[span.start : span.end]
        start = query.target_text.find(name)
        return NULL if start < 0 else Alignment(Span(start, start + len(name)), 0.9)


@pytest.fixture
def gold(write):
    def gold(language, *rows):
        pairs = read_gold(write(*(rows or ROWS)), "en", language)
        return pairs, [source.entities() for source, _ in pairs]

    return gold


def _row(source, source_tags, target, target_tags):
    sides = {"en": (source, source_tags), "de": (target, target_tags)}
    return {name: {"tokens": text.split(), "tags": tags.split(), "text": text} for name, (text, tags) in sides.items()}


def test_a_projected_span_becomes_the_tokens_that_it_overlaps(gold):
    pairs, entities = gold("zh", ROWS[0])
    tags = projected_tags(pairs, entities, [[Alignment(Span(2, 4), 0.5), Alignment(None, 0.0, "no counterpart")]])
    assert tags == [["B-PER", "I-PER", "O"]]


def test_a_projected_entity_is_right_if_the_gold_has_its_tokens_with_its_type(gold):
    pairs, entities = gold(
        "de", *ROWS, _row("Rome", "B-LOC", "Rom", "B-ORG"), _row("Ulm is", "B-LOC O", "Ulm", "B-LOC")
    )
    answers = [
        # "Ad" is the token "Ada"; "Bob" without "Ross" is another entity.
        [Alignment(Span(0, 2), 0.9), Alignment(Span(9, 12), 0.8)],
        [NULL],
        [Alignment(Span(0, 3), 0.7)],
        [Alignment(Span(0, 3), 0.6)],
    ]
    confidence, right = judged(pairs, entities, answers)
    assert confidence.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert right.tolist() == [True, False, False, True]


def test_null_figures_by_hand(gold):
    pairs, entities = gold(
        "de",
        # Kept and found; found again once it is cut out, for the name stands there twice.
        _row("Ada saw Rome", "B-PER O B-LOC", "Ada sah Rome , Rome", "B-PER O B-LOC O O"),
        # Not found in the first place.
        _row("Rome sleeps", "B-LOC O", "Rom schläft", "B-LOC O"),
        # Two of a type on one side: in doubt.
        _row("Ann saw Ann", "B-PER O B-PER", "Ann sah", "B-PER O"),
    )
    aligner = ByName()
    alignments = aligner.align([])
    alignments = [
        [Alignment(Span(0, 3), 1.0), Alignment(Span(8, 12), 1.0)],
        [NULL],
        [Alignment(Span(0, 3), 1.0), NULL],
    ]
    found = null_figures(aligner, pairs, entities, alignments)
    assert found == {"entities": 3, "aligned_null": pytest.approx(1 / 3), "removed_null": pytest.approx(2 / 3)}
    assert [(query.target_text, query.source_spans) for query in aligner.asked[-1]] == [
        ("sah Rome , Rome", (Span(0, 3),)),
        ("Ada sah , Rome", (Span(8, 12),)),
        ("schläft", (Span(0, 4),)),
    ]


def test_gold_without_a_sole_counterpart_has_no_null_figures(gold):
    pairs, entities = gold("de")
    assert null_figures(ByName(), pairs, entities, [[NULL, NULL], [NULL]]) == {
        "entities": 0,
        "aligned_null": None,
        "removed_null": None,
    }


def test_all_figures_of_an_aligner(gold):
    pairs, entities = gold("de")
    aligner = ByName()
    found = projection_figures(aligner, pairs, entities, warm_up=1)
    # The first pair to get warm, all pairs, and those whose counterparts are cut out, of which there are none.
    assert [len(queries) for queries in aligner.asked] == [1, 2, 0]
    assert (found["f1"], found["source_entities"], found["share_null"]) == (1, 3, pytest.approx(1 / 3))
    assert found["calibration"]["expected_calibration_error"] == pytest.approx(0.1)
    assert found["calibration"]["error_ratio_90"] is None
    projection_figures(aligner, pairs, entities, warm_up=0)
    assert [len(queries) for queries in aligner.asked[3:]] == [2, 0]
