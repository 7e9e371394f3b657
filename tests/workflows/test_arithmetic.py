"""What `auto` stands for is settled once for a folder, without Ray where the device is known."""

from dataclasses import replace

import pytest

from projections import EqualAligner, publish_projection, write_text
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.models import precision
from xner_core.models.model_settings import FLOAT32, Arithmetic
from xner_core.snapshots.lease import Lease
from xner_core.storage.files import locate
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.workflows.arithmetic import settle
from xner_core.workflows.projection_settings import ProjectionSettings

SLOW = Arithmetic("torch", "bfloat16")
FAST = Arithmetic("openvino", "bfloat16")


@pytest.fixture
def settings(tiny_tagger, tiny_encoder, tmp_path) -> ProjectionSettings:
    return ProjectionSettings(
        out=str(tmp_path / "out"),
        tagger=TaggerSettings(tiny_tagger, device="cpu", precision="bfloat16"),
        aligner=AlignerSettings("similarity", tiny_encoder, device="cpu", precision="bfloat16"),
    )


@pytest.fixture
def automatic(settings) -> ProjectionSettings:
    tagger, aligner = (replace(model, precision="auto") for model in (settings.tagger, settings.aligner))
    return replace(settings, tagger=tagger, aligner=aligner)


@pytest.fixture
def machine(monkeypatch):
    """Makes this machine one with or without OpenVINO and a CPU for it."""

    def is_fast(fast: bool) -> None:
        monkeypatch.setattr(precision, "has_bfloat16", lambda device: fast)
        monkeypatch.setattr(precision, "find_spec", lambda name: fast or None)

    return is_fast


def settled(settings) -> list[Arithmetic]:
    with Lease(locate(settings.out), "a test") as lease:
        found = settle(settings, lease)
    return [
        Arithmetic(model.runtime, model.precision)
        for model in (found.tagger, found.aligner)
        if model.runtime != "auto" and model.precision != "auto"
    ]


@pytest.mark.parametrize("first", [True, False])
def test_what_the_first_run_took_stays_on_other_machines(settings, machine, first):
    machine(first)
    expected = [FAST if first else SLOW] * 2
    assert settled(settings) == expected
    machine(not first)
    assert settled(settings) == expected


def test_unfinished_labels_of_before_stay_in_float32(automatic, machine, tmp_path):
    machine(True)
    (tmp_path / "out" / "tags" / "0").mkdir(parents=True)
    (tmp_path / "out" / "tags" / "0" / "shard.parquet").write_bytes(b"")
    assert settled(automatic) == [FLOAT32, FLOAT32]


def test_a_snapshot_that_names_no_models_is_in_float32(automatic, machine, tmp_path):
    machine(True)
    write_text(tmp_path / "text", "news", ["Bonn saw Ulm"])
    publish_projection(tmp_path / "text", tmp_path / "out", EqualAligner("3" * 32))
    assert settled(automatic) == [FLOAT32, FLOAT32]


def test_what_is_asked_for_is_taken(settings, machine, tiny_tagger):
    machine(True)
    assert settled(settings) == [FAST, FAST]
    asked = replace(settings, tagger=TaggerSettings(tiny_tagger, device="cpu", runtime="torch", precision="float32"))
    assert settled(asked) == [FLOAT32, FAST]


def test_what_nobody_asks_for_is_float32(automatic, machine):
    machine(True)
    assert settled(automatic) == [FLOAT32, FLOAT32]
