"""A label model: how reliable each weak signal is, and what to believe where they vote, from their votes alone.

One-coin model of Dawid and Skene (1979, Applied Statistics 28), fitted by expectation maximisation. Each item has its
own candidates, and "none of them" besides. A signal that votes on an item is right with its reliability, and otherwise
votes for any other candidate alike; silence says nothing.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

Candidate = TypeVar("Candidate", bound=Hashable)

# Probability, before any vote, that none of an item's candidates is right.
_NONE = 0.05
# Before any vote a signal has been right and wrong so many times.
_RIGHT, _WRONG = 8.0, 2.0
_MOST_ROUNDS = 100
_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Verdict(Generic[Candidate]):
    """The best candidate of an item, None if it has none.

    Attributes:
        candidate: the best one
        posterior: probability that it is right
        signals: those that voted for it, in their order
    """

    candidate: Candidate | None
    posterior: float
    signals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelModel:
    """The signals' weights and reliabilities.

    Attributes:
        weights: of a signal's vote, for each signal; those of signals that are not independent sum to that of one
        reliability: for each signal, the probability that its vote is right
    """

    weights: dict[str, float]
    reliability: dict[str, float]

    @classmethod
    def fit(
        cls, items: Sequence[Mapping[str, Candidate]], weights: Mapping[str, float]
    ) -> tuple["LabelModel", list[Verdict[Candidate]]]:
        """Fits the reliabilities to the votes on some items, and judges these.

        Args:
            items: for each item, the candidate that each signal votes for; silent ones are left out
            weights: of each signal's vote, 0 to 1
        """
        votes = _Votes.of(items, list(weights))
        weight = np.array(list(weights.values()))
        reliability = np.full(len(weight), _RIGHT / (_RIGHT + _WRONG))
        for _ in range(_MOST_ROUNDS):
            before = reliability
            right = votes.cast.T @ votes.posterior(reliability, weight)
            reliability = (right + _RIGHT) / (votes.cast.sum(axis=0) + _RIGHT + _WRONG)
            if np.abs(reliability - before).max(initial=0) < _TOLERANCE:
                break
        posterior = votes.posterior(reliability, weight)
        model = cls(dict(weights), dict(zip(weights, reliability.tolist(), strict=True)))
        return model, votes.verdicts(items, posterior)


@dataclass(frozen=True, slots=True)
class _Votes:
    """The votes on all items, one row for each candidate of each item.

    Attributes:
        candidates: the candidate of each row
        item: its item, ascending, [rows]
        cast: whether each signal voted for it, [rows, signals]
        items: how many items there are
    """

    candidates: list
    item: np.ndarray
    cast: np.ndarray
    items: int

    @classmethod
    def of(cls, items: Sequence[Mapping[str, Hashable]], signals: Sequence[str]) -> "_Votes":
        column = {signal: number for number, signal in enumerate(signals)}
        candidates, item, rows, columns = [], [], [], []
        for number, votes in enumerate(items):
            row: dict[Hashable, int] = {}
            for signal, candidate in votes.items():
                if candidate not in row:
                    row[candidate] = len(candidates)
                    candidates.append(candidate)
                    item.append(number)
                rows.append(row[candidate])
                columns.append(column[signal])
        cast = np.zeros((len(candidates), len(signals)))
        cast[rows, columns] = 1
        return cls(candidates, np.array(item, dtype=np.int64), cast, len(items))

    def posterior(self, reliability: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """The probability that each candidate is right, [rows]."""
        count = np.bincount(self.item, minlength=self.items)
        # With "none of them", each vote has as many wrong alternatives as there are candidates.
        log_wrong = np.log1p(-reliability) - np.log(np.maximum(count, 1))[:, None]
        gain = (self.cast * (np.log(reliability) - log_wrong[self.item]) * weight).sum(axis=1)
        # Relative to "none of them", in logarithms.
        prior = np.log((1 - _NONE) / count[self.item]) - np.log(_NONE)
        odds = gain + prior
        most = np.zeros(self.items)
        np.maximum.at(most, self.item, odds)
        share = np.exp(odds - most[self.item])
        total = np.exp(-most)
        np.add.at(total, self.item, share)
        return share / total[self.item]

    def verdicts(self, items: Sequence[Mapping[str, Candidate]], posterior: np.ndarray) -> list[Verdict[Candidate]]:
        best: list[int | None] = [None] * self.items
        for row, number in enumerate(self.item.tolist()):
            if best[number] is None or posterior[row] > posterior[best[number]]:
                best[number] = row
        return [
            Verdict(None, 0.0, ())
            if row is None
            else Verdict(
                self.candidates[row],
                float(posterior[row]),
                tuple(signal for signal, candidate in votes.items() if candidate == self.candidates[row]),
            )
            for row, votes in zip(best, items, strict=True)
        ]
