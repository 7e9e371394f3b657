"""Comparisons of made-up predictions, and of models of no size."""

import json

import numpy as np
import pytest
from transformers import AutoModelForTokenClassification, AutoTokenizer

from label_files import label, row, write_labels
from xner_core.cli.job import Command, Job, run_job
from xner_core.errors import XnerError
from xner_core.evaluation.comparison import compare
from xner_core.evaluation.evaluation_settings import StudentEvaluation, TaggerEvaluation
from xner_core.evaluation.gold import read_sentences
from xner_core.evaluation.score_summary import summary
from xner_core.evaluation.student_evaluation import evaluate_student
from xner_core.evaluation.tagger_evaluation import evaluate_tagger
from xner_core.tagging.tagger_settings import TaggerSettings

CONLL = (
    "Anna\tB-PER\nWeber\tI-PER\nwohnt\tO\nin\tO\nUlm\tB-LOC\n.\tO\n\n"
    "Sie\tO\narbeitet\tO\nbei\tO\nBosch\tB-ORG\n.\tO\n\nEs\tO\nregnet\tO\nin\tO\nBonn\tB-LOC\n.\tO\n"
)
GOLD = ["B-PER I-PER O O B-LOC O", "O O O B-ORG O", "O O O B-LOC O"]
# The student of seed 1 is right but for one boundary and an invention; that of seed 2 misses Ulm as well.
STUDENTS = [
    ["B-PER O O O B-LOC O", "O B-PER O B-ORG O", "O O O B-LOC O"],
    ["B-PER O O O O O", "O B-PER O B-ORG O", "O O O B-LOC O"],
]
BASELINES = [["B-PER I-PER O O B-ORG O", "O O O O O", "O O B-PER I-PER O"]]


@pytest.fixture
def gold(tmp_path) -> str:
    path = tmp_path / "gold.conll"
    path.write_text(CONLL)
    return str(path)


@pytest.fixture
def result(gold) -> dict:
    predictions = {
        system: [[tags.split() for tags in of_seed] for of_seed in of_system]
        for system, of_system in (("student", STUDENTS), ("direct_transfer", BASELINES))
    }
    figures = compare(
        read_sentences(gold), predictions, ["PER", "LOC", "ORG"], {"AnnaWeber", "Ulm"}.intersection, 200, examples=1
    )
    return {"gold": gold, "warnings": ["ORG is rare"], **figures}


def test_scores_are_means_over_seeds(result):
    assert (result["sentences"], result["entities"], result["types"]) == (3, 4, ["LOC", "ORG", "PER"])
    student = result["student"]
    assert student["f1_by_seed"] == [pytest.approx(6 / 9), pytest.approx(4 / 8)]
    assert student["f1"] == pytest.approx(np.mean(student["f1_by_seed"]))
    assert student["precision"] == pytest.approx((3 / 5 + 2 / 4) / 2)
    assert student["per_type"]["LOC"] == {
        "precision": 1,
        "recall": 0.75,
        "f1": pytest.approx((1 + 2 / 3) / 2),
        "support": 2,
    }
    assert result["direct_transfer"]["f1"] == pytest.approx(2 / 7)
    difference = result["difference"]
    assert difference["all"]["f1"] == pytest.approx(student["f1"] - 2 / 7)
    assert difference["all"]["low"] <= difference["all"]["f1"] <= difference["all"]["high"]
    assert difference["ORG"]["f1"] == 1
    assert set(difference) == {"all", "LOC", "ORG", "PER"}


def test_entities_that_were_seen_in_training_are_scored_apart(result):
    student, baseline = result["student"], result["direct_transfer"]
    # Seen are Anna Weber and Ulm.
    assert student["seen"] == {"precision": 0.5, "recall": 0.25, "f1": pytest.approx((2 / 3) / 2), "support": 2}
    assert student["unseen"]["recall"] == 1
    assert student["unseen"]["precision"] == 0.5
    assert baseline["seen"]["recall"] == 0.5
    assert baseline["unseen"] == {"precision": 0, "recall": 0, "f1": 0, "support": 2}


def test_mistakes_are_counted_by_type_with_examples(result):
    mistakes = result["student"]["mistakes"]
    assert mistakes["wrong boundary"] == {"all": 1, "LOC": 0, "ORG": 0, "PER": 1}
    assert mistakes["missed"] == {"all": 0.5, "LOC": 0.5, "ORG": 0, "PER": 0}
    assert mistakes["invented"]["PER"] == 1
    assert result["direct_transfer"]["mistakes"]["wrong type"] == {"all": 1, "LOC": 1, "ORG": 0, "PER": 0}
    assert result["direct_transfer"]["mistakes"]["both wrong"]["LOC"] == 1
    (example,) = result["student"]["examples"]["wrong boundary"]
    assert example == {
        "sentence": 1,
        "text": "Anna Weber wohnt in Ulm .",
        "gold": {"type": "PER", "start": 0, "end": 10},
        "predicted": {"type": "PER", "start": 0, "end": 4},
    }
    assert result["student"]["examples"]["missed"] == []


def test_the_summary_says_all_of_it(result):
    text = summary(result)
    assert "gold.conll: 3 sentences, 4 entities" in text
    assert "student: F1 66.7 50.0 by seed, standard deviation 11.8" in text
    assert "direct transfer: F1 28.6" in text
    assert "warning   ORG is rare" in text
    lines = {line.split("  ")[0]: line.split() for line in reversed(text.splitlines())}
    assert lines["all"][1:9] == ["4", "58.3", "55.0", "62.5", "28.6", "33.3", "25.0", "+29.8"]
    assert lines["seen in labels"][3:6] == ["2", "33.3", "50.0"]
    assert lines["missed"] == ["missed", "0.5", "0.5", "0", "0"]
    assert "wrong boundary, sentence 1: gold [Anna Weber] PER, predicted [Anna] PER, in: Anna Weber wohnt" in text


@pytest.fixture
def other_tagger(tiny_tagger, tmp_path) -> str:
    """A tagger whose types are LOC and PROD."""
    folder = tmp_path / "other"
    labels = ["O", "B-LOC", "I-LOC", "B-PROD", "I-PROD"]
    AutoModelForTokenClassification.from_pretrained(
        tiny_tagger,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
        ignore_mismatched_sizes=True,
    ).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_tagger).save_pretrained(folder)
    return str(folder)


def test_models_are_scored_from_the_command_line(gold, tiny_tagger, other_tagger, tmp_path, capsys):
    rows = [row(f"Bonn {number}", [label("LOC", 0, 4)], id_=f"{number:032x}") for number in range(3)]
    rows.append(row("Ulm", [label("LOC", 0, 3)], id_="f" * 32))
    labels = write_labels(tmp_path, rows)
    arguments = [
        "--students",
        f"[{other_tagger}]",
        "--baselines",
        f"[{tiny_tagger}, {tiny_tagger}]",
        "--draws",
        "50",
        "--labels",
        f"[{labels}]",
        "--pairs",
        "3",
    ]
    with pytest.raises(SystemExit) as ended:
        run_job(
            Job("", Command(StudentEvaluation, evaluate_student)),
            [*arguments, "--gold", gold, "--json", f"{tmp_path}/out.json"],
        )
    assert ended.value.code == 0
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["status"] == "done"
    # ORG and PER are not found by both.
    assert result["types"] == ["LOC"]
    assert result["entities"] == 2
    assert [result["student"][name]["support"] for name in ("seen", "unseen")] == [1, 1]
    expected = evaluate_tagger(TaggerEvaluation(gold, TaggerSettings(tiny_tagger), ["LOC"]))
    assert result["direct_transfer"]["f1_by_seed"] == [expected["f1"]] * 2
    assert "mistakes of direct transfer" in capsys.readouterr().out


def test_a_model_against_itself_does_not_differ(gold, tiny_tagger):
    result = evaluate_student(StudentEvaluation([tiny_tagger], gold, [tiny_tagger], draws=20))
    assert result["types"] == ["LOC", "ORG", "PER"]
    assert "seen" not in result["student"]
    assert result["difference"]["all"] == {"f1": 0, "low": 0, "high": 0, "p_value": 1}


def test_types_that_nobody_shares_are_refused(gold, other_tagger, tmp_path):
    path = tmp_path / "other.conll"
    path.write_text("Anna\tB-PER\n")
    with pytest.raises(XnerError, match=r"marks PER, and none of these types is found by all models: student .* LOC"):
        evaluate_student(StudentEvaluation([other_tagger], str(path), [other_tagger]))
    with pytest.raises(XnerError, match=r"no entity type PERS: .* marks LOC, ORG, PER, .*; did you mean PER"):
        evaluate_student(StudentEvaluation([other_tagger], gold, [other_tagger], types=["PERS", "LOC"]))


def test_types_that_a_model_lacks_are_said_aloud(gold, tiny_tagger, other_tagger, capsys):
    result = evaluate_student(StudentEvaluation([other_tagger], gold, [tiny_tagger], draws=20))
    (warning,) = result["warnings"]
    assert f"student {other_tagger} does not find ORG, PER, which {gold} marks: not scored" in warning
    assert f"warning   {warning}" in capsys.readouterr().out


@pytest.mark.parametrize("settings", [{"students": []}, {"baselines": []}, {"types": []}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(ValueError, match="name at least one"):
        StudentEvaluation(**{"students": ["a"], "gold": "b"} | settings)
