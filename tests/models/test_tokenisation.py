import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import processors

from architectures import byte_tokenizer
from xner_core.models.loading import load_encoder
from xner_core.models.tokenisation import (
    Tokens,
    clean_text,
    mark_ids,
    special_tokens,
    tokenise,
    word_links,
    word_offsets,
    words_of_tokens,
)


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder):
    return load_encoder(tiny_encoder)[1]


@pytest.mark.parametrize(
    ("single", "pair"),
    [
        ("<s> $A </s>", "<s> $A </s> </s> $B </s>"),
        ("$A </s>", "$A </s> $B </s>"),
        ("<s> $A", "<s> $A <s> $B"),
        ("<s> <s> $A </s>", "<s> <s> $A $B </s>"),
        ("$A", "$A $B"),
    ],
)
def test_special_tokens_are_those_of_the_template(single, pair):
    tokenizer = byte_tokenizer(special=False)
    known = {"<s>": 0, "</s>": 2}
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=list(known.items())
    )
    for template, texts in ((single, 1), (pair, 2)):
        expected, *rest = template.replace("$B", "$A").split("$A")
        found = [ids.tolist() for ids in special_tokens(tokenizer, texts)]
        assert found == [[known[name] for name in part.split()] for part in (expected, *rest)]


def test_marks_are_those_that_the_tokenizer_has(tokenizer):
    assert "▁" in tokenizer.convert_ids_to_tokens(mark_ids(tokenizer))
    assert byte_tokenizer().convert_ids_to_tokens(mark_ids(byte_tokenizer())) == ["Ġ"]


def test_a_lone_surrogate_takes_one_place(tokenizer):
    text = "Ada \ud800 Rome"
    assert clean_text(text) == "Ada \ufffd Rome"
    (found,) = tokenise(tokenizer, [text])
    assert found.offsets.tolist() == tokenise(tokenizer, ["Ada x Rome"])[0].offsets.tolist()
    assert len(found.ids) == len(found.offsets)


def test_no_text_is_too_long(tokenizer):
    short, long = tokenise(tokenizer, ["", "a" * 1000])
    assert short.ids.shape == (0,)
    assert short.offsets.shape == (0, 2)
    assert len(long.ids) == 1001
    assert tokenise(tokenizer, []) == []


def test_a_token_is_linked_to_each_word_that_it_overlaps():
    words = np.array([[0, 2], [3, 5], [5, 6], [8, 9]])
    # A mark, one of the first word, a space, one over three words, one behind all.
    tokens = Tokens(np.array([7, 1, 2, 3, 4]), np.array([[0, 1], [0, 2], [2, 3], [4, 9], [9, 10]]))
    first, count = words_of_tokens(words, tokens, [7])
    assert count.tolist() == [0, 1, 0, 3, 0]
    assert first[count > 0].tolist() == [0, 1]
    links = word_links(words, tokens, [7])
    assert [part.tolist() for part in links] == [[0, 1, 2, 3], [1, 3, 3, 3]]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_links_are_the_overlaps(tokenizer, text):
    words, (tokens,) = word_offsets(text), tokenise(tokenizer, [text])
    marks = mark_ids(tokenizer)
    expected = [
        (word, token)
        for token, ((low, high), id_) in enumerate(zip(tokens.offsets.tolist(), tokens.ids.tolist(), strict=True))
        for word, (start, end) in enumerate(words.tolist())
        if low < end and start < high and id_ not in marks
    ]
    assert list(zip(*(part.tolist() for part in word_links(words, tokens, marks)), strict=True)) == expected
