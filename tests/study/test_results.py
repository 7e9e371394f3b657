from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from xner_core.evaluation.bootstrap import paired_bootstrap
from xner_core.storage.files import write_table
from xner_core.study.grid import Cell
from xner_core.study.predictions import GoldFile
from xner_core.study.results import Outcome, Scorer, draws_needed, read_off, result_rows, summarise
from xner_core.training.fitting_settings import LossSettings
from xner_core.training.student_settings import StudentRecipe

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


def test_predictions_belong_to_the_texts_and_tokens_of_a_gold_file(tmp_path):
    """Corrected tags need no new predictions; another reading of the tokens does."""
    names = set()
    for name, content in {
        "gold": CONLL,
        "corrected": CONLL.replace("B-LOC", "B-ORG"),
        "numbered": "1\tAnna\tB-PER\n2\tin\tO\n3\tUlm\tB-LOC\n\n1\tSie\tO\n2\tin\tO\n3\tBonn\tB-LOC\n",
    }.items():
        (tmp_path / f"{name}.conll").write_text(content)
        names.add(GoldFile(name, str(tmp_path / f"{name}.conll"), None).predictions(tmp_path).name)
    (tmp_path / "other.conll").write_text(CONLL.replace("Anna", "Anne"))
    assert len(names) == 1
    assert GoldFile("other", str(tmp_path / "other.conll"), None).predictions(tmp_path).name not in names


def test_a_row_says_what_is_known_of_a_cell(gold, outcome):
    scorer = Scorer(gold, ["LOC"], [outcome("direct", 1, 1, ONE_MISSED).folder], draws=9)
    done, failed = result_rows([outcome("a", 1, 100, RIGHT), outcome("c", 1, 200, None)], [scorer], [])
    assert done.keys() == failed.keys()
    assert (done["status"], done["f1"], done["f1_LOC"], done["entities"], done["hours"]) == ("done", 1, 1, 7, 0.01)
    assert done["direct_transfer_f1"] == pytest.approx(2 / 3)
    assert (failed["status"], failed["reason"]) == ("failed", "XnerError: broken")
    assert failed["f1"] is failed["hours"] is None


def test_a_row_says_what_is_known_of_its_kind(gold, outcome):
    scorer = Scorer(gold, ["LOC"], [outcome("direct", 1, 1, ONE_MISSED).folder], draws=9)
    outcomes = [outcome("a", 1, 100, RIGHT), outcome("c", 1, 200, None)]
    (kind,) = summarise(outcomes, [scorer])
    done, failed = result_rows(outcomes, [scorer], [kind])
    assert (done["kind_p_value"], done["kind_p_holm"]) == (kind["difference"]["p_value"], kind["p_holm"])
    assert (done["kind_verdict"], done["kind_thin"]) == ("open", "one seed; 2 gold entities")
    assert (done["comparisons"], failed["comparisons"], failed["gold_entities"]) == (1, 1, 2)
    assert failed["kind_verdict"] is failed["kind_p_holm"] is failed["kind_thin"] is None


def test_many_comparisons_are_corrected_for(tmp_path, outcome):
    """One difference that holds alone does not among twenty that are none."""
    path = tmp_path / "gold.conll"
    path.write_text("\n\n".join(["Ulm\tB-LOC\nist\tO"] * 120))
    gold = GoldFile("gold", str(path), None)

    def predicted(name: str, pairs: int, right: int) -> Outcome:
        tags = [["B-LOC", "O"]] * right + [["O", "O"]] * (120 - right)
        write_table(gold.predictions(tmp_path / name), pa.table({"tags": tags}))
        done = outcome("none", 1, pairs, [])
        return replace(done, cell=replace(done.cell, key=name), folder=tmp_path / name)

    direct = predicted("direct", 1, 60).folder
    alone = [predicted("better", 100, 65), predicted("much", 200, 90)]
    among = [*alone, *(predicted(str(size), size, 60) for size in range(1000, 1020))]
    few, many = (summarise(outcomes, [Scorer(gold, ["LOC"], [direct], 2000)]) for outcomes in (alone, among))
    assert [kind["verdict"] for kind in few] == ["better", "better"]
    assert [kind["verdict"] for kind in many] == ["open", "better", *["open"] * 20]
    assert many[0]["difference"] == few[0]["difference"]
    assert many[0]["thin"] == ["one seed"]


def test_a_bootstrap_of_too_few_draws_cannot_tell_anything_apart():
    assert draws_needed(24) == 960
    # The smallest p-value of so many draws, corrected, is below 0.05; with one draw less it is not.
    assert 24 * 2 / 961 < 0.05 <= 24 * 2 / 960


def kind(pairs: int, f1: float, verdict: str = "better", **more) -> dict:
    curve = {"gold": "gold", "domain": "all", "loss": "cross entropy", "thin": []}
    return {**curve, "pairs": pairs, "f1": f1, "verdict": verdict, **more}


def test_enough_is_where_the_curve_stays_near_its_best_and_beats_direct_transfer():
    curve = [kind(4000, 0.79), kind(500, 0.7, "worse"), kind(1000, 0.782, "open"), kind(2000, 0.776), kind(8000, 0.785)]
    (row,) = read_off(curve)
    # 1,000 pairs are near the best as well, but 2,000 are not.
    assert (row["level"], row["level_f1"]) == (4000, 0.79)
    assert (row["enough"], row["enough_f1"]) == (4000, 0.79)
    assert (row["best"], row["beats"], row["better"], row["worse"]) == (4000, 2000, [2000, 4000, 8000], [500])
    assert row["last_step"] == pytest.approx(-0.005)
    assert not row["rises"]


def test_nothing_is_enough_that_does_not_beat_direct_transfer():
    for verdict in ("open", "worse"):
        (row,) = read_off([kind(500, 0.7), kind(1000, 0.75), kind(2000, 0.75, verdict)])
        assert (row["level"], row["beats"], row["enough"], row["better"]) == (1000, None, None, [500, 1000])


def test_the_largest_size_is_not_enough_while_the_curve_rises():
    (row,) = read_off([kind(500, 0.7), kind(1000, 0.75)])
    assert (row["level"], row["beats"], row["enough"], row["rises"]) == (1000, 500, None, True)
    (row,) = read_off([kind(500, 0.7), kind(1000, 0.705)])
    assert (row["level"], row["enough"], row["rises"]) == (500, 500, False)


def test_each_curve_is_read_by_itself():
    rows = read_off([kind(500, 0.7), kind(500, 0.6, "open", domain="news", thin=["one seed"]), kind(1000, 0.705)])
    assert [(row["domain"], row["enough"], row["best"], row["beats"], row["thin"]) for row in rows] == [
        ("all", 500, 1000, 500, []),
        ("news", None, 500, None, ["one seed"]),
    ]
    assert rows[1]["last_step"] is None


def test_a_curve_that_falls_at_its_end_is_level_at_its_best():
    (row,) = read_off([kind(500, 0.7), kind(1000, 0.75), kind(2000, 0.7, "open")])
    assert (row["level"], row["best"], row["enough"], row["beats"]) == (1000, 1000, None, None)
