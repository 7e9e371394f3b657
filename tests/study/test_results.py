import numpy as np
import pyarrow as pa
import pytest

from xner_core.evaluation.bootstrap import paired_bootstrap
from xner_core.files import write_table
from xner_core.study.grid import Cell
from xner_core.study.predictions import GoldFile
from xner_core.study.results import Outcome, Scorer, read_off, result_rows, summarise
from xner_core.training.losses import LossSettings
from xner_core.training.student import StudentRecipe

CONLL = "Anna\tB-PER\nin\tO\nUlm\tB-LOC\n\nSie\tO\nin\tO\nBonn\tB-LOC\n"
RIGHT = ["B-PER O B-LOC", "O O B-LOC"]
ONE_MISSED = ["B-PER O O", "O O B-LOC"]
NOTHING = ["O O O", "O O O"]


@pytest.fixture
def gold(tmp_path) -> GoldFile:
    (tmp_path / "gold.conll").write_text(CONLL)
    return GoldFile("gold", str(tmp_path / "gold.conll"), None)


@pytest.fixture
def outcome(gold, tmp_path):
    """Makes what is left of a cell with these predictions, or of one that failed."""

    def outcome(name: str, seed: int, pairs: int, tags: list[str] | None) -> Outcome:
        cell = Cell(name, pairs, "all", [], StudentRecipe(seed=seed, loss=LossSettings("focal", 2.0)))
        if tags is None:
            return Outcome(cell, tmp_path / name, reason="XnerError: broken")
        write_table(gold.predictions(tmp_path / name), pa.table({"tags": [each.split() for each in tags]}))
        training = {"train_sentences": pairs - 1, "entities": {"LOC": 4, "PER": 3}, "steps": 5, "best_step": 5}
        return Outcome(cell, tmp_path / name, training | {"dev": {"f1": 0.5}, "seconds": 36.0 * seed})

    return outcome


def test_seeds_of_a_kind_are_summed_up_and_compared_with_direct_transfer(gold, outcome):
    outcomes = [outcome("a", 1, 100, RIGHT), outcome("b", 2, 100, ONE_MISSED), outcome("c", 1, 200, None)]
    scorer = Scorer(gold, ["PER", "LOC"], [outcome("direct", 1, 1, NOTHING).folder], draws=200)
    (kind,) = summarise(outcomes, [scorer])
    assert (kind["gold"], kind["domain"], kind["loss"], kind["pairs"]) == ("gold", "all", "focal γ=2", 100)
    assert (kind["seeds"], kind["f1_lowest"], kind["f1_highest"]) == (2, pytest.approx(0.8), 1)
    assert kind["f1"] == pytest.approx(0.9)
    assert kind["per_type"] == {"LOC": pytest.approx((1 + 2 / 3) / 2), "PER": 1}
    assert (kind["seconds"], kind["hours"], kind["pairs_per_second"]) == (54, 0.015, pytest.approx(100 / 54))
    assert kind["hours_per_1000_pairs"] == pytest.approx(0.15)
    # Right, predicted, in the gold.
    students = np.array([[[2, 2, 2], [1, 1, 1]], [[1, 1, 2], [1, 1, 1]]])
    baseline = np.array([[[0, 0, 2], [0, 0, 1]]])
    assert kind["difference"] == vars(paired_bootstrap(students, baseline, draws=200, seed=1))


def test_a_row_says_what_is_known_of_a_cell(gold, outcome):
    scorer = Scorer(gold, ["LOC"], [outcome("direct", 1, 1, ONE_MISSED).folder], draws=9)
    done, failed = result_rows([outcome("a", 1, 100, RIGHT), outcome("c", 1, 200, None)], [scorer])
    assert done.keys() == failed.keys()
    assert (done["status"], done["f1"], done["f1_LOC"], done["entities"], done["hours"]) == ("done", 1, 1, 7, 0.01)
    assert done["direct_transfer_f1"] == pytest.approx(2 / 3)
    assert (failed["status"], failed["reason"]) == ("failed", "XnerError: broken")
    assert failed["f1"] is failed["hours"] is None


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
