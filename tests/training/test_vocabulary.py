import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import Unigram, WordPiece
from transformers import PreTrainedTokenizerFast

from xner_core.text.spans import Entity, Span
from xner_core.training.features import AnnotatedText
from xner_core.training.vocabulary import StraddledTokens, without_tokens

PIECES = ["在日本", "日本", "在日", "东京都", "东京", "▁in", "▁Berlins", "▁新", "在", "日", "本", "东", "京", "都", "▁"]
LATIN = [chr(code) for code in range(33, 127)]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """A Unigram tokenizer in the manner of XLM-R; longer pieces are cheaper than what they are made of."""
    vocabulary = [("<unk>", 0.0)] + [(piece, -5.0) for piece in PIECES] + [(letter, -9.0) for letter in LATIN]
    backend = Tokenizer(Unigram(vocabulary, unk_id=0))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")


def text_of(text: str, *names: str) -> AnnotatedText:
    return AnnotatedText(text, [Entity(Span(text.index(name), text.index(name) + len(name)), "LOC") for name in names])


def straddled(tokenizer, share: float, *texts: AnnotatedText) -> list[str]:
    ids = StraddledTokens.of(tokenizer, texts).ids(tokenizer, share)
    return sorted(tokenizer.convert_ids_to_tokens(list(ids)))


def test_a_token_that_a_name_begins_or_ends_in_is_straddled(tokenizer):
    assert tokenizer.tokenize("在日本东京都") == ["▁", "在日本", "东京都"]
    assert straddled(tokenizer, 0.5, text_of("在日本东京都", "日本", "东京")) == ["东京都", "在日本"]
    assert (
        straddled(tokenizer, 0.5, text_of("在日本东京都", "在日本", "东京都"), text_of("在日本东京都", "在日本东京都"))
        == []
    )


def test_only_from_a_share_of_its_occurrences_on(tokenizer):
    texts = [text_of("在日本", "日本"), text_of("在日本"), text_of("东京都", "东京都"), text_of("在日本")]
    assert straddled(tokenizer, 0.33, *texts) == ["在日本"]
    assert straddled(tokenizer, 0.34, *texts) == []
    assert straddled(tokenizer, 0, *texts) == ["在日本"]


def test_spaced_scripts_and_the_space_before_a_token_do_not_count(tokenizer):
    assert straddled(tokenizer, 0, text_of("in Berlins", "Berlin"), text_of("东 新", "新")) == []


def test_the_counts_of_several_files_add_up(tokenizer):
    tokens = StraddledTokens()
    for texts in ([text_of("在日本", "日本")], [], [text_of("在日本"), text_of("在日本")]):
        tokens.add(StraddledTokens.of(tokenizer, texts))
    assert len(tokens.ids(tokenizer, 0.33)) == 1
    assert not tokens.ids(tokenizer, 0.34)


@given(st.sets(st.sampled_from(PIECES[:5])), st.text("在日本东京都 ab", max_size=12))
def test_split_tokens_are_not_used_and_all_keep_their_ids(tokenizer, pieces, text):
    ids = set(tokenizer.convert_tokens_to_ids(list(pieces)))
    split = without_tokens(tokenizer, ids)
    assert split.get_vocab() == tokenizer.get_vocab()
    found = split(text)["input_ids"]
    assert not ids & set(found)
    assert split.unk_token_id not in found
    assert "".join(split.convert_ids_to_tokens(found)) == "".join(tokenizer.tokenize(text))
    if not ids & set(before := tokenizer(text)["input_ids"]):
        assert found == before


def test_a_split_tokenizer_is_kept_with_a_model(tokenizer, tmp_path):
    split = without_tokens(tokenizer, tokenizer.convert_tokens_to_ids(["在日本", "在日"]))
    split.save_pretrained(tmp_path)
    kept = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert kept.tokenize("在日本") == ["▁", "在", "日本"]
    assert tokenizer.tokenize("在日本") == ["▁", "在日本"]


def test_tokenizers_of_other_kinds_stay_as_they_are():
    backend = Tokenizer(WordPiece({"[UNK]": 0, "日": 1, "本": 2, "日本": 3}, unk_token="[UNK]"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    assert without_tokens(tokenizer, {3}) is tokenizer
