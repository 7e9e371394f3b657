"""What has a label in a text, words or tokens, and the windows of tokens in which a model reads them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerFast

from xner_core.models.tokenisation import Tokens, mark_ids, special_tokens, tokenise, word_links, word_offsets
from xner_core.models.windows import Windows, overlap
from xner_core.text.spans import Span


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a text that a model reads at once.

    Attributes:
        ids: token ids with special tokens, [tokens]
        units: indices into the text's units, of those that this window decides, [units]
        positions: the position in `ids` of the first token of each of those units, [units]
    """

    ids: np.ndarray
    units: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True, slots=True)
class TokenisedText:
    """What has a label in a text, words or tokens, and the windows that cover it; one window decides each unit."""

    units: list[Span]
    windows: list[Window]


Tokeniser = Callable[[Sequence[str]], list[TokenisedText]]


class _UnitTokeniser:
    """Tokenises raw texts; those longer than the model's window become overlapping windows.

    Args:
        tokenizer: of the model
        window: the most tokens, special ones included, that the model reads at once
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, window: int) -> None:
        self._tokenizer = tokenizer
        self._before, self._after = special_tokens(tokenizer, texts=1)
        self._room = window - len(self._before) - len(self._after)
        self._overlap = overlap(window)
        # That window decides a token in which it stands further from the nearer end, special tokens included.
        kept = (self._overlap + 1 + len(self._after) - len(self._before)) // 2
        self._kept = min(max(kept, 0), self._overlap)

    def __call__(self, texts: Sequence[str]) -> list[TokenisedText]:
        found = tokenise(self._tokenizer, texts)
        return [self._tokenised(text, tokens) for text, tokens in zip(texts, found, strict=True)]

    def _tokenised(self, text: str, tokens: Tokens) -> TokenisedText:
        units, first = self._units(text, tokens)
        windows = Windows(len(tokens.ids), self._room, self._overlap, self._kept)
        decided_by = windows.deciding(first)
        cut = []
        for window, ids in enumerate(windows.ids(tokens.ids, self._before, self._after)):
            own = np.flatnonzero(decided_by == window)
            cut.append(Window(ids, own, len(self._before) + first[own] - windows.start(window)))
        return TokenisedText(units, cut)

    def _units(self, text: str, tokens: Tokens) -> tuple[list[Span], np.ndarray]:
        """What has a label in a text, in order, and the first token of each, [units]."""
        raise NotImplementedError


class TokenTokeniser(_UnitTokeniser):
    """Tokenises raw texts for a model in which every token has a label.

    A token's span is its characters without the space before it.
    """

    def _units(self, text: str, tokens: Tokens) -> tuple[list[Span], np.ndarray]:
        return [_without_space(text, *offsets) for offsets in tokens.offsets.tolist()], np.arange(len(tokens.ids))


def _without_space(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    return Span(start, end)


class WordTokeniser(_UnitTokeniser):
    """Tokenises raw texts for a model that labels the first token of each word.

    Words that share their first token (Chinese characters, mostly) count as one word.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, window: int) -> None:
        super().__init__(tokenizer, window)
        self._marks = mark_ids(tokenizer)

    def _units(self, text: str, tokens: Tokens) -> tuple[list[Span], np.ndarray]:
        words = word_offsets(text)
        link_words, link_tokens = word_links(words, tokens, self._marks)
        first = np.full(len(words), -1, dtype=np.int64)
        # Backwards, so that the first of a word's tokens stays.
        first[link_words[::-1]] = link_tokens[::-1]
        words, first = words[first >= 0], first[first >= 0]
        heads = np.flatnonzero(np.diff(first, prepend=-1))
        lasts = np.append(heads, len(words))[1:] - 1
        starts, ends = words[heads, 0].tolist(), words[lasts, 1].tolist()
        return [Span(start, end) for start, end in zip(starts, ends, strict=True)], first[heads]
