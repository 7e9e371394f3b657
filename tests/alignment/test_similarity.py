import pytest

from xner_core.alignment.aligner_kinds import SIMILARITY
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.query import AlignmentQuery
from xner_core.text.spans import Span


@pytest.fixture(scope="module")
def aligner(tiny_encoder):
    return AlignerSettings(SIMILARITY, tiny_encoder, min_confidence=0, batch_tokens=512).load()


def _query(source, target, *names):
    return AlignmentQuery(source, target, tuple(_span(source, name) for name in names))


def _span(text, part):
    return Span(text.index(part), text.index(part) + len(part))


def _targets(query, found):
    return [query.target_text[each.target.start : each.target.end] if each.target else None for each in found]


def test_a_text_aligns_with_itself(aligner):
    text = "Yesterday Ada Lovelace met van Gogh in the D.C. office of Smith-Jones, Ltd."
    query = _query(text, text, "Ada Lovelace", "van Gogh", "D.C.", "Smith-Jones, Ltd.")
    assert [each.target for each in aligner.align([query])[0]] == list(query.source_spans)


def test_counterparts_take_no_separators_or_articles_that_the_source_lacks(aligner):
    query = _query("we saw Rome today", "we (saw) the Rome, today", "saw Rome")
    (found,) = aligner.align([query])[0]
    assert _targets(query, [found]) in (["saw"], ["Rome"])


def test_texts_of_thousands_of_characters_beyond_the_window(aligner):
    source = "one two three. " * 150 + "Ada Lovelace " + "four five six. " * 150
    query = _query(source, source, "Ada Lovelace")
    assert aligner.align([query])[0][0].target == query.source_spans[0]
