import numpy as np
import pytest

from xner_core.alignment.confidence import Calibration


def test_fit_recovers_the_curve_that_made_the_data():
    generator = np.random.default_rng(0)
    truth = Calibration(score=6.0, similarity=3.0, bias=-4.0)
    score, similarity = generator.random(20_000), generator.random(20_000)
    right = generator.random(20_000) < truth(score, similarity)
    fitted = Calibration.fit(score, similarity, right)
    assert (fitted.score, fitted.similarity, fitted.bias) == pytest.approx((6, 3, -4), abs=0.3)
    confidence = fitted(score, similarity)
    for low in np.arange(0, 1, 0.2):
        inside = (confidence >= low) & (confidence < low + 0.2)
        assert right[inside].mean() == pytest.approx(confidence[inside].mean(), abs=0.03)


def test_separable_data_has_a_finite_fit():
    score = np.array([0.1, 0.2, 0.8, 0.9])
    fitted = Calibration.fit(score, score, score > 0.5)
    assert (np.diff(fitted(score, score)) > 0).all()
    assert np.isfinite([fitted.score, fitted.similarity, fitted.bias]).all()


def test_the_default_rises_with_score_and_similarity():
    grid = np.linspace(0, 1, 11)
    assert (np.diff(Calibration()(grid, np.full(11, 0.5))) > 0).all()
    assert (np.diff(Calibration()(np.full(11, 0.5), grid)) > 0).all()
