import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers.models import Unigram
from transformers import PreTrainedTokenizerFast

from xner_core.models.units import TokenTokeniser, WordTokeniser
from xner_core.models.windows import overlap
from xner_core.text.words import words


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """A Unigram tokenizer of single characters and a few longer pieces, in the manner of XLM-R."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁Ber", "lin", "北京市", "是中国", "▁in", "."]
    vocabulary = [(piece, -1.0) for piece in pieces] + [(chr(code), -10.0) for code in range(33, 400)]
    backend = Tokenizer(Unigram(vocabulary, unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )


def pieces_of(tokenizer, text: str, window: int = 64) -> list[tuple[str, str]]:
    """Each word and its first token."""
    (tokenised,) = WordTokeniser(tokenizer, window)([text])
    found = {}
    for part in tokenised.windows:
        for word, position in zip(part.units, part.positions, strict=True):
            found[int(word)] = tokenizer.convert_ids_to_tokens(int(part.ids[position]))
    return [(text[start:end], found[i]) for i, (start, end) in enumerate(tokenised.units)]


def test_a_word_is_decided_by_its_first_token(tokenizer):
    assert pieces_of(tokenizer, "in Berlin.") == [("in", "▁in"), ("Berlin", "▁Ber"), (".", ".")]


def test_words_of_one_token_become_one(tokenizer):
    # The mark in front of an unspaced text claims the offsets of its first character.
    assert pieces_of(tokenizer, "北京市是中国") == [("北京市", "北京市"), ("是中国", "是中国")]


def test_a_text_without_words_has_none(tokenizer):
    for text in ("", "   ", "\n\t"):
        (tokenised,) = WordTokeniser(tokenizer, 64)([text])
        assert tokenised.units.shape == (0, 2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=[]), max_size=60), max_size=4), st.integers(8, 24))
def test_every_word_is_decided_once_and_is_inside_its_text(tokenizer, texts, window):
    for text, tokenised in zip(texts, WordTokeniser(tokenizer, window)(texts), strict=True):
        decided = np.concatenate([part.units for part in tokenised.windows])
        assert sorted(decided) == list(range(len(tokenised.units)))
        end = 0
        for first, last in tokenised.units:
            assert end <= first < last <= len(text)
            end = last
        # No word of the text is left out, though several may have become one.
        assert all(any(first <= start and end <= last for first, last in tokenised.units) for start, end in words(text))
        for part in tokenised.windows:
            assert len(part.ids) <= window
            assert all(0 < position < len(part.ids) - 1 for position in part.positions)


def test_a_long_text_gives_the_same_words_as_a_short_window(tokenizer):
    text = " ".join(f"w{i} in Berlin." for i in range(40))
    assert pieces_of(tokenizer, text, 24) == pieces_of(tokenizer, text, 4096)


def test_the_words_of_a_long_text_have_context_on_both_sides(tokenizer):
    text = "in " * 100
    (tokenised,) = WordTokeniser(tokenizer, 40)([text])
    for i, part in enumerate(tokenised.windows):
        if 0 < i < len(tokenised.windows) - 1:
            assert part.positions.min() > 1
            assert part.positions.max() < len(part.ids) - 2


def test_each_token_is_decided_and_has_no_space(tokenizer):
    text = "in  Berlin."
    (tokenised,) = TokenTokeniser(tokenizer, 64)([text])
    assert [text[start:end] for start, end in tokenised.units] == ["in", "", "Ber", "lin", "."]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=[]), max_size=60), max_size=4), st.integers(8, 24))
def test_the_tokens_of_a_long_text_are_those_of_a_short_one(tokenizer, texts, window):
    whole = TokenTokeniser(tokenizer, 4096)(texts)
    for tokenised, expected in zip(TokenTokeniser(tokenizer, window)(texts), whole, strict=True):
        assert tokenised.units.tolist() == expected.units.tolist()
        decided = np.concatenate([part.units for part in tokenised.windows])
        assert decided.tolist() == list(range(len(expected.units)))
        ids = np.concatenate([part.ids[part.positions] for part in tokenised.windows])
        assert ids.tolist() == expected.windows[0].ids[1:-1].tolist()


@pytest.mark.parametrize("template", ["<s> $A </s>", "<s> $A", "$A </s>", "<s> <s> <s> $A </s>"])
@pytest.mark.parametrize("window", [16, 20, 22, 31, 100])
def test_a_token_is_decided_by_the_window_that_has_it_deepest(tokenizer, template, window):
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    before, after = (part.count("s>") for part in template.split("$A"))
    (tokenised,) = TokenTokeniser(tokenizer, window)(["in Berlin. " * 40])
    depth = np.full((len(tokenised.windows), len(tokenised.units)), -1)
    start = 0
    for row, part in enumerate(tokenised.windows):
        places = np.arange(before, len(part.ids) - after)
        depth[row, start : start + len(places)] = np.minimum(places, len(part.ids) - 1 - places)
        start += len(places) - overlap(window)
        assert (depth[row, part.units] == np.minimum(part.positions, len(part.ids) - 1 - part.positions)).all()
    deepest = depth.argmax(axis=0)
    assert len(tokenised.windows) > 1
    for row, part in enumerate(tokenised.windows):
        assert part.units.tolist() == np.flatnonzero(deepest == row).tolist()
