"""Scores of a tagger of no size, from the command line and from Python."""

import json

import pytest

from xner_core.cli.job import Command, Job, run_job
from xner_core.errors import XnerError
from xner_core.evaluation.evaluation_settings import TaggerEvaluation
from xner_core.evaluation.tagger_evaluation import evaluate_tagger
from xner_core.tagging.tagger_settings import TaggerSettings


@pytest.fixture
def gold(tmp_path):
    """Writes a gold file of two tokens with these tags."""

    def gold(*tags: str) -> str:
        path = tmp_path / "gold.conll"
        path.write_text("".join(f"Ulm\t{tag}\n" for tag in tags))
        return str(path)

    return gold


def test_scores_are_printed(gold, tiny_tagger, tmp_path, capsys):
    arguments = ["--tagger.model", tiny_tagger, "--gold", gold("B-PER", "B-LOC"), "--types", "PER, LOC"]
    with pytest.raises(SystemExit) as ended:
        run_job(Job("", Command(TaggerEvaluation, evaluate_tagger)), [*arguments, "--json", f"{tmp_path}/out.json"])
    assert ended.value.code == 0
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["labels"] == ["LOC", "PER"]
    assert {name: scores["support"] for name, scores in result["per_type"].items()} == {"LOC": 1, "PER": 1}
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("on gold.conll: 1 sentences, 2 entities")
    assert lines[1].split() == ["in", "%", "entities", "precision", "recall", "F1"]
    assert [line.split()[:2] for line in lines[2:5]] == [["all", "2"], ["LOC", "1"], ["PER", "1"]]
    assert lines[2].split()[-1] == f"{100 * result['f1']:.1f}"


@pytest.mark.parametrize("labels", ["PER,LOCK", "per", "PER;LOC"])
def test_an_unknown_type_ends_the_job_with_the_valid_ones(gold, tiny_tagger, labels, capsys):
    with pytest.raises(SystemExit) as ended:
        run_job(
            Job("", Command(TaggerEvaluation, evaluate_tagger)),
            ["--tagger.model", tiny_tagger, "--gold", gold("B-PER", "O"), "--types", labels],
        )
    assert ended.value.code == 2
    assert "finds LOC, ORG, PER" in capsys.readouterr().err


def test_types_of_other_names_are_refused(gold, tiny_tagger):
    with pytest.raises(XnerError, match=r"marks person, .*did you mean PER\?.*label_map '{PER: person}'"):
        evaluate_tagger(TaggerEvaluation(gold("B-person", "O"), TaggerSettings(tiny_tagger)))


def test_a_label_map_says_the_types_of_the_gold(gold, tiny_tagger):
    result = evaluate_tagger(TaggerEvaluation(gold("B-person", "O"), TaggerSettings(tiny_tagger, {"PER": "person"})))
    assert result["labels"] == ["person"]
    assert f"tagger.label_map: {tiny_tagger} also finds LOC, ORG, which are left out" in result["warnings"]


def test_what_should_be_known_of_a_score_is_printed(gold, tiny_tagger, capsys):
    names = {"PER": "PER", "LOC": "LOC", "ORG": "ORG", "PERS": "PER"}
    result = evaluate_tagger(TaggerEvaluation(gold("B-PER", "B-DATE"), TaggerSettings(tiny_tagger, names)))
    assert result["labels"] == ["DATE", "PER"]
    assert any("does not find DATE" in warning and "its score there is 0" in warning for warning in result["warnings"])
    assert any("label_map: PERS not used" in warning for warning in result["warnings"])
    printed = capsys.readouterr().out
    assert all(f"warning   {warning}" in printed for warning in result["warnings"])


def test_gold_without_entities_is_scored_and_it_is_said(gold, tiny_tagger):
    for labels in (None, ["PER", "LOC"]):
        result = evaluate_tagger(TaggerEvaluation(gold("O", "O"), TaggerSettings(tiny_tagger), labels))
        assert result["f1"] == 0
        assert any("marks no entity" in warning for warning in result["warnings"])
