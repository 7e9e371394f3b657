"""Tokenizers whose tokens keep within words, for models in which every token has a label."""

import copy
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from unicodedata import decomposition, normalize

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from xner_core.text.words import UNBROKEN

_LETTER = r"[\p{L}\p{M}\p{N}]"
# What composes the last letter of a word: whatever spells it, between a letter and what is none.
_LAST, _END = f"(?<={_LETTER})(?:", f")(?!{_LETTER})"
_COMPOSITION = re.compile(rf"{re.escape(_LAST)}[^\s\\.*+?^$()\[\]{{}}]+{re.escape(_END)}")


def isolating_words(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """A tokenizer no token of which reaches over the edge of a word, or holds the space before it; all keep their ids.

    So spans made of its tokens hold no punctuation beside a name, and end where a word ends. In scripts without spaces,
    a token may still hold several words. Only of tokenizers that mark the beginnings of words (SentencePiece's kind, as
    XLM-R has); others are returned as they are, since those of BERT isolate punctuation by themselves.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str())["pre_tokenizer"] or {}
    parts = state.get("pretokenizers", [state])
    mark = next((part["replacement"] for part in parts if part.get("type") == "Metaspace"), None)
    if mark is None or any(part["type"] == "Split" for part in parts):
        return tokenizer
    tokenizer = copy.deepcopy(tokenizer)
    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement=mark, prepend_scheme="always"),
            pre_tokenizers.Split(Regex(f"{mark}?(?:{UNBROKEN})"), "isolated"),
        ]
    )
    if backend.normalizer is not None:
        characters = sorted({character for token in tokenizer.get_vocab() for character in token})
        backend.normalizer = normalizers.Sequence([*compositions(characters), backend.normalizer])
    return tokenizer


def is_composition(rule: Mapping[str, Any]) -> bool:
    """Whether part of a normaliser, as it is saved, is one of the rules that compose letters.

    They look at one character on each side, to which a space is as good as the end of a text.
    """
    return rule["type"] == "Replace" and _COMPOSITION.fullmatch(rule["pattern"].get("Regex", "")) is not None


def without_compositions(backend: Tokenizer) -> Tokenizer:
    """What reads texts without marks and added tokens alike, and sooner: there the hundreds of rules match nothing."""
    state = state_without_model(backend)
    parts = (state["normalizer"] or {}).get("normalizers", [])
    state["normalizer"] = {"type": "Sequence", "normalizers": [part for part in parts if not is_composition(part)]}
    if len(parts) == len(state["normalizer"]["normalizers"]):
        return backend
    quick = Tokenizer.from_str(json.dumps(state))
    quick.model = backend.model
    return quick


def state_without_model(backend: Tokenizer) -> dict[str, Any]:
    """What a tokenizer is made of, as it is saved, but without its vocabulary and added tokens."""
    plain = Tokenizer(WordLevel())
    for part in ("normalizer", "pre_tokenizer", "post_processor"):
        if (own := getattr(backend, part)) is not None:
            setattr(plain, part, own)
    return json.loads(plain.to_str())


def compositions(characters: Iterable[str]) -> list[normalizers.Normalizer]:
    """Rules that compose the last letter of a word with its marks, for those of the characters that can be composed.

    The normal forms give a composed letter the offsets of its base alone, so that its word would end before the mark.
    These rules give it those of the mark.
    """
    rules: list[normalizers.Normalizer] = []
    for character in characters:
        apart = normalize("NFD", character)
        # Not the syllables of Hangul, which Unicode lists no parts of.
        if apart != character == normalize("NFC", apart) and (parts := decomposition(character)):
            spellings = {apart, "".join(chr(int(code, 16)) for code in parts.split())}
            pattern = f"{_LAST}{'|'.join(sorted(spellings))}{_END}"
            rules.append(normalizers.Replace(Regex(pattern), character))
    return rules
