"""What the main job refuses, warns of and announces before Ray is started."""

import dataclasses

import pytest

from projections import places, write_text
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.errors import RunFailure, XnerError
from xner_core.evaluation.evaluation_settings import TaggerEvaluation
from xner_core.projection.plan import plan_projection, projection_parts
from xner_core.snapshots.lease import Lease
from xner_core.snapshots.manifest import file_table
from xner_core.snapshots.repository import publish
from xner_core.storage.files import locate
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.workflows.corpus import current_corpus
from xner_core.workflows.projection import announce, count_warnings, project_corpus
from xner_core.workflows.projection_settings import ProjectionSettings
from xner_core.workflows.student import score_once


@pytest.fixture
def settings(tiny_tagger, tiny_encoder, tmp_path) -> ProjectionSettings:
    write_text(tmp_path / "text", "news", places(20))
    return ProjectionSettings(
        corpus=str(tmp_path / "text"),
        out=str(tmp_path / "out"),
        cleaning=CleaningSettings(identify_language=False),
        tagger=TaggerSettings(tiny_tagger),
        aligner=AlignerSettings(model="similarity", encoder=tiny_encoder),
    )


def test_gold_without_a_student_is_refused():
    for unused in ({"gold": "gold.conll"}, {"gold_types": ["PER"]}):
        with pytest.raises(ValueError, match="add --then_train, or leave it out"):
            ProjectionSettings(**unused)


@pytest.mark.parametrize("wrong", ["label map", "aligner", "gold", "dev", "out", "address"])
def test_what_will_not_do_is_refused_before_anything_is_made(settings, tmp_path, monkeypatch, wrong):
    (tmp_path / "file").write_text("no gold")
    student = dataclasses.replace(settings.student, dev=str(tmp_path / "nowhere"))
    tagger = dataclasses.replace(settings.tagger, label_map={"PERR": "PER", "LOC": "LOC"})
    changes, message = {
        "label map": ({"tagger": tagger}, "PERR"),
        "aligner": ({"aligner": AlignerSettings(settings.tagger.model)}, "aligner.json"),
        "gold": ({"gold": str(tmp_path / "file"), "then_train": True}, "file:1"),
        "dev": ({"student": student, "then_train": True}, "nowhere"),
        "out": ({"out": str(tmp_path / "file")}, "is a file"),
        "address": ({}, "RAY_API_SERVER_ADDRESS"),
    }[wrong]
    if wrong == "address":
        monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:8265")
    with pytest.raises(XnerError, match=message) as refused:
        project_corpus(dataclasses.replace(settings, **changes))
    assert not isinstance(refused.value, RunFailure)
    assert not (tmp_path / "out").exists()


def test_what_may_not_be_meant_is_said():
    counts = {"pairs": 3, "entities": 0, "projected": 0}
    assert "tagger.label_map" in count_warnings(counts)[0]
    assert "aligner.model" in count_warnings(counts | {"entities": 2})[0]
    assert count_warnings(counts | {"entities": 2, "projected": 1}) == []


def test_what_is_made_again_is_said_before_it_is(settings, capsys):
    """Without a projection: the plans and snapshots alone."""
    folder = locate(settings.out)
    corpus, _ = current_corpus(settings, folder)
    parts = projection_parts(settings.tagger, settings.aligner)
    plan = plan_projection(corpus, folder, settings.tagger, settings.aligner)
    files = file_table([])
    with Lease(folder, "a test") as lease:
        announce(plan, lease, parts)
        assert capsys.readouterr().out == ""
        old = parts | {"aligner": parts["aligner"] | {"version": 1}}
        known = {"source": "en", "target": "de", "note": "", "fingerprints": {"tags": plan.tags_fingerprint}}
        publish(lease, files, **known, parts=old, counts={"pairs_per_second": 0.5})
        announce(plan, lease, parts)
        said = capsys.readouterr().out
        pairs = sum(task.pairs for task in plan.tasks)
        assert f"{pairs} of {pairs} pairs get new labels, about {round(pairs / 0.5 / 60)} min at 0.5 pairs/s" in said
        assert f"aligner.version 1, now {parts['aligner']['version']}" in said
        # What is new in the corpus is not made again.
        known["fingerprints"] = {"tags": plan.tags_fingerprint, "labels": plan.labels_fingerprint}
        publish(lease, files, **known, parts=parts, counts={})
        announce(plan, lease, parts)
        assert capsys.readouterr().out == ""


def test_scores_are_taken_once(tiny_tagger, tmp_path, monkeypatch):
    gold = tmp_path / "gold.conll"
    gold.write_text("Anna B-PER\nlebt O\nin O\nBonn B-LOC\n\n")
    evaluation = TaggerEvaluation(str(gold), TaggerSettings(tiny_tagger), language="de")
    first = score_once(tmp_path / "scores", evaluation)
    with monkeypatch.context() as patch:
        patch.setattr("xner_core.workflows.student.evaluate_tagger", lambda _: pytest.fail("scored again"))
        assert score_once(tmp_path / "scores", evaluation) == first
    # Of other types, or on other sentences, they are others.
    assert score_once(tmp_path / "scores", dataclasses.replace(evaluation, types=["LOC"]))["labels"] == ["LOC"]
    gold.write_text("Otto B-PER\nlebt O\n\n")
    assert score_once(tmp_path / "scores", evaluation)["labels"] == ["PER"]
