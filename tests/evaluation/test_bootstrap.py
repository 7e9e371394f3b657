import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xner_core.evaluation import bootstrap
from xner_core.evaluation.bootstrap import holm, paired_bootstrap
from xner_core.evaluation.metrics import f1

DRAWS = 20_000
# Three sentences, [seeds, sentences, 3].
ONE = np.array([[[2, 2, 3], [1, 2, 2], [0, 1, 1]], [[3, 3, 3], [1, 1, 2], [0, 0, 1]]])
OTHER = np.array([[[1, 2, 3], [1, 3, 2], [1, 1, 1]]])


def every_draw(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The difference in each of the equally probable draws of sentences and of seeds."""
    differences = []
    for sentences in itertools.product(range(one.shape[1]), repeat=one.shape[1]):
        for own, its in itertools.product(
            itertools.product(range(len(one)), repeat=len(one)), itertools.product(range(len(other)), repeat=len(other))
        ):
            means = [
                np.mean([f1(counts[seed, list(sentences)].sum(axis=0)) for seed in seeds])
                for counts, seeds in ((one, own), (other, its))
            ]
            differences.append(means[0] - means[1])
    return np.array(differences)


@pytest.mark.parametrize("one", [ONE[:1], ONE])
def test_draws_follow_the_distribution_of_all_draws(one):
    exact = every_draw(one, OTHER)
    found = paired_bootstrap(one, OTHER, DRAWS, seed=1)
    assert found.f1 == pytest.approx(f1(one.sum(axis=1)).mean() - f1(OTHER.sum(axis=1)).mean())
    rarer = min((exact <= 0).mean(), (exact >= 0).mean())
    assert found.p_value == pytest.approx(min(1, 2 * rarer), abs=0.02)
    for end, share in ((found.low, 0.025), (found.high, 0.975)):
        least, most = np.quantile(exact, [share - 0.01, share + 0.01], method="inverted_cdf")
        assert least <= end <= most


def test_systems_that_do_the_same_do_not_differ():
    found = paired_bootstrap(OTHER, OTHER, 100, seed=1)
    assert (found.f1, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_a_clear_difference_is_found_and_turned_round():
    one, other = np.tile([1, 1, 1], (1, 200, 1)), np.tile([[0, 1, 1], [1, 1, 1]], (1, 100, 1))
    found = paired_bootstrap(one, other, 999, seed=1)
    assert found.f1 == 0.5
    assert 0.4 < found.low < 0.5 < found.high < 0.6
    assert found.p_value == 0.002
    back = paired_bootstrap(other, one, 999, seed=1)
    assert (back.f1, back.p_value) == (-0.5, 0.002)


def test_the_seed_decides_and_parts_do_not(monkeypatch):
    assert paired_bootstrap(ONE, OTHER, 500, seed=1) == paired_bootstrap(ONE, OTHER, 500, seed=1)
    assert paired_bootstrap(ONE, OTHER, 500, seed=1) != paired_bootstrap(ONE, OTHER, 500, seed=2)
    monkeypatch.setattr(bootstrap, "_DRAWN_AT_ONCE", 3 * 128)
    exact = every_draw(ONE, OTHER)
    found = paired_bootstrap(ONE, OTHER, DRAWS, seed=1)
    assert found.p_value == pytest.approx(2 * min((exact <= 0).mean(), (exact >= 0).mean()), abs=0.02)


def test_equal_systems_seldom_seem_different():
    chance = np.random.default_rng(1)
    values = []
    for _ in range(200):
        gold = chance.integers(0, 3, size=(1, 100))
        systems = [np.stack([chance.binomial(gold, 0.7), gold, gold], axis=-1) for _ in range(2)]
        values.append(paired_bootstrap(*systems, draws=200, seed=1).p_value)
    assert 0.01 < np.mean(np.array(values) < 0.05) < 0.1
    assert 0.4 < np.mean(values) < 0.6


def test_holm_corrects_for_all_comparisons():
    # As in statsmodels.stats.multitest.multipletests(…, method="holm").
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=9))
def test_holm_lowers_no_p_value_and_keeps_their_order(p_values):
    corrected = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, corrected, strict=True))
    assert [corrected[i] for i in sorted(range(len(p_values)), key=p_values.__getitem__)] == sorted(corrected)
