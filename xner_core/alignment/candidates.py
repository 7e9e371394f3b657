"""Candidate target spans of an entity and their scores, for many entities at once."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

# Candidates of an entity that take part in the assignment.
CANDIDATES = 48
# The longest candidate, in words (unspaced characters are words): so many, and so many more for each source word.
_LONGEST = (6, 3)
_LONGEST_OF_ALL = 32
# Weights of the harmonic mean: forward recall and precision, backward recall and precision.
_WEIGHTS = (0.4, 0.2, 0.2, 0.2)
_FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class EntityLinks:
    """Link probabilities between entities and the words of their target texts, padded with zeros.

    Attributes:
        entities: which entities these are, [entities]
        forward: of the entity's words to each target word, summed over the former, [entities, words]
        backward: of each target word to the entity's words, summed over the latter, [entities, words]
        similarity: backward probability times cosine similarity, summed likewise, [entities, words]
        total: of all source words to each target word, [entities, words]
    """

    entities: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    similarity: np.ndarray
    total: np.ndarray


@dataclass(frozen=True, slots=True)
class SpanRules:
    """Which target words a span may begin with, end with, and not hold, each [entities, words].

    Attributes:
        source_words: words of the source span, [entities]
    """

    may_begin: np.ndarray
    may_end: np.ndarray
    forbidden: np.ndarray
    source_words: np.ndarray


@dataclass(frozen=True, slots=True)
class Candidates:
    """Spans of target words, half-open, with their scores (0 to 1, best first).

    All arrays are [entities] or [entities, candidates]; `start` is -1 and `score` 0 where there is none. `support` is
    what else bears on a span's confidence: the mean similarity of its links, or the probability that there is any span.
    """

    start: np.ndarray
    end: np.ndarray
    score: np.ndarray
    support: np.ndarray

    @classmethod
    def empty(cls, entities: int) -> Self:
        """No candidate for any of so many entities."""
        whole = np.full(entities, -1, dtype=np.int64)
        return cls(whole, whole.copy(), np.zeros(entities, np.float32), np.zeros(entities, np.float32))

    def take(self, picked: np.ndarray) -> Self:
        """One candidate of each entity, by its column; none where that is -1."""
        rows = np.arange(len(picked))
        chosen = type(self)(*(getattr(self, field.name)[rows, picked] for field in fields(self)))
        chosen.start[picked < 0] = -1
        chosen.score[picked < 0] = 0
        return chosen

    def put(self, rows: np.ndarray, values: Self) -> None:
        """Puts the candidates of other entities in the rows named, [their entities]."""
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(values, field.name)


def best_candidates(links: EntityLinks, rules: SpanRules) -> Candidates:
    """The best candidates of each entity, [entities, candidates]."""
    entities, words = links.forward.shape
    base, factor = _LONGEST
    longest = np.minimum(base + factor * rules.source_words, _LONGEST_OF_ALL)
    steps = int(min(longest.max(), words))
    forward, backward, total = (_running(mass) for mass in (links.forward, links.backward, links.total))
    barred = _running(rules.forbidden.astype(np.float32))
    forward_weight = np.float32(_WEIGHTS[0]) * rules.source_words[:, None].astype(np.float32)
    backward_weight = np.float32(_WEIGHTS[2]) * backward[:, -1:]

    scores = np.zeros((entities, steps, words), dtype=np.float32)
    for step in range(steps):
        size = step + 1
        reached, attracted, passing = (mass[:, size:] - mass[:, :-size] for mass in (forward, backward, total))
        reached = np.maximum(reached, _FLOOR)
        attracted = np.maximum(attracted, _FLOOR)
        # 1 / score = the weighted sum of the four inverse shares.
        inverse = forward_weight / reached + np.float32(_WEIGHTS[1]) * passing / reached
        inverse += (backward_weight + np.float32(_WEIGHTS[3] * size)) / attracted
        allowed = rules.may_begin[:, : words - step] & rules.may_end[:, step:]
        allowed &= (barred[:, size:] - barred[:, :-size]) < 0.5
        allowed &= (size <= longest)[:, None]
        np.divide(1, inverse, out=scores[:, step, : words - step], where=allowed)

    flat = scores.reshape(entities, -1)
    kept = min(CANDIDATES, flat.shape[1])
    best = np.argpartition(-flat, kept - 1, axis=1)[:, :kept]
    score = np.take_along_axis(flat, best, axis=1)
    # Equal scores are told apart by position, so that the order does not hang on the partition.
    order = np.lexsort((best, -score), axis=1)
    best, score = np.take_along_axis(best, order, axis=1), np.take_along_axis(score, order, axis=1)
    start = best % words
    end = start + best // words + 1
    similarity = _between(_running(links.similarity), start, end) / np.maximum(_between(backward, start, end), _FLOOR)
    start[score == 0] = -1
    return Candidates(start, end, score, similarity)


def _running(values: np.ndarray) -> np.ndarray:
    """Sums of the values before each column, [rows, columns + 1]."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1), dtype=np.float64)
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums.astype(np.float32)


def _between(sums: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    end = np.minimum(end, sums.shape[1] - 1)
    return np.take_along_axis(sums, end, axis=1) - np.take_along_axis(sums, start, axis=1)
