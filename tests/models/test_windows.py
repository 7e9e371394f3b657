import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram, WordPiece
from transformers import PreTrainedTokenizerFast

from xner_core.models.windows import TokenTokeniser, WordTokeniser, isolating_words
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
    return [(text[span.start : span.end], found[i]) for i, span in enumerate(tokenised.units)]


def test_a_word_is_decided_by_its_first_token(tokenizer):
    assert pieces_of(tokenizer, "in Berlin.") == [("in", "▁in"), ("Berlin", "▁Ber"), (".", ".")]


def test_words_of_one_token_become_one(tokenizer):
    # The mark in front of an unspaced text claims the offsets of its first character.
    assert pieces_of(tokenizer, "北京市是中国") == [("北京市", "北京市"), ("是中国", "是中国")]


def test_a_text_without_words_has_none(tokenizer):
    for text in ("", "   ", "\n\t"):
        (tokenised,) = WordTokeniser(tokenizer, 64)([text])
        assert tokenised.units == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=4), st.integers(8, 24))
def test_every_word_is_decided_once_and_is_inside_its_text(tokenizer, texts, window):
    for text, tokenised in zip(texts, WordTokeniser(tokenizer, window)(texts), strict=True):
        decided = np.concatenate([part.units for part in tokenised.windows])
        assert sorted(decided) == list(range(len(tokenised.units)))
        end = 0
        for span in tokenised.units:
            assert end <= span.start < span.end <= len(text)
            end = span.end
        # No word of the text is left out, though several may have become one.
        assert all(
            any(span.start <= start and end <= span.end for span in tokenised.units) for start, end in words(text)
        )
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


def tokens_of(tokenizer, text: str, window: int = 64) -> list[str]:
    (tokenised,) = TokenTokeniser(tokenizer, window)([text])
    return [text[start:end] for start, end in tokenised.units]


def test_each_token_is_decided_and_has_no_space(tokenizer):
    assert tokens_of(tokenizer, "in  Berlin.") == ["in", "", "Ber", "lin", "."]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=4), st.integers(8, 24))
def test_every_token_is_decided_once_by_the_window_that_has_it_deepest(tokenizer, texts, window):
    whole = TokenTokeniser(tokenizer, 4096)(texts)
    for tokenised, expected in zip(TokenTokeniser(tokenizer, window)(texts), whole, strict=True):
        assert tokenised.units == expected.units
        decided = np.concatenate([part.units for part in tokenised.windows])
        assert decided.tolist() == list(range(len(expected.units)))
        ids = np.concatenate([part.ids[part.positions] for part in tokenised.windows])
        assert ids.tolist() == expected.windows[0].ids[1:-1].tolist()


SCRIPTS = "Köln ist schön. Ọ̀yọ́ Việt Москве 北京会見 नई दिल्ली में कहा தமிழ் ירושלים القاهرة 서울 საქართველო"
LONGER = ["▁Köln", "Köln", "ọ́", "北京", "会見", "दिल्ली", "▁नई", "Việt", '."', "n.", "▁(", "京会", "ll"]


@pytest.fixture(scope="module")
def composing() -> PreTrainedTokenizerFast:
    """A tokenizer with XLM-R's normal form, of the characters of several scripts, and pieces that cross words."""
    characters = sorted(
        {*unicodedata.normalize("NFKC", SCRIPTS), *map(chr, range(33, 127)), *"áàéèọẹṣ“”«»。（）¿—"} - {" "}
    )
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *(unicodedata.normalize("NFKC", piece) for piece in LONGER)]
    vocabulary = [(piece, -2.0) for piece in pieces] + [(character, -9.0) for character in characters]
    backend = Tokenizer(Unigram(vocabulary, unk_id=3))
    backend.normalizer = normalizers.Sequence([normalizers.Replace(Regex(r"[\s\p{Cc}]+"), " "), normalizers.NFKC()])
    backend.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )


def test_no_token_reaches_beyond_a_word(composing):
    text = '"Köln." (Köln) 北京会見。'
    assert tokens_of(composing, text)[:4] == ['"', '"', "Köln", '."']
    assert tokens_of(isolating_words(composing), text) == [
        '"', '"', "Köln", ".", '"', "(", "Köln", ")", "北", "北京", "会見", "。"
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["Oyọ́ à bá", "Ọ̀yọ́, Ìbá", "Ha\u0300 Vie\u0323\u0302t.", "Viê\u0323t", "दिल्ली में"])
@pytest.mark.parametrize("form", ["NFC", "NFD", None])
def test_a_word_ends_with_its_marks_in_every_normal_form(composing, text, form):
    text = unicodedata.normalize(form, text) if form else text
    tokenizer = isolating_words(composing)
    (tokenised,) = TokenTokeniser(tokenizer, 64)([text])
    ends = {unit.end for unit in tokenised.units}
    for word in text.split():
        # One letter alone keeps its beginning.
        if len(unicodedata.normalize("NFC", word.strip(".,"))) > 1:
            assert text.index(word) + len(word.strip(".,")) in ends, (word, tokenised.units)


TEXTS = st.text(
    st.sampled_from(sorted({*SCRIPTS, *unicodedata.normalize("NFD", SCRIPTS), *'.,"()«»“”¿—-\n\u00a0\u3000。（）'}))
)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_tokens_keep_within_words_and_read_words_as_before(composing, text):
    tokenizer = isolating_words(composing)
    assert tokenizer.get_vocab() == composing.get_vocab()
    (tokenised,) = TokenTokeniser(tokenizer, 4096)([text])
    for start, end in tokenised.units:
        assert not any(character.isspace() for character in text[start:end])
    # The same characters, in the same order, whatever they are cut into.
    plain = "".join(composing.tokenize(text)).replace("▁", "")
    assert "".join(tokenizer.tokenize(text)).replace("▁", "") == plain


def test_a_tokenizer_stays_as_it_is_kept(composing, tmp_path):
    tokenizer = isolating_words(composing)
    tokenizer.save_pretrained(tmp_path)
    kept = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert kept.tokenize('Köln." 北京') == tokenizer.tokenize('Köln." 北京')
    # A student of a student has the same one.
    assert isolating_words(kept) is kept


def test_tokenizers_that_mark_no_beginnings_stay_as_they_are():
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordPiece({"[UNK]": 0}, unk_token="[UNK]")))
    assert isolating_words(tokenizer) is tokenizer
