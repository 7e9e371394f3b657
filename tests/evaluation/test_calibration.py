import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xner_core.evaluation.calibration import (
    calibration_figures,
    expected_calibration_error,
    precision_at_coverage,
)


def test_expected_calibration_error_by_hand():
    # Bins 0.9 to 1: mean confidence 0.95, accuracy 2/4. 0.3 to 0.4: 0.35 and 1/1. The last bin holds 1 as well.
    confidence = np.array([0.9, 0.95, 0.95, 1.0, 0.35])
    right = np.array([True, False, True, False, True])
    assert expected_calibration_error(confidence, right) == pytest.approx(4 / 5 * 0.45 + 1 / 5 * 0.65)


def test_answers_that_are_as_often_right_as_they_say_have_no_error():
    confidence = np.array([0.75] * 4 + [0.5] * 2)
    assert expected_calibration_error(confidence, np.array([1, 1, 1, 0, 1, 0])) == 0


def test_precision_among_the_most_confident_by_hand():
    # From the most confident down: right, right, wrong, right.
    confidence, right = np.array([0.2, 0.9, 0.4, 0.7]), np.array([True, True, False, True])
    found = precision_at_coverage(confidence, right, (0.1, 0.25, 0.5, 0.75, 1.0))
    assert found.tolist() == pytest.approx([1, 1, 1, 2 / 3, 3 / 4])


def test_the_order_of_equal_confidence_does_not_count():
    confidence = np.array([0.9, 0.5, 0.5, 0.5, 0.5])
    for right in ([1, 1, 0, 0, 0], [1, 0, 0, 0, 1]):
        # Of the four equal answers one in four is right.
        found = precision_at_coverage(confidence, np.array(right), (0.4, 1.0))
        assert found.tolist() == pytest.approx([1.25 / 2, 2 / 5])


def test_the_error_ratio_by_hand():
    confidence = np.linspace(0.1, 1.0, 10)
    # Two of ten are wrong, and the least confident of them is left out among nine.
    right = np.array([False, True, True, True, False, True, True, True, True, True])
    assert calibration_figures(confidence, right)["error_ratio_90"] == pytest.approx((1 / 9) / (2 / 10))
    assert calibration_figures(confidence, np.ones(10, dtype=bool))["error_ratio_90"] is None


def test_nothing_measured_has_no_figures():
    found = calibration_figures(np.zeros(0), np.zeros(0, dtype=bool))
    assert found == {"expected_calibration_error": None, "precision_coverage": [], "error_ratio_90": None}


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_figures_of_any_answers_are_shares(answers):
    confidence, right = (np.array(column) for column in zip(*answers, strict=True))
    found = calibration_figures(confidence, right)
    # No less than by which the means differ, no more than the mean of what each differs by.
    least, most = abs(confidence.mean() - right.mean()), abs(confidence - right).mean()
    assert least - 1e-9 <= found["expected_calibration_error"] <= most + 1e-9
    curve = found["precision_coverage"]
    assert [point["coverage"] for point in curve] == pytest.approx([share / 10 for share in range(1, 11)])
    assert all(-1e-9 <= point["precision"] <= 1 + 1e-9 for point in curve)
    assert curve[-1]["precision"] == pytest.approx(right.mean())
