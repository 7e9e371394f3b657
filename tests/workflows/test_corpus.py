import json

import pytest

from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.engine.cluster_tasks import ClusterTasks
from xner_core.snapshots.lease import Lease, LeaseHeld, read_latest
from xner_core.storage.files import locate
from xner_core.storage.tasks import InProcess
from xner_core.workflows import corpus
from xner_core.workflows.corpus import LARGE_BYTES, choose_tasks, ingest_alone


@pytest.fixture
def text(tmp_path):
    (tmp_path / "text.tsv").write_text("One.\tEins.\n")
    return str(tmp_path / "text.tsv")


def ingest(text, out):
    return ingest_alone(IngestSettings(text, str(out), "de", cleaning=CleaningSettings(identify_language=False)))


@pytest.fixture(params=["local", "s3"])
def folder(request, tmp_path):
    return locate(tmp_path / "out" if request.param == "local" else request.getfixturevalue("s3_folder"))


@pytest.mark.parametrize("inside", [True, False])
def test_nobody_else_ingests_into_a_folder_in_which_a_run_is_at_work(text, folder, inside):
    """A corpus in a projection's folder is a part of it; another one is a folder of its own."""
    out = folder / "corpus" if inside else folder
    with Lease(folder, "project_corpus", seconds=2), pytest.raises(LeaseHeld, match="project_corpus"):
        ingest(text, out)
    assert not (out / "manifest.json").exists()
    assert ingest(text, out)["kept"] == 1


@pytest.mark.parametrize("inside", [True, False])
def test_an_ingest_holds_the_lease_of_its_folder(text, folder, inside, monkeypatch):
    if inside:
        with Lease(folder, "project_corpus", seconds=2):
            pass
    held = []
    real = corpus.ingest_corpus

    def look(settings, choose):
        held.append(read_latest(folder).lease["purpose"])
        return real(settings, choose)

    monkeypatch.setattr(corpus, "ingest_corpus", look)
    ingest(text, folder / "corpus" if inside else folder)
    assert held == ["ingest_corpus"]
    assert read_latest(folder).lease is None
    assert json.loads(json.dumps(ingest(text, folder / "corpus" if inside else folder)))["status"] == "nothing to do"


def test_only_large_work_starts_a_cluster_and_only_one_of_several_cpus_is_used(monkeypatch):
    started = []
    monkeypatch.setattr(corpus, "ensure_ray", lambda: started.append(True))
    monkeypatch.setattr(corpus, "count_fitting", lambda demand: 2)
    assert isinstance(choose_tasks(LARGE_BYTES - 1), InProcess)
    assert not started
    assert isinstance(choose_tasks(LARGE_BYTES), ClusterTasks)
    assert started
    monkeypatch.setattr(corpus, "count_fitting", lambda demand: 1)
    assert isinstance(choose_tasks(LARGE_BYTES), InProcess)


def test_a_corpus_is_large_by_the_files_that_changed(tmp_path):
    asked = []

    def choose(size):
        asked.append(size)
        return InProcess()

    def ingest(**changes):
        cleaning = CleaningSettings(identify_language=False)
        settings = IngestSettings(str(tmp_path / "in"), str(tmp_path / "out"), "de", cleaning=cleaning, **changes)
        corpus.ingest_corpus(settings, choose)

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.tsv").write_text("One.\tEins.\n")
    ingest()
    ingest()
    (tmp_path / "in" / "b.tsv").write_text("Two.\tZwei.\nThree.\tDrei.\n")
    ingest()
    # Everything is written anew.
    ingest(shard_pairs=1)
    assert asked == [11, 0, 24, 35]
