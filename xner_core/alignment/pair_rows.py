"""Sentence pairs as an encoder reads them: both texts in one sequence, in overlapping windows where they are long."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from xner_core.alignment.word_encoder import WINDOW_OVERLAP, clean_text, mark_ids, words_of_tokens
from xner_core.models.batching import pad
from xner_core.text.chinese import to_simplified
from xner_core.text.words import words

# The characters that stand before and after a marked entity, of whose pieces any XLM-R vocabulary has one each.
MARKERS = ("[", "]")
# A target window is read with a source window if it lies at most so many windows off the diagonal.
_OFF_DIAGONAL = 1.5


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


@dataclass(frozen=True, slots=True)
class PairRow:
    """A sequence that the encoder reads at once: a source window and a target window.

    Attributes:
        ids: token ids, [tokens]
        entities: entities asked for, [entities]
        entity_tokens: half-open range of each entity's tokens in `ids`, [entities, 2]
        first_word: the first of the target words that this row decides
        word_tokens: half-open range of each such word's tokens in `ids`, [words, 2]
    """

    ids: np.ndarray
    entities: np.ndarray
    entity_tokens: np.ndarray
    first_word: int
    word_tokens: np.ndarray


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Rows as tensors; what is padded has empty token ranges.

    Attributes:
        ids: [rows, tokens]
        mask: 1 where there is a token, [rows, tokens]
        entity_row: [entities]
        entity_tokens: [entities, 2]
        word_tokens: [rows, words, 2]
        word_mask: [rows, words]
    """

    ids: torch.Tensor
    mask: torch.Tensor
    entity_row: torch.Tensor
    entity_tokens: torch.Tensor
    word_tokens: torch.Tensor
    word_mask: torch.Tensor

    def to(self, device: torch.device) -> "PairBatch":
        return PairBatch(*(getattr(self, name).to(device, non_blocking=True) for name in self.__slots__))


class PairTokeniser:
    """Tokenises texts word by word, and puts pairs of them together.

    Args:
        tokenizer: of the encoder
        window: the most tokens that the encoder reads at once
        marked: give each entity rows of its own, in which it stands between markers
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, window: int, marked: bool):
        self._tokenizer = tokenizer
        self._marks = mark_ids(tokenizer)
        self._pieces: dict[str, list[int]] = {}
        both = tokenizer("a", "a", return_special_tokens_mask=True)
        ids, special = np.array(both["input_ids"]), np.array(both["special_tokens_mask"], dtype=bool)
        first, second = np.split(np.flatnonzero(~special), 2)
        self._prefix, self._suffix = ids[: first[0]], ids[second[-1] + 1 :]
        self._middle = ids[first[-1] + 1 : second[0]]
        self._markers = [np.array(self._word_pieces(marker)) for marker in MARKERS] if marked else None
        taken = [self._prefix, self._middle, self._suffix, *(self._markers or ())]
        self._room = window - sum(len(part) for part in taken)
        self.padding: int = tokenizer.pad_token_id

    def tokenise(self, texts: Sequence[str]) -> list[TextTokens]:
        if not texts:
            return []
        # Encoders know simplified characters best.
        texts = [to_simplified(clean_text(text)) for text in texts]
        encoded = self._tokenizer(
            texts,
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            verbose=False,
        )
        return [
            self._text_tokens(text, np.array(ids, dtype=np.int64), np.array(offsets, dtype=np.int64).reshape(-1, 2))
            for text, ids, offsets in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True)
        ]

    def _text_tokens(self, text: str, ids: np.ndarray, offsets: np.ndarray) -> TextTokens:
        spans = np.array(words(text), dtype=np.int64).reshape(-1, 2)
        owner, count = words_of_tokens(spans, ids, offsets, self._marks)
        if (count > 1).any():
            ids, owner, count = self._split(text, spans, ids, offsets, owner, count)
        places = np.flatnonzero(count > 0)
        ends = np.zeros(len(spans), dtype=np.int64)
        ends[owner[places]] = places + 1
        # A word without tokens has an empty range behind the word before it.
        starts = np.concatenate([[0], ends := np.maximum.accumulate(ends)])[:-1]
        # Backwards, so that the first of a word's tokens stays.
        starts[owner[places[::-1]]] = places[::-1]
        return TextTokens(spans, ids, np.stack([starts, ends], axis=1))

    def _split(self, text, spans, ids, offsets, owner, count) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Puts pieces of single words in the place of tokens that overlap several, as Chinese ones do."""
        new: list[tuple[int, int, int]] = []
        for id_, (start, end), first, overlapped in zip(ids.tolist(), offsets.tolist(), owner, count, strict=True):
            if overlapped <= 1:
                new.append((id_, first, overlapped))
                continue
            for word in range(first, first + overlapped):
                low, high = spans[word]
                pieces = self._word_pieces(text[max(low, start) : min(high, end)])
                new.extend((piece, word, 1) for piece in pieces)
        table = np.array(new, dtype=np.int64)
        return table[:, 0], table[:, 1], table[:, 2]

    def _word_pieces(self, word: str) -> list[int]:
        if word not in self._pieces:
            single = self._tokenizer.convert_tokens_to_ids(word)
            if single is None or single == self._tokenizer.unk_token_id:
                ids = self._tokenizer(word, add_special_tokens=False)["input_ids"]
                pieces = [id_ for id_ in ids if id_ not in self._marks] or [self._tokenizer.unk_token_id]
            else:
                pieces = [single]
            self._pieces[word] = pieces
        return self._pieces[word]

    def rows(
        self, source: TextTokens, target: TextTokens, entities: np.ndarray, entity_words: np.ndarray
    ) -> list[PairRow]:
        """The rows of a pair.

        Args:
            source: the source text
            target: the target text
            entities: numbers of the entities that are asked for, [entities]
            entity_words: half-open range of each one's source words, [entities, 2]
        """
        room = max(self._room // 2, self._room - len(target.ids))
        sources = _windows(len(source.ids), min(room, len(source.ids)))
        targets = _windows(len(target.ids), self._room - min(room, len(source.ids)))
        ranges = np.stack([source.tokens[entity_words[:, 0], 0], source.tokens[entity_words[:, 1] - 1, 1]], axis=1)
        read_in = sources.deciding(ranges[:, 0])
        decided_in = targets.deciding(target.tokens[:, 0])
        rows = []
        for s in np.unique(read_in).tolist():
            chosen = np.flatnonzero(read_in == s)
            groups = [chosen] if self._markers is None else np.split(chosen, len(chosen))
            for t in range(targets.count):
                # How far the target window's middle lies outside the source window's share of the text.
                middle = (t + 0.5) / targets.count
                gap = max(s / sources.count - middle, middle - (s + 1) / sources.count)
                decided = np.flatnonzero(decided_in == t)
                if gap * targets.count > _OFF_DIAGONAL or not len(decided):
                    continue
                for group in groups:
                    rows.append(
                        self._row(
                            source.ids[sources.range(s)],
                            target.ids[targets.range(t)],
                            entities[group],
                            (ranges[group] - sources.start(s)).clip(0, sources.size),
                            int(decided[0]),
                            (target.tokens[decided] - targets.start(t)).clip(0, targets.size),
                        )
                    )
        return rows

    def _row(self, source, target, entities, entity_tokens, first_word, word_tokens) -> PairRow:
        if self._markers is not None:
            start, end = entity_tokens[0]
            before, after = self._markers
            source = np.concatenate([source[:start], before, source[start:end], after, source[end:]])
            entity_tokens = entity_tokens + len(before)
        ids = np.concatenate([self._prefix, source, self._middle, target, self._suffix])
        offset = len(self._prefix) + len(source) + len(self._middle)
        # A word without tokens keeps an empty range.
        word_tokens = np.where(word_tokens[:, :1] < word_tokens[:, 1:], word_tokens + offset, 0)
        return PairRow(ids, entities, entity_tokens + len(self._prefix), first_word, word_tokens)


@dataclass(frozen=True, slots=True)
class _Windows:
    """`count` windows of `size` tokens, each `stride` after the one before."""

    count: int
    size: int
    stride: int

    def start(self, window: int) -> int:
        return window * self.stride

    def range(self, window: int) -> slice:
        return slice(self.start(window), self.start(window) + self.size)

    def deciding(self, tokens: np.ndarray) -> np.ndarray:
        """The window that decides each token: of two that hold it, the one in whose middle it rather lies."""
        overlap = self.size - self.stride
        return np.clip((tokens - overlap // 2) // self.stride, 0, self.count - 1)


def _windows(tokens: int, size: int) -> _Windows:
    if tokens <= size:
        return _Windows(1, max(size, 1), max(size, 1))
    overlap = min(WINDOW_OVERLAP, size // 4)
    stride = size - overlap
    return _Windows(1 + -(-(tokens - size) // stride), size, stride)


def collate_rows(rows: Sequence[PairRow], padding: int) -> PairBatch:
    """Rows as a batch, padded with token id `padding`."""
    ids, mask = pad([row.ids for row in rows], padding)
    most = max(len(row.word_tokens) for row in rows)
    words = np.zeros((len(rows), most, 2), dtype=np.int64)
    word_mask = np.zeros((len(rows), most), dtype=bool)
    for place, row in enumerate(rows):
        words[place, : len(row.word_tokens)] = row.word_tokens
        word_mask[place, : len(row.word_tokens)] = True
    return PairBatch(
        ids=ids,
        mask=mask,
        entity_row=torch.from_numpy(np.repeat(np.arange(len(rows)), [len(row.entities) for row in rows])),
        entity_tokens=torch.from_numpy(np.concatenate([row.entity_tokens for row in rows])),
        word_tokens=torch.from_numpy(words),
        word_mask=torch.from_numpy(word_mask),
    )
