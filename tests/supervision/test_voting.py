import random

import pytest

from xner_core.supervision.voting import LabelModel

WEIGHTS = {"a": 1.0, "b": 1.0, "c": 1.0}


def test_one_vote_is_weighed_against_the_prior():
    # Before any vote 0.95 for the candidate and 0.05 for none; the first reliability is 0.8 of right votes.
    model, (verdict,) = LabelModel.fit([{"a": "x"}], {"a": 1.0})
    assert verdict.candidate == "x"
    assert verdict.signals == ("a",)
    reliability = model.reliability["a"]
    odds = 0.95 * reliability / (0.05 * (1 - reliability))
    assert verdict.posterior == pytest.approx(odds / (1 + odds), abs=1e-3)
    # Eight right and two wrong votes are given, and one is seen.
    assert reliability == pytest.approx((8 + verdict.posterior) / 11, abs=1e-3)


def test_posteriors_of_two_candidates():
    # With so little data the reliabilities stay near 0.8: a and b against c.
    model, (verdict,) = LabelModel.fit([{"a": "x", "b": "x", "c": "y"}], WEIGHTS)
    p = model.reliability
    # Each wrong vote falls on one of two wrong candidates ("none" is one).
    x = 0.475 * p["a"] * p["b"] * (1 - p["c"]) / 2
    y = 0.475 * (1 - p["a"]) / 2 * (1 - p["b"]) / 2 * p["c"]
    none = 0.05 * (1 - p["a"]) / 2 * (1 - p["b"]) / 2 * (1 - p["c"]) / 2
    assert verdict.posterior == pytest.approx(x / (x + y + none), abs=1e-3)
    assert verdict.candidate == "x"


def test_signals_of_a_family_have_one_vote():
    # Three that always agree with each other against two that are independent.
    thirds = {"s6": 1 / 3, "s7": 1 / 3, "s8": 1 / 3, "a": 1.0, "b": 1.0}
    items = [{"s6": "x", "s7": "x", "s8": "x", "a": "y", "b": "y"}]
    assert LabelModel.fit(items, thirds)[1][0].candidate == "y"
    assert LabelModel.fit(items, dict.fromkeys(thirds, 1.0))[1][0].candidate == "x"


def test_reliabilities_are_found_from_votes_alone():
    choose = random.Random(0)
    right = {"a": 0.95, "b": 0.85, "c": 0.6}
    items = [
        {
            signal: "right" if choose.random() < share else choose.choice(["wrong", "other"])
            for signal, share in right.items()
        }
        for _ in range(2000)
    ]
    model, verdicts = LabelModel.fit(items, WEIGHTS)
    assert model.reliability == pytest.approx(right, abs=0.06)
    assert sum(verdict.candidate == "right" for verdict in verdicts) > 0.93 * len(items)


def test_silence_says_nothing_and_no_vote_is_no_candidate():
    alone = LabelModel.fit([{"a": "x"}] * 5, {"a": 1.0})
    others = LabelModel.fit([{"a": "x"}] * 5, WEIGHTS)
    assert others[1] == alone[1]
    model, (verdict,) = LabelModel.fit([{}], WEIGHTS)
    assert verdict.candidate is None
    assert verdict.posterior == 0
    assert model.reliability == pytest.approx(dict.fromkeys(WEIGHTS, 0.8))
    assert LabelModel.fit([], WEIGHTS)[1] == []
