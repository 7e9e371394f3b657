"""From raw texts to token windows, and from tokens back to what is labelled: words, or each token."""

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from unicodedata import decomposition, normalize

import numpy as np
from tokenizers import Regex, normalizers, pre_tokenizers
from transformers import BatchEncoding, PreTrainedTokenizerFast

from xner_core.text.spans import Span
from xner_core.text.words import UNBROKEN, words

_LETTER = r"[\p{L}\p{M}\p{N}]"
# Tokens that two neighbouring windows of a long text share.
WINDOW_OVERLAP = 64


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


def overlap(window: int) -> int:
    """The tokens that neighbouring windows of this many tokens share."""
    return min(WINDOW_OVERLAP, window // 4)


class _WindowTokeniser:
    """Tokenises raw texts; those longer than the model's window become overlapping windows."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, window: int):
        self._tokenizer = tokenizer
        self._window = window

    def __call__(self, texts: Sequence[str]) -> list[TokenisedText]:
        if not texts:
            return []
        encoded = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self._window,
            stride=overlap(self._window),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
        windows_of: list[list[int]] = [[] for _ in texts]
        for row, text in enumerate(encoded["overflow_to_sample_mapping"]):
            windows_of[text].append(row)
        return [self._tokenised(text, encoded, windows) for text, windows in zip(texts, windows_of, strict=True)]

    def _tokenised(self, text: str, encoded: BatchEncoding, windows: list[int]) -> TokenisedText:
        """One of the texts, from its windows."""
        raise NotImplementedError


class TokenTokeniser(_WindowTokeniser):
    """Tokenises raw texts for a model in which every token has a label.

    A token's span is its characters without the space before it.
    """

    def _tokenised(self, text: str, encoded: BatchEncoding, windows: list[int]) -> TokenisedText:
        ids = [np.array(encoded["input_ids"][window], dtype=np.int64) for window in windows]
        positions = [np.flatnonzero(np.array(encoded["special_tokens_mask"][window]) == 0) for window in windows]
        # Each window begins with the last tokens of the one before.
        starts = np.cumsum([0] + [len(part) - overlap(self._window) for part in positions[:-1]])
        count = int(starts[-1]) + len(positions[-1])
        spans: list[Span] = [Span(0, 0)] * count
        # How far each token stands from the nearer edge of each window.
        depth = np.full((len(windows), count), -1, dtype=np.int64)
        for row, window in enumerate(windows):
            tokens = slice(starts[row], starts[row] + len(positions[row]))
            depth[row, tokens] = np.minimum(positions[row], len(ids[row]) - 1 - positions[row])
            offsets = encoded["offset_mapping"][window]
            spans[tokens] = [_without_space(text, *offsets[place]) for place in positions[row]]
        owner = depth.argmax(axis=0)
        own = [np.flatnonzero(owner == row) for row in range(len(windows))]
        return TokenisedText(
            spans,
            [Window(ids[row], own[row], positions[row][own[row] - starts[row]]) for row in range(len(windows))],
        )


def _without_space(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    return Span(start, end)


class WordTokeniser(_WindowTokeniser):
    """Tokenises raw texts for a model that labels the first token of each word.

    Words that share their first token (Chinese characters, mostly) count as one word.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, window: int):
        super().__init__(tokenizer, window)
        # A lone word-start mark can claim the offsets of the character after it.
        marks = [tokenizer.convert_tokens_to_ids(mark) for mark in ("▁", "Ġ")]
        self._marks = np.array([id_ for id_ in marks if id_ not in (None, tokenizer.unk_token_id)], dtype=np.int64)

    def _tokenised(self, text: str, encoded: BatchEncoding, windows: list[int]) -> TokenisedText:
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
        backend.normalizer = normalizers.Sequence([*_compositions(characters), backend.normalizer])
    return tokenizer


def _compositions(characters: Iterable[str]) -> list[normalizers.Normalizer]:
    """Rules that compose the last letter of a word with its marks, for those of the characters that can be composed.

    The normal forms give a composed letter the offsets of its base alone, so that its word would end before the mark.
    These rules give it those of the mark.
    """
    rules = []
    for character in characters:
        apart = normalize("NFD", character)
        # Not the syllables of Hangul, which Unicode lists no parts of.
        if apart != character == normalize("NFC", apart) and (parts := decomposition(character)):
            spellings = {apart, "".join(chr(int(code, 16)) for code in parts.split())}
            pattern = f"(?<={_LETTER})(?:{'|'.join(sorted(spellings))})(?!{_LETTER})"
            rules.append(normalizers.Replace(Regex(pattern), character))
    return rules
