import json
import subprocess
import sys
from pathlib import Path

import pytest

from projections import EqualAligner, ingest, places, project, publish_projection, write_text
from xner_core.corpus.layout import open_corpus
from xner_core.errors import StorageFailure, XnerError
from xner_core.snapshots.collection import TRAINED_ON, delete, find_garbage
from xner_core.snapshots.lease import Lease, LeaseHeld, LeaseLost
from xner_core.snapshots.repository import history, open_snapshot
from xner_core.snapshots.snapshot_settings import CollectionSettings
from xner_core.storage.files import Location, locate, write_json
from xner_core.workflows.administration import collect_garbage
from xner_core.workflows.build_consensus import build_consensus
from xner_core.workflows.consensus_settings import ConsensusSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["local", "s3"])
def out(request, tmp_path):
    folder = str(tmp_path / "out") if request.param == "local" else request.getfixturevalue("s3_folder")
    return locate(folder)


@pytest.fixture
def generations(out, tmp_path) -> list:
    """Four snapshots of a corpus of which a part moves and a part is replaced, the last with another aligner."""
    snapshots = []
    for number in range(4):
        write_text(tmp_path / "text", "news", places(20, 7 * number))
        write_text(tmp_path / "text", "week", places(6, 100 + 10 * number))
        snapshots.append(publish_projection(tmp_path / "text", out, EqualAligner("23"[number == 3] * 32)))
    return snapshots


def put(location, content: bytes = b"x") -> None:
    with location.open_output() as stream:
        stream.write(content)


def whole(snapshot) -> bool:
    return all(location.exists() for location in map(locate, map(snapshot._address, snapshot.paths)))


def test_kept_snapshots_stay_whole_and_the_rest_goes(out, generations):
    others = [
        out / "student/config.json",
        out / "corpus/notes.txt",
        out / "labels/README.md",
        out / "corpus/pairs/my.csv",
    ]
    for other in others:
        put(other)
    garbage_shard = out / "labels" / ("4" * 32) / "language=de" / "domain=news" / f"{'5' * 32}.parquet"
    put(garbage_shard)
    orphan = out / "snapshots/20200101T000000-0123abcd.parquet"
    put(orphan)
    result = collect_garbage(CollectionSettings(str(out), keep=2, keep_named=[generations[0].name]))
    assert result["kept"] == [generations[3].name, generations[2].name, generations[0].name]
    assert set(result["snapshots"]) == {generations[1].name, "20200101T000000-0123abcd"}
    assert [whole(snapshot) for snapshot in generations] == [True, False, True, True]
    assert not garbage_shard.exists()
    assert not orphan.exists()
    assert all(other.exists() for other in others)
    left = {location.relative_to(out) for location in out.files()}
    needed = {path for number in (0, 2, 3) for path in generations[number].paths}
    needed |= {f"corpus/{path}" for path in open_corpus(out / "corpus").manifest["index"]["files"]}
    assert {path for path in left if path.endswith(".parquet") and not path.startswith("snapshots/")} == needed
    # History ends where the next one is gone; what was named is still there.
    assert [about.name for about in history(out)] == [generations[3].name, generations[2].name]
    assert open_snapshot(out, generations[0].name).scan().collect().height == 26
    again = collect_garbage(CollectionSettings(str(out), keep=2, keep_named=[generations[0].name]))
    assert (again["status"], again["reason"]) == ("nothing to do", "every file is needed")


def votes(*labels: str, out) -> Location:
    result = build_consensus(ConsensusSettings(list(labels), str(out / "consensus")))
    assert result["files"] > 0
    return locate(result["consensus"])


def test_votes_stay_as_long_as_all_labels_that_they_are_of(out, generations, tmp_path):
    """Those that --then-train makes, which no snapshot lists."""
    old, latest = (votes(f"{out}@{generations[number].name}", out=out) for number in (2, 3))
    of_other_folder = publish_projection(tmp_path / "text", tmp_path / "other", EqualAligner("5" * 32))
    both = votes(str(out), *of_other_folder.addresses(), out=out)
    before = {str(folder): len(folder.files()) for folder in (old, latest, both)}
    result = collect_garbage(CollectionSettings(str(out), keep=2))
    assert not any("consensus" in path for path in result["files"])
    collect_garbage(CollectionSettings(str(out), keep=1))
    assert {folder: len(locate(folder).files()) for folder in before} == before | {str(old): 0}
    assert collect_garbage(CollectionSettings(str(out), keep=1))["status"] == "nothing to do"


def test_what_is_counted_of_a_label_file_stays_as_long_as_the_file(out, generations):
    old, _ = (votes(f"{out}@{generations[number].name}", out=out) for number in (0, 3))
    # A run that was killed on the way to its votes.
    unfinished = out / "consensus" / ("9" * 32)
    half = [unfinished / f"work/candidates/{file.relative_to(old)}" for file in old.files()]
    half += [unfinished / "work/marks/0/0.parquet", unfinished / "work/targets/0.parquet"]
    foreign = out / "consensus/keys/mine.parquet"
    for location in (*half, foreign):
        put(location)
    collect_garbage(CollectionSettings(str(out), keep=1))
    (keys,) = {location.relative_to(out).split("/")[2] for location in (out / "consensus/keys").files()} - {
        foreign.name
    }
    counted = {
        location.relative_to(out / "consensus/keys" / keys) for location in (out / f"consensus/keys/{keys}").files()
    }
    assert counted == {location.relative_to(out / "labels") for location in (out / "labels").files()}
    assert foreign.exists()
    assert unfinished.files() == []


def test_an_interrupted_collection_leaves_no_votes_for_ever(out, generations, monkeypatch):
    old = votes(f"{out}@{generations[0].name}", out=out)
    real, deleted = type(out).delete, []

    def delete_some(location):
        if "labels" in location.path.split("/"):
            raise StorageFailure("gone away")
        deleted.append(location)
        real(location)

    with monkeypatch.context() as patch:
        patch.setattr(type(out), "delete", delete_some)
        with pytest.raises(StorageFailure, match="gone away"):
            collect_garbage(CollectionSettings(str(out), keep=1))
    assert deleted
    collect_garbage(CollectionSettings(str(out), keep=1))
    assert old.files() == []


def test_the_snapshot_of_the_student_is_kept_and_may_be_gone(out, generations):
    write_json(out / TRAINED_ON, {"snapshot": generations[1].name})
    kept = collect_garbage(CollectionSettings(str(out), keep=1))["kept"]
    assert kept == [generations[3].name, generations[1].name]
    assert whole(generations[1])
    write_json(out / TRAINED_ON, {"snapshot": generations[0].name})
    for _ in range(2):
        assert collect_garbage(CollectionSettings(str(out), keep=1))["kept"] == [generations[3].name]


def test_a_dry_run_deletes_nothing(out, generations):
    before = [location.path for location in out.files()]
    result = collect_garbage(CollectionSettings(str(out), keep=1, dry_run=True))
    assert result["status"] == "nothing to do"
    assert len(result["snapshots"]) == 3
    assert result["bytes"] == sum(size for file, size in out.sizes() if file.relative_to(out) in result["files"]) > 0
    assert [location.path for location in out.files()] == before
    done = collect_garbage(CollectionSettings(str(out), keep=1))
    assert (done["files"], done["bytes"]) == (result["files"], result["bytes"])
    assert {location.path for location in out.files()} == set(before) - {(out / path).path for path in done["files"]}


def test_what_the_present_corpus_needs_stays(out, generations, tmp_path):
    """A run that was interrupted has ingested, but not published."""
    write_text(tmp_path / "text", "news", places(20, 40))
    ingest(tmp_path / "text", out)
    collect_garbage(CollectionSettings(str(out), keep=1))
    assert all(locate(shard.path).exists() for shard in open_corpus(out / "corpus").shards)


def test_nothing_is_deleted_while_a_run_is_writing(out, generations, tmp_path):
    with Lease(out, "a nightly run", 6), pytest.raises(LeaseHeld, match="a nightly run"):
        collect_garbage(CollectionSettings(str(out), keep=1))
    assert all(map(whole, generations))
    # And one that is overtaken by a run stops.
    slow = Lease(out, "collection of garbage").__enter__()
    garbage = find_garbage(out, 1)
    slow._record.replace(slow._record.read(), {"snapshot": generations[3].name, "lease": None})
    with Lease(out, "a nightly run"), pytest.raises(LeaseLost):
        slow._change()
    with pytest.raises(LeaseLost):
        delete(slow, garbage)
    slow.__exit__()
    assert all(map(whole, generations))


def test_what_killed_writers_left_is_deleted(tmp_path):
    write_text(tmp_path / "text", "news", places(8))
    snapshot = publish_projection(tmp_path / "text", tmp_path / "out")
    half = Path(snapshot.addresses()[0] + ".partial-0123")
    half.write_bytes(b"half")
    foreign = tmp_path / "out/student/model.safetensors.partial-0123"
    foreign.parent.mkdir()
    foreign.write_bytes(b"half")
    result = collect_garbage(CollectionSettings(str(tmp_path / "out")))
    assert result["status"] == "done"
    assert not half.exists()
    assert foreign.exists()
    assert whole(snapshot)


def test_a_name_that_is_mistaken_deletes_nothing(out, generations):
    with pytest.raises(XnerError, match="no snapshot 'yesterday'"):
        collect_garbage(CollectionSettings(str(out), keep=1, keep_named=["yesterday"]))
    assert all(map(whole, generations))


def test_an_interrupted_collection_leaves_no_broken_snapshot(out, generations, monkeypatch):
    deleted = []
    real = type(out).delete

    def delete_some(location):
        if len(deleted) == 6:
            raise OSError("gone away")
        deleted.append(location)
        real(location)

    monkeypatch.setattr(type(out), "delete", delete_some)
    with pytest.raises(OSError, match="gone away"):
        collect_garbage(CollectionSettings(str(out), keep=1))
    monkeypatch.undo()
    assert all(whole(open_snapshot(out, about.name)) for about in history(out))
    assert collect_garbage(CollectionSettings(str(out), keep=1))["status"] == "done"


def test_a_corpus_elsewhere_is_not_touched(tmp_path):
    write_text(tmp_path / "text", "news", places(8))
    corpus = ingest(tmp_path / "text", locate(tmp_path / "elsewhere"))
    out = locate(tmp_path / "out")
    publish_projection(tmp_path / "text", out)
    project(corpus, out)
    collect_garbage(CollectionSettings(str(out), keep=1))
    assert all(locate(shard.path).exists() for shard in corpus.shards)


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "jobs/snapshots.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_job(tmp_path):
    for number in range(2):
        write_text(tmp_path / "text", "news", places(20, 7 * number))
        publish_projection(tmp_path / "text", tmp_path / "out")
    out, result = ("--out", str(tmp_path / "out")), tmp_path / "result.json"
    listed = run("list", *out, "--json", str(result))
    assert listed.returncode == 0, listed.stderr
    names = [snapshot["name"] for snapshot in json.loads(result.read_text())["snapshots"]]
    assert all(name in listed.stdout for name in names)
    run("show", *out, "--snapshot", names[1], "--table", "labels", "--json", str(result))
    assert json.loads(result.read_text())["addresses"] == open_snapshot(str(tmp_path / "out"), names[1]).addresses()
    run("diff", *out, "--json", str(result))
    assert json.loads(result.read_text())["partitions"]["de/news"]["pairs"]["added"] == 7
    assert run("rollback", *out, "--to", names[1], "--dry_run").stdout.endswith("nothing to do: this was a dry run\n")
    assert open_snapshot(str(tmp_path / "out")).name == names[0]
    assert run("rollback", *out, "--to", names[1]).returncode == 0
    assert open_snapshot(str(tmp_path / "out")).description.restored == names[1]
    collected = run("collect", *out, "--keep", "1", "--json", str(result))
    assert "2 snapshots among them; 1 snapshots stay" in collected.stdout
    assert len(json.loads(result.read_text())["snapshots"]) == 2
    first = run("diff", *out, "--after", "nothing")
    assert first.returncode == 2
    assert "no snapshot 'nothing'" in first.stderr
