"""Real trainings, by a tiny model on a real Ray; each takes many seconds, so each shows several things at once."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import ray
from jsonargparse.typing import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from ray.train import TrainingFailedError
from safetensors.torch import load_file
from transformers import TrainerCallback, pipeline

from label_files import FINGERPRINT, sentences, write_labels
from xner_core.engine import training_job as job
from xner_core.engine.training_job import train_student
from xner_core.errors import XnerError
from xner_core.storage.files import locate, read_json
from xner_core.training.fitting_settings import OptimisationSettings
from xner_core.training.student_settings import StudentRecipe, StudentSettings

# The workers have no way to import this file.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])

# Numbers of the types that a command line gives.
OPTIMISATION = OptimisationSettings(
    epochs=PositiveFloat(18),
    batch_size=PositiveInt(8),
    learning_rate=PositiveFloat(5e-3),
    weight_decay=NonNegativeFloat(0.01),
    freeze_embeddings=False,
    precision="float32",
    evaluations=PositiveInt(5),
    patience=NonNegativeInt(0),
)


class FailAt(TrainerCallback):
    """Kills its process at some steps, once at each."""

    def __init__(self, marks: Path, *steps: int):
        self.marks, self.steps = marks, steps

    def on_step_end(self, args, state, control, **kwargs):
        mark = self.marks / str(state.global_step)
        if state.global_step in self.steps and not mark.exists():
            mark.touch()
            os._exit(1)


@pytest.fixture(scope="module")
def labels(tmp_path_factory) -> str:
    return write_labels(tmp_path_factory.mktemp("projection"), *(sentences(40, seed) for seed in range(3)))


@pytest.fixture(scope="module")
def settings(labels, tiny_encoder, tmp_path_factory) -> StudentSettings:
    recipe = StudentRecipe(start="encoder", model=tiny_encoder, optimisation=OPTIMISATION, threads=1, shuffle_buffer=64)
    return StudentSettings([labels], str(tmp_path_factory.mktemp("student")), student=recipe)


@pytest.fixture(scope="module")
def trained(ray_session, settings) -> dict:
    """The results of a training that nothing disturbed."""
    return train_student(settings)


def test_student_learns_its_labels(trained, settings):
    assert trained["status"] == "done"
    assert trained["dev"]["f1"] > 0.9
    assert set(trained["dev"]["per_type"]) <= {"LOC", "ORG", "PER"}
    assert 100 < trained["train_sentences"] < 120
    assert trained["labels"] == [FINGERPRINT]
    assert trained["steps"] == round(18 * trained["train_sentences"] / 8)
    tag = pipeline("token-classification", model=settings.out, aggregation_strategy="simple", stride=32)
    text = "Anna Weber wohnt in Kiel ."
    assert [(found["entity_group"], text[found["start"] : found["end"]]) for found in tag(text)][-1] == ("LOC", "Kiel")
    card = (Path(settings.out) / "README.md").read_text()
    assert FINGERPRINT in card
    assert f"{trained['dev']['f1']:.4f}" in card
    assert not (Path(settings.out) / "checkpoints").exists()


def test_a_student_that_is_there_is_not_trained_again(trained, settings):
    again = train_student(settings)
    assert again["status"] == "nothing to do"
    assert again["dev"] == trained["dev"]


def test_a_killed_worker_and_a_killed_job_go_on_with_the_same_data(trained, settings, tmp_path, monkeypatch):
    interrupted = replace(settings, out=str(tmp_path / "student"))
    (tmp_path / "marks").mkdir()
    # The first death is survived; the second is one too many, and leaves what a killed job leaves.
    monkeypatch.setattr(job, "_MAX_FAILURES", 1)
    with pytest.raises(TrainingFailedError):
        train_student(interrupted, [FailAt(tmp_path / "marks", 60, 120)])
    assert sorted(mark.name for mark in (tmp_path / "marks").iterdir()) == ["120", "60"]

    changed = replace(interrupted, student=replace(settings.student, seed=2))
    with pytest.raises(XnerError, match=r"another training .*seed 1, now 2"):
        train_student(changed)
    other = write_labels(tmp_path, sentences(40), fingerprint="f" * 32)
    with pytest.raises(XnerError, match=r"another training .*on other labels"):
        train_student(replace(interrupted, labels=[other]))

    result = train_student(interrupted)
    assert result["dev"] == trained["dev"]
    weights, expected = (load_file(Path(folder) / "model.safetensors") for folder in (interrupted.out, settings.out))
    assert all(weights[name].equal(expected[name]) for name in expected)
    assert not (tmp_path / "student" / "checkpoints").exists()


def test_two_workers_start_from_a_tagger_and_stop_early(ray_session, labels, tiny_tagger, tmp_path):
    optimisation = replace(OPTIMISATION, learning_rate=1e-9, patience=1)
    recipe = StudentRecipe(model=tiny_tagger, optimisation=optimisation, threads=1, num_workers=2)
    settings = StudentSettings(
        [labels], str(tmp_path / "out"), checkpoints=str(tmp_path / "checkpoints"), student=recipe
    )
    result = train_student(settings)
    assert result["steps"] == round(18 * (result["train_sentences"] // 2) / 8)
    # Nothing is learnt at this rate: the second scoring, no better than the first, is the last.
    assert result["best_step"] == 2 * -(-result["steps"] // 5)
    assert read_json(locate(settings.out) / "config.json")["id2label"]["3"] == "B-ORG"
    assert not (tmp_path / "checkpoints").exists()


def test_too_small_a_cluster_is_refused_before_anything_is_written(ray_session, settings, tmp_path):
    wide = replace(settings, out=str(tmp_path), student=replace(settings.student, num_workers=4))
    with pytest.raises(XnerError, match="not enough CPU in the cluster: 5 needed, 4 there"):
        train_student(wide)
    assert not list(tmp_path.iterdir())
    assert ray.is_initialized()
