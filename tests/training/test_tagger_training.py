import json
import os
import pickle
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import Trainer

from xner_core.errors import XnerError
from xner_core.evaluation.evaluation_settings import TaggerEvaluation
from xner_core.evaluation.tagger_evaluation import evaluate_tagger
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.training.features import TargetScheme
from xner_core.training.fitting_settings import OptimisationSettings
from xner_core.training.spacing import natural_spacing
from xner_core.training.tagger_training import annotated_texts, train_tagger
from xner_core.training.tagger_training_settings import TaggerTrainingSettings

OPTIMISATION = OptimisationSettings(
    epochs=20, batch_size=8, learning_rate=1e-2, freeze_embeddings=False, precision="float32", evaluations=4, patience=0
)


@pytest.fixture
def conll(tmp_path) -> str:
    """Sentences with persons and places, which always follow the same words."""
    chance = random.Random(1)
    path = tmp_path / "train.conll"
    with open(path, "w") as file:
        for _ in range(60):
            name, place = chance.choice(["Ann", "Bob", "Eva"]), chance.choice(["Ulm", "Bonn", "Kiel"])
            file.write(f"{name}\tB-PER\nis\tO\nin\tO\n{place}\tB-LOC\n.\tO\n\n")
    return str(path)


@pytest.fixture
def settings(conll, tiny_encoder, tmp_path) -> TaggerTrainingSettings:
    return TaggerTrainingSettings(
        train=[conll],
        dev=conll,
        out=str(tmp_path / "tagger"),
        encoder=tiny_encoder,
        types=["PER", "LOC"],
        optimisation=OPTIMISATION,
    )


def test_a_tagger_learns_what_it_is_shown(settings, conll):
    result = train_tagger(settings)
    assert result["dev"]["f1"] > 0.95
    assert not (Path(settings.out) / "checkpoints").exists()
    scored = evaluate_tagger(TaggerEvaluation(conll, TaggerSettings(settings.out)))
    assert scored["f1"] == pytest.approx(result["dev"]["f1"])


def test_an_interrupted_training_goes_on_from_its_checkpoint(settings, monkeypatch):
    whole = train_tagger(settings)
    (Path(settings.out) / "model.safetensors").unlink()
    save, saves = Trainer._save_checkpoint, []

    def interrupted(self, *arguments):
        save(self, *arguments)
        saves.append(self.state.global_step)
        if len(saves) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_save_checkpoint", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_tagger(settings)
    resumed = train_tagger(settings)
    assert saves[2] > saves[1]
    assert len(saves) == OPTIMISATION.evaluations
    assert resumed["dev"] == whole["dev"]


def test_a_tagger_is_trained_into_an_object_store(settings, conll, s3_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XNER_CACHE", str(tmp_path))
    brief = replace(OPTIMISATION, epochs=1, evaluations=1)
    result = train_tagger(replace(settings, out=s3_folder, optimisation=brief))
    assert result["tagger"] == s3_folder
    assert evaluate_tagger(TaggerEvaluation(conll, TaggerSettings(s3_folder)))["sentences"] == 60


class Pickle:
    """What runs code when it is read without care."""

    def __init__(self, trace: Path):
        self._trace = trace

    def __reduce__(self):
        return os.system, (f"touch {self._trace}",)


def test_no_file_of_a_checkpoint_is_run(settings, tmp_path, monkeypatch):
    save = Trainer._save_checkpoint

    def interrupted(self, *arguments):
        save(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_save_checkpoint", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_tagger(settings)
    monkeypatch.undo()
    (checkpoint,) = Path(settings.out, "checkpoints").iterdir()
    kept, trace = tmp_path / "kept", tmp_path / "trace"
    shutil.copytree(checkpoint, kept)
    files = {file.name for file in kept.iterdir()}
    assert {"model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"} <= files
    pickled = pickle.dumps(Pickle(trace))
    torch.save({"state": Pickle(trace)}, tmp_path / "saved")
    for content in (pickled, (tmp_path / "saved").read_bytes()):
        for name in sorted((files | {"pytorch_model.bin"}) - {"training_args.bin"}):
            shutil.rmtree(checkpoint)
            shutil.copytree(kept, checkpoint)
            if name == "pytorch_model.bin":
                (checkpoint / "model.safetensors").unlink()
            (checkpoint / name).write_bytes(content)
            if name not in ("config.json", "generation_config.json"):
                with pytest.raises(XnerError, match="damaged, or no checkpoint that xner wrote"):
                    train_tagger(settings)
            assert not trace.exists(), name
    # Written, and never read.
    shutil.rmtree(checkpoint)
    shutil.copytree(kept, checkpoint)
    (checkpoint / "training_args.bin").write_bytes(pickled)
    assert train_tagger(settings)["dev"]["f1"] > 0.95
    assert not trace.exists()


def test_a_type_that_a_file_never_marks_is_left_open(conll):
    scheme = TargetScheme(["PER", "LOC", "MISC"])
    texts = annotated_texts(conll, scheme, 0.5, random.Random(0))
    assert {frozenset(text.missed) for text in texts} == {frozenset({"MISC"})}
    assert {text.text.endswith(" .") for text in texts} == {True, False}


def test_types_of_a_file_that_are_not_learnt_are_said_aloud(conll, caplog):
    annotated_texts(conll, TargetScheme(["PER"]), 0.0, random.Random(0))
    assert "marks LOC, which are not learnt but taken as O" in caplog.text
    with pytest.raises(XnerError, match=r"marks none of the types MISC, only LOC, PER$"):
        annotated_texts(conll, TargetScheme(["MISC"]), 0.0, random.Random(0))
    with pytest.raises(XnerError, match=r"only LOC, PER; did you mean location for LOC, person for PER\?"):
        annotated_texts(conll, TargetScheme(["person", "location"]), 0.0, random.Random(0))


def test_an_adapter_names_its_encoder(settings, tiny_encoder):
    brief = replace(OPTIMISATION, epochs=1, evaluations=1)
    train_tagger(replace(settings, adapter_rank=2, optimisation=brief))
    adapter = json.loads((Path(settings.out) / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == tiny_encoder


@given(st.lists(st.sampled_from(["Ann", '"', ",", "'s", "(", ")", "$", "5", "."]), max_size=12))
def test_natural_spacing_keeps_every_token(tokens):
    text, spans = natural_spacing(tokens)
    assert [text[span.start : span.end] for span in spans] == tokens
    assert "  " not in text


def test_natural_spacing_is_that_of_english():
    tokens = ["Ann", "'s", '"', "big", "day", '"', "(", "in", "Ulm", ")", "cost", "$", "5", "."]
    assert natural_spacing(tokens)[0] == 'Ann\'s "big day" (in Ulm) cost $5.'
