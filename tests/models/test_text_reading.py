import copy
import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, normalizers

from architectures import byte_tokenizer
from xner_core.models import text_reading
from xner_core.models.loading import load_encoder
from xner_core.models.text_reading import TextReader, _keeps_apart, read, stretched, text_reader
from xner_core.models.units import WordTokeniser

# What comes often, so that texts share stretches, with what may be attached to a space, or turn into one.
TEXTS = st.text(st.one_of(st.sampled_from("ab .Ä中ไ'\u0301\u00a0\u00b4\u00a8"), st.characters()), max_size=20)


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder):
    return load_encoder(tiny_encoder)[1]


def parts(found) -> list[list]:
    return [getattr(found, name).tolist() for name in type(found).__slots__]


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=8))
def test_what_is_read_in_stretches_is_what_is_read_whole(tokenizer, texts):
    assert parts(TextReader(tokenizer)(texts)) == parts(read(tokenizer.backend_tokenizer, texts))


def test_what_is_known_already_is_read_alike(tokenizer, monkeypatch):
    reader = TextReader(tokenizer)
    texts = ["Ada went to Rome.", "to Rome  went", "Rome", "", "nach Rom.", " Rome"]
    expected = parts(read(tokenizer.backend_tokenizer, texts))
    assert parts(reader(texts)) == parts(reader(texts)) == expected
    # When there is too much to remember, all of it is forgotten.
    monkeypatch.setattr(text_reading, "_REMEMBERED", 20)
    assert parts(reader(texts)) == parts(reader(texts)) == expected


def test_every_character_is_read_alike_wherever_it_stands(tokenizer):
    characters = [chr(code) for code in range(0x21, 0x3100) if stretched().fullmatch(f"a{chr(code)}")]
    reader = TextReader(tokenizer)
    for texts in ([f"a {c}" for c in characters], [f"{c} a" for c in characters], [f"b{c} {c}b" for c in characters]):
        assert parts(reader(texts)) == parts(read(tokenizer.backend_tokenizer, texts))


@pytest.mark.parametrize(
    "text", ["", " a", "a ", "a  b", "a\tb", "a \u0301b", "a \u0e33", "\u0d4e a", "a\u00b4 b", "\U0001f600"]
)
def test_no_sum_of_stretches(text):
    assert not stretched().fullmatch(text)


def test_a_tokenizer_that_does_not_cut_at_spaces_reads_texts_whole(tokenizer):
    backend = byte_tokenizer()
    other = load_named(tokenizer)
    other.backend_tokenizer.normalizer = normalizers.Replace(Regex("a b"), "c")
    for each in (backend, other):
        texts = ["a b a b", "b a b"]
        assert parts(TextReader(each)(texts)) == parts(read(each.backend_tokenizer, texts))


def load_named(tokenizer):
    return type(tokenizer)(
        tokenizer_object=type(tokenizer.backend_tokenizer).from_str(tokenizer.backend_tokenizer.to_str())
    )


@pytest.mark.parametrize(
    ("normaliser", "expected"),
    [
        (normalizers.NFKC(), True),
        (normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]), True),
        (normalizers.Replace("x", ""), False),
        (normalizers.Replace("x", " "), False),
    ],
)
def test_a_normaliser_that_takes_a_character_away_is_seen(tokenizer, normaliser, expected):
    """As the table of a `Precompiled` one may."""
    other = copy.deepcopy(tokenizer.backend_tokenizer)
    other.normalizer = normaliser
    assert _keeps_apart(other) is expected


def test_added_tokens_are_read_alike(tokenizer):
    texts = ["a <mask> b", "a<s> b </s>", "b <pad>"]
    assert parts(TextReader(tokenizer)(texts)) == parts(read(tokenizer.backend_tokenizer, texts))


def test_models_with_like_tokenizers_share_what_is_read(tokenizer):
    first = WordTokeniser(tokenizer, 64)
    assert text_reader(load_named(tokenizer)) is text_reader(tokenizer)
    reader = text_reader(tokenizer)
    first(["Ada went to Rome."])
    assert reader._numbers
    del first, reader
    gc.collect()
    # It lives as long as a model that reads with it.
    assert not text_reader(tokenizer)._numbers


def test_what_a_tokenizer_was_saved_with_cuts_no_text_short(tokenizer):
    other = load_named(tokenizer)
    other.backend_tokenizer.enable_truncation(3)
    other.backend_tokenizer.enable_padding(length=50)
    text = "a b c d e f g h"
    assert parts(read(other.backend_tokenizer, [text])) == parts(read(tokenizer.backend_tokenizer, [text]))
    assert np.array(read(other.backend_tokenizer, [text]).ids).size > 3
