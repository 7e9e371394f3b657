"""From the scores of an aligned span to the probability that it is right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """A logistic function of a span's score and similarity.

    The defaults were fitted to the development halves of gold projections: spans that are right against the best
    spans of sentences from which the right ones had been cut out.
    """

    score: float = 6.98
    similarity: float = 5.01
    bias: float = -5.55

    def __call__(self, score: np.ndarray, similarity: np.ndarray) -> np.ndarray:
        """Probabilities of spans with these scores (0 to 1) and similarities (-1 to 1)."""
        return 1 / (1 + np.exp(-(self.score * score + self.similarity * similarity + self.bias)))

    @classmethod
    def fit(cls, score: np.ndarray, similarity: np.ndarray, right: np.ndarray, ridge: float = 1.0) -> Self:
        """The maximum likelihood fit by Newton's method, with an L2 penalty `ridge` on the two slopes.

        Args:
            score: [spans]
            similarity: [spans]
            right: whether each span is the right one, [spans]
            ridge: the penalty
        """
        inputs = np.column_stack([score, similarity, np.ones(len(score))])
        return cls(*fit_logistic(inputs, right, [ridge, ridge, 1e-6]))


@dataclass(frozen=True)
class OddsCalibration:
    """A logistic function of two log-odds: that a span is right, and that there is any (Platt scaling of both)."""

    span: float = 1.0
    presence: float = 0.0
    bias: float = 0.0

    def __call__(self, span: np.ndarray, presence: np.ndarray) -> np.ndarray:
        """Probabilities of spans with these log-odds."""
        return 1 / (1 + np.exp(-(self.span * span + self.presence * presence + self.bias)))

    @classmethod
    def fit(cls, span: np.ndarray, presence: np.ndarray, right: np.ndarray) -> Self:
        """The fit to spans of which it is known whether they are right, all [spans]."""
        inputs = np.column_stack([span, presence, np.ones(len(span))])
        return cls(*fit_logistic(inputs, right, [1.0, 1.0, 1e-6]))


def fit_logistic(inputs: np.ndarray, right: np.ndarray, ridge: Sequence[float]) -> list[float]:
    """The weights of a logistic regression, by Newton's method.

    Args:
        inputs: [examples, weights]
        right: the outcomes, 0 or 1, [examples]
        ridge: the L2 penalty on each weight
    """
    inputs = inputs.astype(np.float64)
    penalty = np.diag(ridge)
    weights = np.zeros(inputs.shape[1])
    for _ in range(50):
        probability = 1 / (1 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (probability - right) + penalty @ weights
        curvature = (inputs * (probability * (1 - probability))[:, None]).T @ inputs + penalty
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights.tolist()
