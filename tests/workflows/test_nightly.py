"""The nightly job with real Ray and tiny models, on a corpus that changes between its runs."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from projections import places
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.errors import XnerError
from xner_core.snapshots.lease import Lease, LeaseLost, read_latest
from xner_core.snapshots.repository import history, open_snapshot
from xner_core.snapshots.snapshot_settings import ReleaseSettings, RollbackSettings
from xner_core.storage import file_identity as identity
from xner_core.storage.files import locate
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.training.fitting_settings import OptimisationSettings
from xner_core.training.student_settings import StudentRecipe, TrustSettings
from xner_core.workflows import nightly
from xner_core.workflows.administration import release_snapshot, rollback_snapshots
from xner_core.workflows.nightly import reproject
from xner_core.workflows.projection import project_corpus
from xner_core.workflows.projection_settings import NightlySettings, ProjectionSettings

pytestmark = pytest.mark.usefixtures("ray_session")
ROOT = Path(__file__).parents[2]
PROJECTION = dataclasses.fields(ProjectionSettings)


def write(folder: Path, domain: str, start: int, count: int = 30) -> None:
    folder.mkdir(exist_ok=True)
    for language, pattern in (("en", "It rains in {} today."), ("de", "Heute regnet es in {}.")):
        lines = "".join(pattern.format(place.capitalize()) + "\n" for place in places(count, start))
        (folder / f"{domain}.{language}").write_text(lines)


@pytest.fixture
def settings(tiny_tagger, tiny_encoder, tmp_path, monkeypatch) -> NightlySettings:
    monkeypatch.setattr(identity, "_SETTLED_SECONDS", -1)
    write(tmp_path / "text", "news", 0)
    write(tmp_path / "text", "talks", 100)
    return NightlySettings(
        corpus=str(tmp_path / "text"),
        out=str(tmp_path / "out"),
        shard_pairs=10,
        cleaning=CleaningSettings(identify_language=False),
        tagger=TaggerSettings(tiny_tagger),
        aligner=AlignerSettings(model="similarity", encoder=tiny_encoder, min_confidence=0.0),
    )


def rows(out: str, snapshot: str = "latest") -> list[dict]:
    return open_snapshot(out, snapshot).scan().sort("pair_id").collect().drop("shard").to_dicts()


def undisturbed(settings: NightlySettings, out: Path) -> list[dict]:
    """The labels of one projection of the corpus as it is now."""
    names = [field.name for field in dataclasses.fields(ProjectionSettings)]
    once = ProjectionSettings(**{name: getattr(settings, name) for name in names} | {"out": str(out)})
    project_corpus(once)
    return rows(str(out))


def forbid(monkeypatch, name: str) -> None:
    monkeypatch.setattr(nightly, name, lambda *_, **__: pytest.fail(f"{name} was called"))


def test_nights(settings, tmp_path, monkeypatch, capsys):
    """What each of several nights does, and that its labels are those of one projection of the corpus of that night."""
    first = reproject(settings)
    assert (first["status"], first["published"]) == ("done", True)
    assert first["ingested"]["sources"] == {"added": 2, "changed": 0, "removed": 0}
    assert first["projected"] == {"shards": first["shards"], "pairs": 60}
    assert "sources   2 added, 0 changed, 0 removed; 60 pairs read" in capsys.readouterr().out

    with monkeypatch.context() as patch:
        forbid(patch, "run_projection")
        second = reproject(settings)
    assert (second["status"], second["published"], second["snapshot"]) == ("nothing to do", False, first["snapshot"])
    assert second["seconds"] < 20
    assert f"snapshot  {first['snapshot']}, published before" in capsys.readouterr().out

    text = tmp_path / "text"
    write(text, "blogs", 200, 7)
    write(text, "news", 0, 29)
    third = reproject(settings)
    assert third["ingested"]["sources"] == {"added": 1, "changed": 1, "removed": 0}
    # Those of the new file, and what the pair that is gone was in.
    assert third["projected"]["pairs"] <= 7 + 10
    assert third["changes"]["partitions"]["de/news"]["pairs"]["removed"] == 1
    assert third["changes"]["partitions"]["de/blogs"]["pairs"]["added"] == 7
    assert rows(settings.out) == undisturbed(settings, tmp_path / "once")

    for language in ("en", "de"):
        (text / f"talks.{language}").unlink()
    fourth = reproject(settings)
    assert fourth["ingested"]["sources"] == {"added": 0, "changed": 0, "removed": 1}
    assert fourth["projected"] == {"shards": 0, "pairs": 0}
    assert set(open_snapshot(settings.out).scan().collect()["domain"]) == {"news", "blogs"}

    # What comes back was labelled before.
    write(text, "talks", 100)
    fifth = reproject(settings)
    assert fifth["projected"] == {"shards": 0, "pairs": 0}
    assert rows(settings.out) == rows(settings.out, third["snapshot"])
    names = [about.name for about in history(locate(settings.out))]
    assert names == [result["snapshot"] for result in (fifth, fourth, third, first)]

    # What is lost or damaged is made again, and is the same.
    half, lost = (Path(address) for address in open_snapshot(settings.out).addresses()[:2])
    content = half.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    lost.unlink()
    mended = reproject(settings)
    assert (mended["projected"]["shards"], mended["snapshot"]) == (2, fifth["snapshot"])
    assert half.read_bytes() == content
    assert rows(settings.out) == rows(settings.out, third["snapshot"])


def test_a_new_aligner_projects_everything_and_reuses_the_tags(settings):
    first = reproject(settings)
    tags = {path: path.stat().st_mtime_ns for path in Path(settings.out, "tags").rglob("*.parquet")}
    aligner = dataclasses.replace(settings.aligner, min_confidence=0.999)
    second = reproject(dataclasses.replace(settings, aligner=aligner, then_consensus=True))
    assert second["projected"]["shards"] == first["shards"]
    assert second["fingerprints"]["tags"] == first["fingerprints"]["tags"]
    assert {path: path.stat().st_mtime_ns for path in Path(settings.out, "tags").rglob("*.parquet")} == tags
    assert open_snapshot(settings.out, first["snapshot"]).scan().collect().height == 60
    # The derived table has a row for each label, and is part of the state.
    snapshot = open_snapshot(settings.out)
    votes = snapshot.scan("consensus").select("pair_id", "votes").collect()
    assert set(votes["pair_id"]) == set(snapshot.scan().collect()["pair_id"])
    again = reproject(dataclasses.replace(settings, aligner=aligner, then_consensus=True))
    assert again["status"] == "nothing to do"


def test_a_night_on_an_object_store_trains_a_student_on_its_snapshot(settings, tiny_tagger, s3_folder, monkeypatch):
    optimisation = OptimisationSettings(epochs=1, evaluations=1, precision="float32")
    # Of models with random weights nothing has much confidence.
    trust = TrustSettings(learnt=0, masked=0, mentions=0, names=0, outlier=0, lowercase=1)
    student = StudentRecipe(model=tiny_tagger, optimisation=optimisation, held_out=10, trust=trust, threads=1)
    remote = dataclasses.replace(settings, out=s3_folder, then_train=True, student=student)
    first = reproject(remote)
    snapshot = open_snapshot(s3_folder)
    assert (first["snapshot"], first["shards"]) == (snapshot.name, len(snapshot.addresses()))
    assert snapshot.scan().collect()["pair_id"].n_unique() == 60
    assert first["training"]["status"] == "done"
    assert first["training"]["labels"] == [first["fingerprints"]["labels"]]
    assert (locate(s3_folder) / "student" / "config.json").exists()
    with monkeypatch.context() as patch:
        forbid(patch, "run_projection")
        forbid(patch, "train_and_score")
        assert reproject(remote)["status"] == "nothing to do"


def test_a_run_beside_another_does_nothing(settings):
    with Lease(locate(settings.out), "another nightly run", 6):
        result = reproject(settings)
    assert result["status"] == "nothing to do"
    assert "another nightly run (process" in result["reason"]


def test_a_state_that_was_gone_back_to_is_left_alone_until_it_is_released(settings, tmp_path, monkeypatch, capsys):
    first = reproject(settings)
    write(tmp_path / "text", "blogs", 200, 7)
    second = reproject(settings)
    rolled = rollback_snapshots(RollbackSettings(settings.out, first["snapshot"]))["snapshot"]
    with monkeypatch.context() as patch:
        forbid(patch, "run_projection")
        night = reproject(settings)
    assert night["status"] == "nothing to do"
    assert f"{rolled} was gone back to and is pinned" in night["reason"]
    assert "xner snapshots release" in night["reason"]
    with pytest.raises(XnerError, match="pinned"):
        project_corpus(ProjectionSettings(**{each.name: getattr(settings, each.name) for each in PROJECTION}))
    assert open_snapshot(settings.out).name == rolled
    assert len(rows(settings.out)) == 60
    release_snapshot(ReleaseSettings(settings.out))
    third = reproject(settings)
    assert (third["published"], third["projected"]["shards"]) == (True, 0)
    assert rows(settings.out) == rows(settings.out, second["snapshot"])


def test_a_run_that_lost_its_lease_publishes_nothing(settings, tmp_path, monkeypatch):
    project, other = nightly.run_projection, {}

    def stall(*arguments):
        """While this run is stopped, its lease runs out, and another run does the work."""
        counts = project(*arguments)
        record = locate(settings.out) / "snapshots/latest.json"
        with record.open_input() as stream:
            value = json.loads(stream.read())
        with record.open_output() as stream:
            stream.write(json.dumps(value | {"lease": None, "change": "stolen"}).encode())
        monkeypatch.setattr(nightly, "run_projection", project)
        write(tmp_path / "text", "news", 0, 20)
        other.update(reproject(settings))
        return counts

    monkeypatch.setattr(nightly, "run_projection", stall)
    with pytest.raises(LeaseLost):
        reproject(settings)
    assert [about.name for about in history(locate(settings.out))] == [other["snapshot"]]
    assert read_latest(locate(settings.out)).lease is None
    assert len(rows(settings.out)) == 50
    assert reproject(settings)["status"] == "nothing to do"


def test_old_states_are_deleted_but_not_what_the_student_was_trained_on(settings, tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(
        nightly,
        "train_and_score",
        lambda _, name, resume: trained.append((name, resume)) or {"student": "", "training": {"dev": {"f1": 0.5}}},
    )
    settings = dataclasses.replace(settings, then_train=True, retrain_share=0.2, keep=1)
    first = reproject(settings)
    assert trained == [(first["snapshot"], False)]
    assert reproject(settings)["training"]["reason"].startswith("0.0% of the pairs have changed")

    # Two pairs have come and one has gone.
    write(tmp_path / "text", "news", 1, 31)
    second = reproject(settings)
    assert second["training"]["reason"].startswith("4.9% of the pairs have changed since the student was trained on")
    assert second["deleted"]["snapshots"] == 0
    write(tmp_path / "text", "news", 30, 30)
    third = reproject(settings)
    assert [name for name, _ in trained] == [first["snapshot"], third["snapshot"]]
    # Nobody needs the first two any more.
    assert third["deleted"]["snapshots"] == 2
    assert [about.name for about in history(locate(settings.out))] == [third["snapshot"]]
    assert len(rows(settings.out)) == 60

    # Another recipe trains again, and so does what was interrupted.
    other = dataclasses.replace(settings, student=dataclasses.replace(settings.student, seed=7))
    monkeypatch.setattr(nightly, "train_and_score", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        reproject(other)
    monkeypatch.setattr(
        nightly,
        "train_and_score",
        lambda _, name, resume: trained.append((name, resume)) or {"student": "", "training": {"dev": {"f1": 0.5}}},
    )
    reproject(other)
    assert trained[-1] == (third["snapshot"], True)


@pytest.mark.slow
def test_a_scheduler_that_fires_twice(settings, tmp_path):
    """Two processes, started together: one does everything, the other nothing, and both end well."""
    command = [sys.executable, str(ROOT / "jobs/nightly_reproject.py"), "--corpus", settings.corpus, "--target", "de"]
    command += ["--out", settings.out, "--shard_pairs", "10", "--cleaning.identify_language", "false"]
    command += ["--tagger.model", settings.tagger.model, "--aligner.model", "similarity"]
    command += ["--aligner.encoder", settings.aligner.encoder, "--aligner.min_confidence", "0"]
    runs = [
        subprocess.Popen(
            [*command, "--json", str(tmp_path / f"{name}.json")], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        for name in ("one", "two")
    ]
    errors = [run.communicate(timeout=250)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], errors
    results = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two")]
    assert sorted(result["status"] for result in results) == ["done", "nothing to do"]
    assert len(list(history(locate(settings.out)))) == 1
    assert pl.DataFrame(rows(settings.out))["pair_id"].n_unique() == 60
