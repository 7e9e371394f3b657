"""What an aligner is trained on, as batches of rows: examples altered anew in each pass, their links as answers."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from xner_core.alignment.pair_rows import PairRow, PairTokeniser, collate_rows
from xner_core.alignment.preparation import word_range
from xner_core.alignment.segments import LONGEST
from xner_core.errors import XnerError
from xner_core.models.batching import token_batches
from xner_core.supervision.examples import Example
from xner_core.supervision.link_augmentation import NamePool, mismatch, remove_name, reverse, swap_names

# Shares of the examples that are altered in a pass.
_SWAPPED, _REMOVED, _MISMATCHED, _REVERSED = 0.3, 0.2, 0.05, 0.2


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A row with its answers.

    Attributes:
        row: what the encoder reads
        words: first and last target word of each entity's span, -1 if there is none, [entities, 2]
        weight: of each entity's loss, [entities]
    """

    row: PairRow
    words: np.ndarray
    weight: np.ndarray


def training_rows(tokeniser: PairTokeniser, examples: Sequence[Example]) -> list[TrainingRow]:
    """The rows of the examples' agreed links; pairs that are too long for one window are left out."""
    sources = tokeniser.tokenise([example.source_text for example in examples])
    targets = tokeniser.tokenise([example.target_text for example in examples])
    found = []
    for example, source, target in zip(examples, sources, targets, strict=True):
        links = [link for link in example.links if link.agreed]
        asked = np.array([word_range(source.words, link.source) for link in links], dtype=np.int64).reshape(-1, 2)
        answers = np.array(
            [word_range(target.words, link.target) if link.target else (0, 0) for link in links], dtype=np.int64
        ).reshape(-1, 2) - [0, 1]
        answers[answers[:, 1] < answers[:, 0]] = -1
        usable = (asked[:, 0] < asked[:, 1]) & (answers[:, 1] - answers[:, 0] < LONGEST)
        usable &= (answers[:, 0] >= 0) | np.array([link.target is None for link in links], dtype=bool)
        if not usable.any() or not len(target.words):
            continue
        weight = np.array([link.confidence for link in links], dtype=np.float32)
        rows = tokeniser.rows(source, target, np.flatnonzero(usable), asked[usable])
        if all(len(row.word_tokens) == len(target.words) for row in rows):
            found.extend(TrainingRow(row, answers[row.entities], weight[row.entities]) for row in rows)
    return found


class BatchedRows(Dataset):
    """As many batches of rows under a token budget as there are steps; each pass over the examples alters them anew."""

    def __init__(
        self, tokeniser: PairTokeniser, examples: Sequence[Example], steps: int, budget: int, seed: int
    ) -> None:
        self._batches: list[list[TrainingRow]] = []
        chance = random.Random(seed)
        while len(self._batches) < steps:
            rows = training_rows(tokeniser, augmented(examples, chance))
            if not rows:
                raise XnerError("no example has a link that signals agree on; make more examples, or of other corpora")
            batches = [[rows[i] for i in batch] for batch in token_batches([len(row.row.ids) for row in rows], budget)]
            chance.shuffle(batches)
            self._batches.extend(batches)
        del self._batches[steps:]

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> list[TrainingRow]:
        return self._batches[index]


def augmented(examples: Sequence[Example], chance: random.Random) -> list[Example]:
    """Each example as it is, or altered: with other names, without one, of another pair, the sides exchanged."""
    pool = NamePool(examples)
    by_language = defaultdict(list)
    for example in examples:
        by_language[example.language].append(example)
    altered = []
    for example in examples:
        if chance.random() < _SWAPPED:
            example = swap_names(example, pool, chance) or example
        draw = chance.random()
        if draw < _REMOVED:
            example = remove_name(example, chance) or example
        elif draw < _REMOVED + _MISMATCHED:
            example = mismatch(example, by_language[example.language], chance) or example
        elif draw < _REMOVED + _MISMATCHED + _REVERSED:
            example = reverse(example) or example
        altered.append(example)
    return altered


class RowCollator:
    """Makes what a model reads of a batch of rows, and the answers to it."""

    def __init__(self, padding: int) -> None:
        self._padding = padding

    def __call__(self, items: list[list[TrainingRow]]) -> dict[str, Any]:
        (rows,) = items
        return {
            "batch": collate_rows([row.row for row in rows], self._padding),
            "words": torch.from_numpy(np.concatenate([row.words for row in rows])),
            "weight": torch.from_numpy(np.concatenate([row.weight for row in rows])),
        }
