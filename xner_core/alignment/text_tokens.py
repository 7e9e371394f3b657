"""Texts as trained aligners read them: tokens that belong to one word each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from xner_core.models.tokenisation import Tokens, clean_text, mark_ids, tokenise, word_offsets, words_of_tokens
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
        self._marks = mark_ids(tokenizer)
        self._pieces: dict[str, list[int]] = {}

    def tokenise(self, texts: Sequence[str]) -> list[TextTokens]:
        """The words and tokens of each text."""
        # Encoders know simplified characters best.
        texts = [to_simplified(clean_text(text)) for text in texts]
        found = tokenise(self._tokenizer, texts)
        return [self._text_tokens(text, tokens) for text, tokens in zip(texts, found, strict=True)]

    def _text_tokens(self, text: str, tokens: Tokens) -> TextTokens:
        words = word_offsets(text)
        ids = tokens.ids
        owner, count = words_of_tokens(words, tokens, self._marks)
        if (count > 1).any():
            ids, owner, count = self._split(text, words, tokens, owner, count)
        places = np.flatnonzero(count > 0)
        ends = np.zeros(len(words), dtype=np.int64)
        ends[owner[places]] = places + 1
        # A word without tokens has an empty range behind the word before it.
        starts = np.concatenate([[0], ends := np.maximum.accumulate(ends)])[:-1]
        # Backwards, so that the first of a word's tokens stays.
        starts[owner[places[::-1]]] = places[::-1]
        return TextTokens(words, ids, np.stack([starts, ends], axis=1))

    def _split(
        self, text: str, words: np.ndarray, tokens: Tokens, owner: np.ndarray, count: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Puts pieces of single words in the place of tokens that overlap several, as Chinese ones do.

        Returns:
            token ids, and of each token its word and whether it has one, 1 or 0; all [tokens]
        """
        new: list[tuple[int, int, int]] = []
        ids, offsets = tokens.ids.tolist(), tokens.offsets.tolist()
        for id_, (start, end), first, overlapped in zip(ids, offsets, owner.tolist(), count.tolist(), strict=True):
            if overlapped <= 1:
                new.append((id_, first, overlapped))
                continue
            for word in range(first, first + overlapped):
                low, high = words[word]
                new.extend((piece, word, 1) for piece in self.pieces(text[max(low, start) : min(high, end)]))
        table = np.array(new, dtype=np.int64)
        return table[:, 0], table[:, 1], table[:, 2]

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
