from random import Random

from hypothesis import given
from hypothesis import strategies as st

from xner_core.alignment.boundaries import ORDINARY, word_kind
from xner_core.supervision.examples import Example
from xner_core.supervision.phrases import PHRASE, add_phrases, draw_phrase
from xner_core.supervision.similarity_voter import SimilarityVoter
from xner_core.text.spans import Span
from xner_core.text.words import words


@given(st.text(max_size=60), st.integers(0, 1000))
def test_a_phrase_is_a_run_of_words_with_ordinary_ones_at_its_ends(text, seed):
    phrase = draw_phrase(text, Random(seed))
    if phrase is not None:
        inside = [Span(*word) for word in words(text) if phrase.start <= word[0] and word[1] <= phrase.end]
        assert 2 <= len(inside) <= 7
        assert (inside[0].start, inside[-1].end) == phrase
        assert all(word_kind(text[slice(*word)]) == ORDINARY for word in (inside[0], inside[-1]))


def test_phrases_that_similarity_finds_again_become_links(tiny_encoder):
    text = "Yesterday three old friends walked along another quiet river towards town"
    example = Example("0" * 32, "nl", "tales", text, text, ())
    found = add_phrases([example] * 30, SimilarityVoter(tiny_encoder, "cpu"), Random(0))
    links = [link for each in found for link in each.links]
    assert len(links) > 10
    assert all(link.target == link.source and link.agreed and link.origins == (PHRASE,) for link in links)
    assert len({link.source for link in links}) > 5
