"""From the scores of an aligned span to the probability that it is right."""

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
        inputs = np.column_stack([score, similarity, np.ones(len(score))]).astype(np.float64)
        penalty = np.diag([ridge, ridge, 1e-6])
        weights = np.zeros(3)
        for _ in range(50):
            probability = 1 / (1 + np.exp(-inputs @ weights))
            gradient = inputs.T @ (probability - right) + penalty @ weights
            curvature = (inputs * (probability * (1 - probability))[:, None]).T @ inputs + penalty
            step = np.linalg.solve(curvature, gradient)
            weights -= step
            if np.abs(step).max() < 1e-8:
                break
        return cls(*(float(weight) for weight in weights))
