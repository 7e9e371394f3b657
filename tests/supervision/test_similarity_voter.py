import pytest

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.query import AlignmentQuery
from xner_core.supervision.similarity_voter import SimilarityVoter, find_mentions
from xner_core.text.spans import Entity, Span


@pytest.fixture(scope="module")
def voter(tiny_encoder):
    return SimilarityVoter(tiny_encoder, "cpu")


QUERIES = [
    AlignmentQuery("old Abcdef went to Bcdefa", "Abcdef kwam naar Bcdefa", (Span(4, 10), Span(19, 25))),
    AlignmentQuery("no words there", "...", ()),
    AlignmentQuery("then Fedcba came", "", (Span(5, 11),)),
    # The same text again.
    AlignmentQuery("old Abcdef went to Bcdefa", "naar Bcdefa", (Span(19, 25),)),
]


def test_layers_are_those_around_the_aligners_own(voter):
    # Of two layers the first is 7/12 of the way up.
    assert voter.signals == ["similarity-1", "similarity-2"]
    assert voter.middle == "similarity-1"


def test_the_middle_layer_finds_what_the_aligner_finds(voter, tiny_encoder):
    aligner = AlignerSettings("similarity", tiny_encoder, min_confidence=0.0).load()
    expected = [[answer.target for answer in answers] for answers in aligner.align(QUERIES)]
    layers, _ = voter.vote(QUERIES)
    assert layers[0] == expected
    assert [len(spans) for spans in layers[1]] == [2, 0, 1, 1]


def test_it_agrees_if_the_way_back_leads_to_the_name(voter, tiny_encoder):
    aligner = AlignerSettings("similarity", tiny_encoder, min_confidence=0.0).load()
    layers, agrees = voter.vote(QUERIES)
    assert agrees[1:3] == [[], [False]]
    for query, spans, agree in zip(QUERIES, layers[0], agrees, strict=True):
        back = AlignmentQuery(query.target_text, query.source_text, tuple(span for span in spans if span))
        returned = [answer.target for answer in aligner.align([back])[0]]
        if len(returned) == len(spans):
            assert agree == [span == found for span, found in zip(query.source_spans, returned, strict=True)]


def test_mentions_are_of_the_type_and_of_one_name():
    mentions = [Entity(Span(0, 4), "PER"), Entity(Span(5, 12), "LOC"), Entity(Span(20, 30), "ORG")]
    assert find_mentions(["PER", "LOC"], [Span(0, 4), Span(8, 12)], mentions) == [Span(0, 4), Span(5, 12)]
    # Another type, no type, nothing near.
    assert find_mentions(["LOC", None, "ORG"], [Span(0, 4), Span(5, 12), None], mentions) == [None] * 3
    # Near another name as well.
    assert find_mentions(["LOC", "PER"], [Span(8, 12), Span(5, 7)], mentions) == [None, None]
