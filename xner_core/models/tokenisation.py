"""From raw texts to token windows, and from tokens back to words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerFast

from xner_core.spans import Span
from xner_core.text import words

# Tokens that two neighbouring windows of a long text share.
WINDOW_OVERLAP = 64


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a text that a model reads at once.

    Attributes:
        ids: token ids with special tokens, [tokens]
        words: indices into the text's words, of those that this window decides, [words]
        positions: the position in `ids` of the first token of each of those words, [words]
    """

    ids: np.ndarray
    words: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True, slots=True)
class TokenisedText:
    """A text's words, and the windows that cover it; each word is decided by one window.

    Words that share their first token (Chinese characters, mostly) count as one word.
    """

    words: list[Span]
    windows: list[Window]


class WordTokeniser:
    """Tokenises raw texts; a text longer than the model's window becomes overlapping windows."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, window: int):
        self._tokenizer = tokenizer
        self._window = window
        # A lone word-start mark can claim the offsets of the character after it.
        marks = [tokenizer.convert_tokens_to_ids(mark) for mark in ("▁", "Ġ")]
        self._marks = np.array([id_ for id_ in marks if id_ not in (None, tokenizer.unk_token_id)], dtype=np.int64)

    def __call__(self, texts: Sequence[str]) -> list[TokenisedText]:
        if not texts:
            return []
        encoded = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self._window,
            stride=min(WINDOW_OVERLAP, self._window // 4),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
        windows_of: list[list[int]] = [[] for _ in texts]
        for window, text in enumerate(encoded["overflow_to_sample_mapping"]):
            windows_of[text].append(window)
        return [self._tokenised(text, encoded, windows) for text, windows in zip(texts, windows_of, strict=True)]

    def _tokenised(self, text: str, encoded, windows: list[int]) -> TokenisedText:
        spans = np.array(words(text), dtype=np.int64).reshape(-1, 2)
        ids = [np.array(encoded["input_ids"][window], dtype=np.int64) for window in windows]
        # The first token of each word in each window, and how far it stands from the window's nearer edge.
        first = np.full((len(windows), len(spans)), -1, dtype=np.int64)
        depth = np.full((len(windows), len(spans)), -1, dtype=np.int64)
        starts = np.zeros((len(windows), len(spans)), dtype=np.int64)
        for row, window in enumerate(windows):
            offsets = np.array(encoded["offset_mapping"][window], dtype=np.int64)
            special = np.array(encoded["special_tokens_mask"][window], dtype=bool)
            kept = np.flatnonzero(~special & ~np.isin(ids[row], self._marks))
            if not len(kept):
                continue
            token = np.minimum(np.searchsorted(offsets[kept, 1], spans[:, 0], side="right"), len(kept) - 1)
            position = kept[token]
            # A word whose start lies before the window has its first token elsewhere.
            inside = (offsets[position, 0] < spans[:, 1]) & (offsets[position, 1] > spans[:, 0])
            inside &= (spans[:, 0] >= offsets[kept[0], 0]) | (row == 0)
            first[row] = np.where(inside, position, -1)
            depth[row] = np.where(inside, np.minimum(position, len(ids[row]) - 1 - position), -1)
            starts[row] = offsets[position, 0]
        owner = depth.argmax(axis=0) if len(windows) else np.zeros(0, dtype=np.int64)
        columns = np.arange(len(spans))
        known = first[owner, columns] >= 0
        # Words of one token count as one.
        key = owner * (1 << 32) + first[owner, columns]
        begins = known & np.concatenate([[True], (key[1:] != key[:-1]) | ~known[:-1]])[: len(spans)]
        heads = np.flatnonzero(begins)
        group = np.cumsum(begins) - 1
        ends = np.zeros(len(heads), dtype=np.int64)
        np.maximum.at(ends, group[known], spans[known, 1])
        merged = [Span(int(spans[head, 0]), int(end)) for head, end in zip(heads, ends, strict=True)]
        return TokenisedText(
            merged,
            [
                Window(ids[row], (of := np.flatnonzero(owner[heads] == row)), first[row, heads[of]])
                for row in range(len(windows))
            ],
        )
