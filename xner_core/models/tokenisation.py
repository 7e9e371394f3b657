"""From raw texts to their tokens, and from tokens to the words that they belong to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerFast

from xner_core.text.words import words

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text, without special ones.

    Attributes:
        ids: [tokens]
        offsets: of each token, half-open, in code points, [tokens, 2]
    """

    ids: np.ndarray
    offsets: np.ndarray


def tokenise(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[Tokens]:
    """The tokens of each text, however many these are; see `clean_text` for lone surrogates."""
    if not texts:
        return []
    encoded = tokenizer(
        [clean_text(text) for text in texts],
        add_special_tokens=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
        verbose=False,
    )
    return [
        Tokens(np.array(ids, dtype=np.int64), np.array(offsets, dtype=np.int64).reshape(-1, 2))
        for ids, offsets in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
    ]


def clean_text(text: str) -> str:
    """A text of the same length that tokenizers take: a lone surrogate is no character, and they refuse it."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def special_tokens(tokenizer: PreTrainedTokenizerFast, texts: int) -> list[np.ndarray]:
    """The ids of the special tokens around one text or a pair: those before it, between its texts, and after it.

    Args:
        tokenizer: of the model
        texts: how many a sequence holds, 1 or 2
    """
    encoded = tokenizer(*["a"] * texts, return_special_tokens_mask=True)
    ids = np.array(encoded["input_ids"], dtype=np.int64)
    parts = np.split(np.flatnonzero(np.array(encoded["special_tokens_mask"]) == 0), texts)
    begins = [part[0] for part in parts] + [len(ids)]
    ends = [0] + [part[-1] + 1 for part in parts]
    return [ids[end:begin] for end, begin in zip(ends, begins, strict=True)]


def mark_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Ids of lone word-start marks, which can claim the offsets of the character after them."""
    marks = [tokenizer.convert_tokens_to_ids(mark) for mark in ("▁", "Ġ")]
    return [id_ for id_ in marks if isinstance(id_, int) and id_ != tokenizer.unk_token_id]


def word_offsets(text: str) -> np.ndarray:
    """The words of a text in order, half-open offsets in it, [words, 2]."""
    return np.array(words(text), dtype=np.int64).reshape(-1, 2)


def words_of_tokens(words: np.ndarray, tokens: Tokens, marks: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The words that each token overlaps, which are neighbours: the first of them, and how many, both [tokens].

    Args:
        words: half-open offsets in the text, [words, 2]
        tokens: of the text
        marks: ids of tokens that are of no word
    """
    first = np.searchsorted(words[:, 1], tokens.offsets[:, 0], side="right")
    count = np.searchsorted(words[:, 0], tokens.offsets[:, 1], side="left") - first
    count[np.isin(tokens.ids, marks) | (count < 0)] = 0
    return first, count


def word_links(words: np.ndarray, tokens: Tokens, marks: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Each pair of a word and a token that overlaps it: their indices, both [links], in the order of the tokens.

    Args:
        words: half-open offsets in the text, [words, 2]
        tokens: of the text
        marks: ids of tokens that are of no word
    """
    first, count = words_of_tokens(words, tokens, marks)
    before = np.cumsum(count) - count
    return np.repeat(first - before, count) + np.arange(count.sum()), np.repeat(np.arange(len(count)), count)
