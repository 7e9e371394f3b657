"""Texts as trained aligners read them: tokens that belong to one word each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from xner_core.models.text_reading import before, ranges, sums, text_reader
from xner_core.models.tokenisation import Tokens, clean_text, mark_ids, words_of_tokens
from xner_core.text.chinese import to_simplified


@dataclass(frozen=True, slots=True)
class TextTokens:
    """A text's words and tokens; no token belongs to two words.

    Attributes:
        words: half-open offsets in the text, [words, 2]
        ids: token ids without special tokens, [tokens]
        tokens: half-open range of each word's tokens, ascending, empty if it has none, [words, 2]
    """

    words: np.ndarray
    ids: np.ndarray
    tokens: np.ndarray


class TextTokeniser:
    """Tokenises texts word by word.

    Args:
        tokenizer: of the encoder
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._read = text_reader(tokenizer)
        self._marks = mark_ids(tokenizer)
        self._pieces: dict[str, list[int]] = {}

    def tokenise(self, texts: Sequence[str]) -> list[TextTokens]:
        """The words and tokens of each text."""
        # Encoders know simplified characters best.
        texts = [to_simplified(clean_text(text)) for text in texts]
        read = self._read(texts)
        words, tokens = read.in_a_row()
        owner, count = words_of_tokens(words, tokens, self._marks)
        ids, token_counts = read.ids, read.token_counts
        if (count > 1).any():
            ids, owner, count, sizes = self._split("".join(f"{text}\0" for text in texts), words, tokens, owner, count)
            token_counts = sums(sizes, token_counts)
        first_tokens, first_words = before(token_counts), read.first_words
        tokens_of = _tokens_of_words(owner, count > 0, np.repeat(first_tokens[:-1], read.word_counts), first_words[:-1])
        return [
            TextTokens(read.words[low:high], ids[begin:end], tokens_of[low:high])
            for (low, high), (begin, end) in zip(
                pairwise(first_words.tolist()), pairwise(first_tokens.tolist()), strict=True
            )
        ]

    def _split(
        self, row: str, words: np.ndarray, tokens: Tokens, owner: np.ndarray, count: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Puts pieces of single words in the place of tokens that overlap several, as Chinese ones do.

        Args:
            row: all texts, as `words` and `tokens` have them
            words: [words, 2]
            tokens: their offsets [tokens, 2]
            owner: the first word of each, [tokens]
            count: how many words each overlaps, [tokens]

        Returns:
            token ids, and of each token its word and whether it has one, 1 or 0, all [new tokens]; how many have come
            in the place of each, [tokens]
        """
        parts = np.maximum(count, 1)
        token = np.repeat(np.arange(len(count)), parts)
        word = ranges(owner, parts)
        several = np.flatnonzero(count[token] > 1)
        low = np.maximum(words[word[several], 0], tokens.offsets[token[several], 0])
        high = np.minimum(words[word[several], 1], tokens.offsets[token[several], 1])
        pieces = [self.pieces(row[start:end]) for start, end in zip(low.tolist(), high.tolist(), strict=True)]
        sizes = np.ones(len(token), dtype=np.int64)
        sizes[several] = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
        ids = np.repeat(tokens.ids[token], sizes)
        ids[np.repeat(count[token] > 1, sizes)] = np.fromiter(chain.from_iterable(pieces), dtype=np.int64)
        has_word = np.minimum(count, 1)[token]
        return ids, np.repeat(word, sizes), np.repeat(has_word, sizes), sums(sizes, parts)

    def pieces(self, word: str) -> list[int]:
        """The token ids of a word, or a part of one, by itself: at least one."""
        if word not in self._pieces:
            single: Any = self._tokenizer.convert_tokens_to_ids(word)
            if single is None or single == self._tokenizer.unk_token_id:
                ids = self._tokenizer(word, add_special_tokens=False)["input_ids"]
                pieces: list[Any] = [id_ for id_ in ids if id_ not in self._marks] or [self._tokenizer.unk_token_id]
            else:
                pieces = [single]
            self._pieces[word] = pieces
        return self._pieces[word]


def _tokens_of_words(owner: np.ndarray, owned: np.ndarray, first_token: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """The tokens of each word, half-open among those of its text, [words, 2].

    Args:
        owner: the word of each token, [tokens]
        owned: whether it has one, [tokens]
        first_token: the first token of each word's text, [words]
        heads: the first word of each text, or of one after it, [texts]
    """
    places = np.flatnonzero(owned)
    ends = np.zeros(len(first_token), dtype=np.int64)
    ends[owner[places]] = places + 1
    # A word without tokens has an empty range behind the word before it.
    ends = np.maximum(np.maximum.accumulate(ends), first_token)
    starts = np.append(0, ends)[:-1]
    heads = heads[heads < len(starts)]
    starts[heads] = first_token[heads]
    # Backwards, so that the first of a word's tokens stays.
    starts[owner[places[::-1]]] = places[::-1]
    return np.stack([starts, ends], axis=1) - first_token[:, None]
