"""Sentence pairs as an encoder reads them: both texts in one sequence, in overlapping windows where they are long."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from xner_core.alignment.text_tokens import TextTokeniser, TextTokens
from xner_core.models.batching import pad
from xner_core.models.tokenisation import special_tokens
from xner_core.models.windows import windows_over

# The characters that stand before and after a marked entity, of whose pieces any XLM-R vocabulary has one each.
MARKERS = ("[", "]")
# A target window is read with a source window if it lies at most so many windows off the diagonal.
_OFF_DIAGONAL = 1.5


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
        """The batch on a device."""
        return PairBatch(*(getattr(self, name).to(device, non_blocking=True) for name in self.__slots__))


class PairTokeniser(TextTokeniser):
    """Tokenises texts word by word, and puts pairs of them together.

    Args:
        tokenizer: of the encoder
        window: the most tokens that the encoder reads at once
        marked: give each entity rows of its own, in which it stands between markers
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, window: int, marked: bool) -> None:
        super().__init__(tokenizer)
        self._before, self._between, self._after = special_tokens(tokenizer, texts=2)
        self._markers = [np.array(self.pieces(marker)) for marker in MARKERS] if marked else None
        taken = [self._before, self._between, self._after, *(self._markers or ())]
        self._room = window - sum(len(part) for part in taken)
        self.padding: int = tokenizer.pad_token_id

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
        ranges = np.stack([source.tokens[entity_words[:, 0], 0], source.tokens[entity_words[:, 1] - 1, 1]], axis=1)
        if len(entities) and len(target.words) and len(source.ids) + len(target.ids) <= self._room:
            # Most pairs are read whole.
            return [
                self._row(source.ids, target.ids, entities[group], ranges[group], 0, target.tokens)
                for group in self._groups(np.arange(len(entities)))
            ]
        room = max(self._room // 2, self._room - len(target.ids))
        sources = windows_over(len(source.ids), min(room, len(source.ids)))
        targets = windows_over(len(target.ids), self._room - min(room, len(source.ids)))
        read_in = sources.deciding(ranges[:, 0])
        decided_in = targets.deciding(target.tokens[:, 0])
        rows = []
        for s in np.unique(read_in).tolist():
            groups = self._groups(np.flatnonzero(read_in == s))
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

    def _groups(self, entities: np.ndarray) -> list[np.ndarray]:
        """Entities that share their rows."""
        return [entities] if self._markers is None else np.split(entities, len(entities))

    def _row(
        self,
        source: np.ndarray,
        target: np.ndarray,
        entities: np.ndarray,
        entity_tokens: np.ndarray,
        first_word: int,
        word_tokens: np.ndarray,
    ) -> PairRow:
        """A row of two windows' token ids; the ranges of tokens, [..., 2], are those in their windows."""
        if self._markers is not None:
            start, end = entity_tokens[0]
            before, after = self._markers
            source = np.concatenate([source[:start], before, source[start:end], after, source[end:]])
            entity_tokens = entity_tokens + len(before)
        ids = np.concatenate([self._before, source, self._between, target, self._after])
        offset = len(self._before) + len(source) + len(self._between)
        # A word without tokens keeps an empty range.
        word_tokens = np.where(word_tokens[:, :1] < word_tokens[:, 1:], word_tokens + offset, 0)
        return PairRow(ids, entities, entity_tokens + len(self._before), first_word, word_tokens)


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
