import pytest

from xner_core.study.results import read_off


def kind(pairs: int, f1: float, low: float = 0.01, **more) -> dict:
    curve = {"gold": "gold", "domain": "all", "loss": "cross entropy"}
    return {**curve, "pairs": pairs, "f1": f1, "difference": {"low": low}, **more}


def test_enough_is_where_the_curve_stays_near_its_best():
    curve = [kind(4000, 0.79), kind(500, 0.7, -0.1), kind(1000, 0.782, -0.01), kind(2000, 0.776), kind(8000, 0.785)]
    (row,) = read_off(curve)
    # 1,000 pairs are near the best as well, but 2,000 are not.
    assert (row["enough"], row["enough_f1"]) == (4000, 0.79)
    assert (row["best"], row["beats"]) == (4000, 2000)
    assert row["last_step"] == pytest.approx(-0.005)


def test_each_curve_is_read_by_itself():
    rows = read_off([kind(500, 0.7), kind(500, 0.6, -0.01, domain="news"), kind(1000, 0.705)])
    assert [(row["domain"], row["enough"], row["best"], row["beats"]) for row in rows] == [
        ("all", 500, 1000, 500),
        ("news", 500, 500, None),
    ]
    assert rows[1]["last_step"] is None


def test_a_curve_that_falls_at_its_end_is_enough_at_its_best():
    (row,) = read_off([kind(500, 0.7), kind(1000, 0.75), kind(2000, 0.7, -0.1)])
    assert (row["enough"], row["best"], row["beats"]) == (1000, 1000, None)
