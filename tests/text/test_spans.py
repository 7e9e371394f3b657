from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from xner_core.text.spans import Entity, Span, entities_of_tags, join_tokens, locate_tokens, tags_of_entities

TYPES = st.sampled_from(["PER", "LOC", "ORG"])


@st.composite
def tagged_tokens(draw):
    """Tokens with well-formed IOB2 tags."""
    tokens, tags = [], []
    for _ in range(draw(st.integers(0, 6))):
        type_ = draw(st.one_of(st.none(), TYPES))
        length = draw(st.integers(1, 3))
        tokens += draw(st.lists(st.text("abcß北", min_size=1, max_size=4), min_size=length, max_size=length))
        tags += ["O"] * length if type_ is None else [f"B-{type_}"] + [f"I-{type_}"] * (length - 1)
    return tokens, tags


@given(tagged_tokens(), st.booleans())
def test_tags_survive_the_way_through_character_spans(tokens_and_tags, spaced):
    tokens, tags = tokens_and_tags
    text, spans = join_tokens(tokens, spaced)
    assert [text[span.start : span.end] for span in spans] == tokens
    assert tags_of_entities(entities_of_tags(tags, spans), spans) == tags


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8), TYPES), max_size=5))
def test_tags_are_well_formed_whatever_the_entities(entities):
    _, spans = join_tokens(["abc"] * 6)
    tags = tags_of_entities([Entity(Span(start, start + length), type_) for start, length, type_ in entities], spans)
    assert len(tags) == 6
    for previous, tag in zip(["O", *tags], tags, strict=False):
        assert not tag.startswith("I-") or previous[2:] == tag[2:]


def test_an_entity_becomes_the_tokens_it_overlaps():
    _, spans = join_tokens(["in", "New", "York", "."])
    assert tags_of_entities([Entity(Span(5, 8), "LOC")], spans) == ["O", "B-LOC", "I-LOC", "O"]


def test_of_two_overlapping_entities_the_earlier_keeps_its_tokens():
    _, spans = join_tokens(["a", "b", "c"])
    tags = tags_of_entities([Entity(Span(2, 5), "LOC"), Entity(Span(0, 3), "PER")], spans)
    assert get_entities(tags) == [("PER", 0, 1), ("LOC", 2, 2)]


def test_tokens_are_found_in_the_text_they_were_taken_from():
    assert locate_tokens("„So“, sagte", ["„", "So", "“", ",", "sagte"]) == [
        Span(0, 1),
        Span(1, 3),
        Span(3, 4),
        Span(4, 5),
        Span(6, 11),
    ]
