"""How far the confidence of answers can be trusted."""

from typing import Any

import numpy as np

_BINS = 10
_COVERAGES = tuple(percent / 100 for percent in range(10, 101, 10))
# The share of the most confident answers whose error is compared with that of all.
_TRUSTED = 0.9


def calibration_figures(confidence: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """All figures of this module, as plain JSON values; None where there is nothing to measure them on.

    `error_ratio_90` is the error among the most confident 90 % of the answers over the error among all.

    Args:
        confidence: 0 to 1, [answers]
        right: whether each answer is right, [answers]
    """
    if not len(confidence):
        return {"expected_calibration_error": None, "precision_coverage": [], "error_ratio_90": None}
    trusted_error, error = 1 - precision_at_coverage(confidence, right, (_TRUSTED, 1.0))
    precision = precision_at_coverage(confidence, right, _COVERAGES)
    return {
        "expected_calibration_error": expected_calibration_error(confidence, right),
        "precision_coverage": [
            {"coverage": share, "precision": float(value)} for share, value in zip(_COVERAGES, precision, strict=True)
        ],
        "error_ratio_90": float(trusted_error / error) if error > 0 else None,
    }


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = _BINS) -> float:
    """Mean distance of confidence and accuracy in bins of equal width, weighted by their answers (Guo et al. 2017).

    Args:
        confidence: 0 to 1, [answers]
        right: whether each answer is right, [answers]
        bins: how many
    """
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(place, weights=confidence, minlength=bins) - np.bincount(place, weights=right, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def precision_at_coverage(confidence: np.ndarray, right: np.ndarray, coverages: tuple[float, ...]) -> np.ndarray:
    """Precision among the most confident answers, for each share of them that is kept, [coverages].

    Of answers with equal confidence those that are kept are as often right as all of them. Shares are rounded to whole
    answers, and one is kept at least.

    Args:
        confidence: [answers]
        right: whether each answer is right, [answers]
        coverages: over 0 to 1
    """
    levels, level = np.unique(-confidence, return_inverse=True)
    expected = np.bincount(level, weights=right, minlength=len(levels)) / np.bincount(level)
    running = np.cumsum(expected[np.sort(level)])
    kept = np.maximum(np.round(np.array(coverages) * len(confidence)).astype(np.int64), 1)
    return running[kept - 1] / kept
