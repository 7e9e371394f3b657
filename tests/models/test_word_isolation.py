import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram, WordPiece
from transformers import PreTrainedTokenizerFast

from xner_core.models.text_reading import TextReader, read
from xner_core.models.units import TokenTokeniser
from xner_core.models.word_isolation import (
    compositions,
    is_composition,
    isolating_words,
    state_without_model,
    without_compositions,
)

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


def tokens_of(tokenizer, text: str) -> list[str]:
    (tokenised,) = TokenTokeniser(tokenizer, 64)([text])
    return [text[start:end] for start, end in tokenised.units]


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
    ends = set(tokenised.units[:, 1].tolist())
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


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXTS.map(lambda text: text.replace("\u3000", " ")), max_size=6))
def test_texts_are_read_in_stretches_and_without_rules_as_they_are_read_whole(composing, texts):
    tokenizer = isolating_words(composing)
    reader = TextReader(tokenizer)
    expected = read(tokenizer.backend_tokenizer, texts)
    for found in (reader(texts), reader(texts)):
        for name in type(found).__slots__:
            assert getattr(found, name).tolist() == getattr(expected, name).tolist(), name


def test_every_composition_needs_a_mark_and_is_read_in_stretches():
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    rules = normalizers.Sequence(compositions(characters))
    backend = Tokenizer(Unigram([("<unk>", 0.0)], unk_id=0))
    backend.normalizer = rules
    parts = state_without_model(backend)["normalizer"]["normalizers"]
    assert len(parts) > 900
    assert all(map(is_composition, parts))
    assert state_without_model(without_compositions(backend))["normalizer"]["normalizers"] == []
    for part in parts:
        spellings = part["pattern"]["Regex"].split("(?:")[1].split(")")[0].split("|")
        assert all(unicodedata.category(spelling[-1]).startswith("M") for spelling in spellings), part


@pytest.mark.parametrize("pattern", [r"(?<=[\p{L}\p{M}\p{N}])(?: a)(?![\p{L}\p{M}\p{N}])", "(?:e\u0301)", "[ab]"])
def test_other_rules_are_no_compositions(pattern):
    assert not is_composition({"type": "Replace", "pattern": {"Regex": pattern}, "content": "b"})
    assert not is_composition({"type": "Replace", "pattern": {"String": pattern}, "content": "b"})


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
