"""Models in an object store and on a hub: each process loads the same files."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.recipe import AlignerRecipe, TrainedRecipe, write_recipe
from xner_core.errors import XnerError
from xner_core.evaluation.student_evaluation import own_types
from xner_core.models import folders, loading
from xner_core.models.folders import local_folder, output_folder
from xner_core.models.loading import load_encoder, load_token_classifier, model_digest, pinned
from xner_core.storage.files import Location, locate, write_json
from xner_core.tagging.tagger_settings import TaggerSettings


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XNER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def upload(folder: str, address: str) -> str:
    for file in Path(folder).iterdir():
        with (locate(address) / file.name).open_output() as stream:
            stream.write(file.read_bytes())
    return address


@pytest.fixture
def remote_tagger(tiny_tagger, s3_folder) -> str:
    return upload(tiny_tagger, f"{s3_folder}/tagger#1")


def test_a_model_of_an_object_store_is_the_one_that_was_put_there(tiny_tagger, remote_tagger):
    write_json(locate(remote_tagger) / "checkpoints" / "state.json", {})
    assert model_digest(local_folder(remote_tagger)) == model_digest(Path(tiny_tagger))
    assert TaggerSettings(remote_tagger).fingerprint() == TaggerSettings(tiny_tagger).fingerprint()
    assert own_types(remote_tagger) == own_types(tiny_tagger)
    for load in (load_token_classifier, load_encoder):
        there, here = (load(name)[0].state_dict() for name in (remote_tagger, tiny_tagger))
        assert all(torch.equal(there[name], here[name]) for name in here if "pooler" not in name)


def test_a_folder_is_fetched_once_and_again_when_it_has_changed(remote_tagger, cache, monkeypatch):
    first = local_folder(remote_tagger)
    with monkeypatch.context() as patch:
        patch.setattr(folders, "_copy", lambda *_: pytest.fail("fetched again"))
        assert local_folder(f"{remote_tagger}") == first
    write_json(locate(remote_tagger) / "config.json", {"changed": True})
    second = local_folder(remote_tagger)
    assert second != first
    assert "changed" in (second / "config.json").read_text()
    assert "changed" not in (first / "config.json").read_text()
    assert {path.suffix for path in (cache / "models").iterdir()} == {"", ".lock"}


def test_a_folder_that_changes_while_it_is_fetched_is_not_kept(remote_tagger, cache, monkeypatch):
    copy = folders._copy

    def change(source: Location, target: Location) -> None:
        copy(source, target)
        write_json(source, {})

    monkeypatch.setattr(folders, "_copy", change)
    with pytest.raises(XnerError, match="changed while it was read"):
        local_folder(remote_tagger)
    assert [path for path in (cache / "models").iterdir() if path.is_dir()] == []


def test_what_is_not_there_is_named(s3_folder):
    write_json(locate(s3_folder) / "other" / "file.json", {})
    for name in (f"{s3_folder}/nothing", s3_folder):
        with pytest.raises(XnerError, match="no such folder, or it holds no model"):
            load_encoder(name)


def test_a_model_is_uploaded_when_it_is_whole(s3_folder, cache):
    target = locate(s3_folder) / "model"

    def begin_and_fail():
        with output_folder(str(target), "config.json") as folder:
            (folder / "weights.safetensors").write_bytes(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        begin_and_fail()
    assert target.files() == []
    with output_folder(str(target), "config.json") as folder:
        # The same training goes on with what it left.
        assert (folder / "weights.safetensors").read_bytes() == b"half"
        (folder / "config.json").write_text("{}")
        (folder / "round-0").mkdir()
        (folder / "round-0" / "weights").touch()
    assert [file.relative_to(target) for file in target.files()] == ["config.json", "weights.safetensors"]
    assert list((cache / "unfinished").iterdir()) == []


def test_a_local_folder_is_written_where_it_is(tmp_path):
    with output_folder(str(tmp_path / "model"), "config.json") as folder:
        assert folder == tmp_path / "model"


def test_aligners_of_an_object_store(tiny_encoder, s3_folder):
    write_recipe(f"{s3_folder}/fitted", AlignerRecipe(tiny_encoder, layer=1), {})
    settings = AlignerSettings(f"{s3_folder}/fitted")
    assert settings.recipe().layer == 1
    assert settings.pinned().fingerprint() == settings.fingerprint()
    write_recipe(f"{s3_folder}/trained", TrainedRecipe("marker", "hub/encoder", 2), {})
    with pytest.raises(XnerError, match="was trained on an encoder of its own"):
        AlignerSettings(f"{s3_folder}/trained", encoder="another")


COMMITS = ["a" * 40, "b" * 40]


@pytest.fixture
def hub(tiny_tagger, tmp_path, monkeypatch) -> list[str]:
    """A hub with two commits of a model; what is in the list, in the end, is `main`."""
    main = [COMMITS[0]]
    for number, commit in enumerate(COMMITS):
        shutil.copytree(tiny_tagger, tmp_path / "snapshots" / commit)
        (tmp_path / "snapshots" / commit / "vocabulary.txt").write_text(str(number))

    def download(name: str, revision: str | None = None, allow_patterns=None) -> str:
        assert name == "hub/tagger"
        return str(tmp_path / "snapshots" / (revision or main[-1]))

    monkeypatch.setattr(loading, "snapshot_download", download)
    return main


def test_a_model_of_a_hub_is_pinned_to_its_commit(hub):
    settings = TaggerSettings("hub/tagger")
    fixed = settings.pinned()
    assert fixed.model == f"hub/tagger@{COMMITS[0]}"
    assert fixed.fingerprint() == settings.fingerprint()
    hub.append(COMMITS[1])
    # Who goes by the name alone has another model now, and who is told the commit has not.
    assert settings.fingerprint() != fixed.fingerprint()
    assert fixed.pinned() == fixed
    assert replace(settings, model=f"hub/tagger@{COMMITS[1]}").fingerprint() == settings.fingerprint()


def test_an_aligner_s_own_encoder_is_pinned_too(hub, tmp_path):
    write_recipe(tmp_path / "trained", TrainedRecipe("marker", "hub/tagger", 2), {})
    settings = AlignerSettings(str(tmp_path / "trained")).pinned()
    assert settings.recipe().encoder == f"hub/tagger@{COMMITS[0]}"
    similarity = AlignerSettings("similarity", encoder="hub/tagger").pinned()
    assert similarity.encoder == f"hub/tagger@{COMMITS[0]}"


def test_what_is_no_model_of_a_hub_keeps_its_name(tiny_tagger):
    for name in ("starter", tiny_tagger, "s3://bucket/model"):
        assert pinned(name) == name
