"""Whether one system is better than another, or was only lucky in its test sentences and its seeds.

With one seed each this is the paired bootstrap: both systems are scored on the same sentences, which are drawn again
and again with replacement (Koehn 2004; Berg-Kirkpatrick, Burkett, Klein 2012; a guide: Dror et al. 2018). With several
seeds it is the Multi-Bootstrap for unpaired seeds (Sellam et al. 2022, arXiv:2106.16163, section 4): each draw takes
sentences, and of each system seeds as well; a system's score is its mean over the seeds drawn. So the interval holds
for the way of training, not for the models that happened to come out of it. With few seeds it is still too narrow: the
variance that k seeds show in this way is (k - 1) / k of theirs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from xner_core.evaluation.metrics import f1

# Sentences that are drawn at once, which bounds memory.
_DRAWN_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Difference:
    """The mean F1 of one system less that of another.

    Attributes:
        f1: on the sentences as they are, over all seeds, -1 to 1
        low: lower end of the 95 % percentile interval of its bootstrap distribution
        high: upper end
        p_value: two-sided, twice the share of draws on the rarer side of 0: about below 0.05 where 0 is not in the
            interval; never 0 (Davison and Hinkley 1997, section 4.2)
    """

    f1: float
    low: float
    high: float
    p_value: float


def paired_bootstrap(one: np.ndarray, other: np.ndarray, draws: int, seed: int) -> Difference:
    """The difference in F1 of two systems on the same sentences.

    Args:
        one: counts of each of its seeds, [seeds, sentences, 3]
        other: counts of the other system, [its seeds, sentences, 3]
        draws: how often sentences and seeds are drawn
        seed: of the draws
    """
    chance = np.random.default_rng(seed)
    drawn = np.concatenate(
        [
            _mean_f1(times, one, chance) - _mean_f1(times, other, chance)
            for times in _sentence_draws(one.shape[1], draws, chance)
        ]
    )
    low, high = np.quantile(drawn, [0.025, 0.975])
    # A draw without a difference is on both sides.
    rarer = min((drawn <= 0).sum(), (drawn >= 0).sum())
    observed = f1(one.sum(axis=1)).mean() - f1(other.sum(axis=1)).mean()
    return Difference(float(observed), float(low), float(high), float(min(1.0, 2 * (rarer + 1) / (draws + 1))))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several comparisons, corrected so that the chance of any false finding stays at the level tested.

    Holm (1979): the smallest is multiplied by the number of comparisons, the next by one less, and so on, and none
    becomes smaller than one before it.
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected


def _sentence_draws(sentences: int, draws: int, chance: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each sentence is drawn, in parts of [draws, sentences]."""
    at_once = max(1, _DRAWN_AT_ONCE // sentences)
    for start in range(0, draws, at_once):
        part = min(at_once, draws - start)
        drawn = chance.integers(sentences, size=(part, sentences)) + sentences * np.arange(part)[:, None]
        yield np.bincount(drawn.ravel(), minlength=part * sentences).reshape(part, sentences).astype(np.float64)


def _mean_f1(times: np.ndarray, counts: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Mean F1 over seeds drawn anew in each draw of sentences, [draws]."""
    by_seed = np.stack([f1(times @ of_seed) for of_seed in counts], axis=1)
    seeds = len(counts)
    return np.take_along_axis(by_seed, chance.integers(seeds, size=(len(times), seeds)), axis=1).mean(axis=1)
