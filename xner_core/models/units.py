"""What has a label in a text, words or tokens, and the windows of tokens in which a model reads them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from transformers import PreTrainedTokenizerFast

from xner_core.models.text_reading import TextsRead, before, text_reader
from xner_core.models.tokenisation import mark_ids, special_tokens, word_links
from xner_core.models.windows import Windows, overlap


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
    """What has a label in a text, words or tokens, and the windows that cover it; one window decides each unit.

    Attributes:
        units: half-open offsets in the text, [units, 2]
        windows: one, or several of a long text
    """

    units: np.ndarray
    windows: list[Window]


Tokeniser = Callable[[Sequence[str]], list[TokenisedText]]


class _UnitTokeniser:
    """Tokenises raw texts; those longer than the model's window become overlapping windows.

    Args:
        tokenizer: of the model
        window: the most tokens, special ones included, that the model reads at once
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, window: int) -> None:
        self._read = text_reader(tokenizer)
        self._before, self._after = special_tokens(tokenizer, texts=1)
        self._window = window
        self._room = window - len(self._before) - len(self._after)
        self._overlap = overlap(window)
        # That window decides a token in which it stands further from the nearer end, special tokens included.
        kept = (self._overlap + 1 + len(self._after) - len(self._before)) // 2
        self._kept = min(max(kept, 0), self._overlap)

    def __call__(self, texts: Sequence[str]) -> list[TokenisedText]:
        read = self._read(texts)
        units, counts, first = self._units(texts, read)
        ids, starts = read.with_special_tokens(self._before, self._after)
        places = np.arange(counts.max(initial=0))
        # In a text that is one window; a longer one is cut below.
        positions = first + len(self._before) - np.repeat(read.first_tokens[:-1], counts)
        tokenised = []
        bounds = zip(pairwise(before(counts).tolist()), pairwise(starts.tolist()), strict=True)
        for (low, high), (begin, end) in bounds:
            if end - begin <= self._window:
                windows = [Window(ids[begin:end], places[: high - low], positions[low:high])]
            else:
                own = ids[begin + len(self._before) : end - len(self._after)]
                windows = self._windows(own, positions[low:high] - len(self._before))
            tokenised.append(TokenisedText(units[low:high], windows))
        return tokenised

    def _windows(self, ids: np.ndarray, first: np.ndarray) -> list[Window]:
        """The windows of a long text, of whose units the first tokens are given, [units]."""
        windows = Windows(len(ids), self._room, self._overlap, self._kept)
        decided_by = windows.deciding(first)
        cut = []
        for window, own_ids in enumerate(windows.ids(ids, self._before, self._after)):
            own = np.flatnonzero(decided_by == window)
            cut.append(Window(own_ids, own, len(self._before) + first[own] - windows.start(window)))
        return cut

    def _units(self, texts: Sequence[str], read: TextsRead) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What has a label in the texts, in order.

        Returns:
            half-open offsets in its own text, [units, 2]; how many each text has, [texts]; the first token of each,
            among those of all texts, [units]
        """
        raise NotImplementedError


class TokenTokeniser(_UnitTokeniser):
    """Tokenises raw texts for a model in which every token has a label.

    A token's span is its characters without the space before it.
    """

    def _units(self, texts: Sequence[str], read: TextsRead) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        row = "".join(f"{text}\0" for text in texts)
        spaces = np.fromiter(map(str.isspace, row), dtype=bool, count=len(row))
        units = read.offsets.copy()
        bases = np.repeat(read.bases, read.token_counts)
        while (begins := (units[:, 0] < units[:, 1]) & spaces[bases + units[:, 0]]).any():
            units[begins, 0] += 1
        return units, read.token_counts, np.arange(len(units))


class WordTokeniser(_UnitTokeniser):
    """Tokenises raw texts for a model that labels the first token of each word.

    Words that share their first token (Chinese characters, mostly) count as one word.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, window: int) -> None:
        super().__init__(tokenizer, window)
        self._marks = mark_ids(tokenizer)

    def _units(self, texts: Sequence[str], read: TextsRead) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        words, tokens = read.in_a_row()
        link_words, link_tokens = word_links(words, tokens, self._marks)
        first = np.full(len(words), -1, dtype=np.int64)
        # Backwards, so that the first of a word's tokens stays.
        first[link_words[::-1]] = link_tokens[::-1]
        owner = np.repeat(np.arange(read.texts), read.word_counts)[first >= 0]
        words, first = read.words[first >= 0], first[first >= 0]
        heads = np.flatnonzero(np.diff(first, prepend=-1))
        lasts = np.append(heads, len(words))[1:] - 1
        units = np.stack([words[heads, 0], words[lasts, 1]], axis=1)
        return units, np.bincount(owner[heads], minlength=read.texts), first[heads]
