"""A study on real Ray with real trainings by a tiny model; each takes many seconds, so the tests share them."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from selenium.webdriver.common.by import By

from label_files import row, sentences, write_labels
from xner_core.engine.study_run import run_study, time_left
from xner_core.errors import XnerError
from xner_core.evaluation.evaluation_settings import StudentEvaluation, TaggerEvaluation
from xner_core.evaluation.student_evaluation import evaluate_student
from xner_core.evaluation.tagger_evaluation import evaluate_tagger
from xner_core.study.study_settings import StudySettings
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.training.fitting_settings import OptimisationSettings
from xner_core.training.student_settings import StudentRecipe

# Trainings of a busy machine take their time.
pytestmark = pytest.mark.timeout(900)

OPTIMISATION = OptimisationSettings(
    epochs=18.0, batch_size=8, learning_rate=5e-3, freeze_embeddings=False, precision="float32", evaluations=1
)


def conll(rows: list[dict]) -> str:
    """Label rows as gold."""
    lines = []
    for each in rows:
        start = 0
        for token in each["target_text"].split():
            start = each["target_text"].index(token, start)
            tag = "O"
            for entity in each["entities"]:
                if entity["target_start"] <= start < entity["target_end"]:
                    tag = ("B-" if start == entity["target_start"] else "I-") + entity["type"]
            lines.append(f"{token}\t{tag}")
            start += len(token)
        lines.append("")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def settings(tmp_path_factory, tiny_encoder, tiny_tagger) -> StudySettings:
    folder = tmp_path_factory.mktemp("study")
    # News, and a domain of which nothing can be learnt.
    labels = write_labels(folder, sentences(60), [row(f"Es regnet {i} .") for i in range(20)], sentences(40, seed=2))
    gold = folder / "gold.conll"
    gold.write_text(conll(sentences(30, seed=3)))
    lines = [
        {"de": {"tokens": ["Anna", "Weber", "in", "Kiel"], "tags": ["B-PER", "I-PER", "O", "B-LOC"]}},
        {"de": {"tokens": ["Otto", "Klein"], "tags": ["B-PER", "I-PER"]}},
    ]
    (folder / "two.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return StudySettings(
        labels=[labels],
        gold={"made up": str(gold), "two": str(folder / "two.jsonl")},
        out=str(folder / "out"),
        sizes=[40, 1000, "all"],
        domains=["news", "wiki"],
        seeds=[1],
        student=StudentRecipe(dev=str(gold), start="encoder", model=tiny_encoder, optimisation=OPTIMISATION, threads=1),
        baselines=[tiny_tagger],
        at_once=2,
        draws=100,
    )


@pytest.fixture(scope="module")
def result(ray_session, settings) -> dict:
    return run_study(settings)


def test_cells_are_trained_and_scored_and_a_failure_costs_only_itself(result, settings):
    assert (result["status"], result["cells"], result["done"]) == ("failed", 3, 2)
    ((cell, reason),) = result["failed"].items()
    assert cell == "20 pairs of wiki, cross entropy, seed 1"
    assert "no entity of the types" in reason
    assert "1 of 3 cells (20 pairs of wiki" in result["reason"]
    assert len(result["left_out"]) == 3
    assert result["languages"] == ["de"]
    table = pl.read_parquet(result["table"])
    assert table.height == 6
    done = table.filter((pl.col("status") == "done") & (pl.col("gold") == "made up")).sort("pairs")
    assert done["pairs"].to_list() == [40, 100]
    # Each kind on each gold file is a comparison.
    assert result["comparisons"] == 4
    assert set(done["comparisons"]) == {4}
    assert all("one seed" in why for why in done["kind_thin"])
    kinds = {kind["pairs"]: kind for kind in result["scores"] if kind["gold"] == "made up"}
    assert done["kind_p_holm"].to_list() == [kinds[pairs]["p_holm"] for pairs in (40, 100)]
    assert done["kind_verdict"].to_list() == [kinds[pairs]["verdict"] for pairs in (40, 100)]
    # So few draws cannot tell four differences apart.
    assert any("draws 160 or more" in warning for warning in result["warnings"])
    # More pairs of the same kind teach more.
    assert done["f1"][1] > 0.5
    for each in done.iter_rows(named=True):
        scores = evaluate_tagger(
            TaggerEvaluation(settings.gold["made up"], TaggerSettings(each["student"]), ["LOC", "ORG", "PER"])
        )
        assert each["f1"] == pytest.approx(scores["f1"])
        assert each["f1_ORG"] == pytest.approx(scores["per_type"]["ORG"]["f1"])
        assert each["f1_PER"] == pytest.approx(scores["per_type"]["PER"]["f1"])
        assert each["hours_per_1000_pairs"] == pytest.approx(1000 * each["seconds"] / 3600 / each["pairs"])
        assert each["sentences"] <= each["pairs"]
    assert table.filter(pl.col("status") == "failed")["reason"].to_list() == [reason] * 2


def test_scores_are_those_of_the_evaluation_of_students(result, settings, tiny_tagger):
    (kind,) = [kind for kind in result["scores"] if (kind["gold"], kind["pairs"]) == ("two", 100)]
    student = pl.read_parquet(result["table"]).filter(pl.col("pairs") == 100)["student"][0]
    evaluated = evaluate_student(
        StudentEvaluation(
            [student], settings.gold["two"], [tiny_tagger], types=["PER", "LOC"], language="de", draws=100
        )
    )
    assert kind["f1"] == pytest.approx(evaluated["student"]["f1"])
    assert kind["difference"] == pytest.approx(evaluated["difference"]["all"])
    assert result["direct_transfer"]["two"]["f1"] == pytest.approx(evaluated["direct_transfer"]["f1"])


def test_the_page_shows_what_was_measured(result, browser):
    browser.get(Path(result["page"]).as_uri())
    assert browser.get_log("browser") == []
    text = browser.find_element(By.TAG_NAME, "body").text
    assert all(f"{100 * kind['f1']:.1f}" in text for kind in result["scores"])
    assert result["reason"].partition(": ")[2].rstrip(")") in text
    # A curve for each gold file, and two of what it costs.
    assert len(browser.find_elements(By.CSS_SELECTOR, "svg path.line")) == 4


def test_what_is_done_is_found_again_by_another_grid(result, settings):
    again = run_study(replace(settings, domains=["news"], sizes=["all", 40], draws=50))
    assert again["status"] == "nothing to do"
    assert {(k["gold"], k["pairs"], k["f1"]) for k in again["scores"]} == {
        (k["gold"], k["pairs"], k["f1"]) for k in result["scores"]
    }


def test_another_gold_file_needs_no_training(result, settings, tmp_path):
    gold = tmp_path / "other.conll"
    gold.write_text(conll(sentences(10, seed=4)))
    cells = Path(settings.out) / "cells"
    students = {path: path.stat().st_mtime_ns for path in cells.glob("*/student/model.safetensors")}
    found = run_study(replace(settings, gold={"other": str(gold)}, domains=["news"], sizes=[40], keep_students=False))
    assert (found["status"], found["done"], len(found["scores"])) == ("done", 1, 1)
    left = {path: path.stat().st_mtime_ns for path in cells.glob("*/student/model.safetensors")}
    # The student of this study is gone, the other one is untouched.
    assert len(left) == len(students) - 1
    assert all(students[path] == time for path, time in left.items())
    assert pl.read_parquet(found["table"])["student"].to_list() == [None]


def test_what_cannot_work_is_refused_before_anything_is_trained(settings, tmp_path):
    gold = tmp_path / "gold.conll"
    gold.write_text("Bonn\tB-PLACE\n")
    new = replace(settings, out=str(tmp_path / "out"))
    with pytest.raises(XnerError, match=r"marks PLACE, and none of these types is found by all models"):
        run_study(replace(new, gold={"other": str(gold)}))
    with pytest.raises(XnerError, match="no such file"):
        run_study(replace(new, gold={"other": str(tmp_path / "none.conll")}))
    with pytest.raises(XnerError, match="not enough CPU in the cluster"):
        run_study(replace(new, student=replace(new.student, num_workers=9)))
    assert not (tmp_path / "out").exists()


def test_time_left_follows_a_start_up_and_the_pairs():
    done = [(1000, 30.0), (2000, 40.0)]
    assert time_left([], [1000], [], 1) is None
    assert time_left(done, [], [], 1) is None
    assert time_left(done, [3000, 1000], [], 1) == pytest.approx(50 + 30)
    assert time_left(done, [], [(3000, 20.0), (1000, 60.0)], 2) == pytest.approx(30)
    assert time_left(done, [3000, 1000], [], 2) == pytest.approx(50)
