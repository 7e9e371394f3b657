"""Training batches from a stream of texts, the same ones whenever a training is taken up again."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from xner_core.training.features import Features, collate

# Texts of this many batches are sorted by length together: less padding, and still a random order.
_SORTED_BATCHES = 50


@dataclass(frozen=True)
class BatchStream:
    """All batches of a training from one step on, over all passes over the data.

    A pass reads the texts in their order and shuffles within a buffer, by the seed and the number of the pass alone;
    so a stream that starts at a step gives the batches that one from the beginning gives from there on.

    Attributes:
        texts: starts a pass over the texts, each as its windows; always the same texts in the same order
        texts_per_pass: how many these are
        batch_size: texts in a batch
        buffer: texts that are shuffled together
        padding: id of the padding token
        seed: of the order; differs between workers
        start: the step to start at
        steps: the steps of the whole training
    """

    texts: Callable[[], Iterable[list[Features]]]
    texts_per_pass: int
    batch_size: int
    buffer: int
    padding: int
    seed: tuple[int, ...]
    start: int
    steps: int

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        number, skipped = divmod(self.start, -(-self.texts_per_pass // self.batch_size))
        step = self.start
        while step < self.steps:
            before, chance = step, np.random.default_rng([*self.seed, number])
            batches = shuffled_batches(self.texts(), self.batch_size, self.buffer, chance)
            for batch in itertools.islice(batches, skipped, skipped + self.steps - step):
                yield collate([window for text in batch for window in text], self.padding)
                step += 1
            if step == before:
                raise RuntimeError("a pass over the data gave no batch")
            number, skipped = number + 1, 0


def shuffled_batches(
    texts: Iterable[list[Features]], size: int, buffer: int, chance: np.random.Generator
) -> Iterator[list[list[Features]]]:
    """Batches of texts of similar lengths, shuffled within a buffer of at least `buffer` texts."""
    remaining = iter(texts)
    whole_batches = -(-buffer // size) * size
    while held := list(itertools.islice(remaining, whole_batches)):
        order = chance.permutation(len(held))
        groups = [order[i : i + _SORTED_BATCHES * size] for i in range(0, len(order), _SORTED_BATCHES * size)]
        by_length = [i for group in groups for i in sorted(group, key=lambda i: _tokens(held[i]))]
        batches = [by_length[i : i + size] for i in range(0, len(by_length), size)]
        for batch in chance.permutation(len(batches)):
            yield [held[i] for i in batches[batch]]


def _tokens(text: list[Features]) -> int:
    return max(len(window["input_ids"]) for window in text)
