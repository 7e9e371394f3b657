"""Labels of pairs that came out of quarantine: other names, which the next plan, votes and trainings find."""

from dataclasses import replace

import pytest

from projections import CapitalTagger, EqualAligner, ingest, places, project, write_text
from xner_core.corpus.layout import Corpus
from xner_core.errors import XnerError
from xner_core.labels.attempts import of_attempt, split_attempt
from xner_core.labels.label_files import find_label_files
from xner_core.labels.schema import LABELS, quarantined_in, with_counts
from xner_core.projection.plan import ProjectionPlan, plan_projection
from xner_core.projection.stages import count_labels
from xner_core.snapshots.differences import difference
from xner_core.snapshots.lease import Lease
from xner_core.snapshots.repository import open_snapshot, roll_back
from xner_core.snapshots.snapshot_settings import CollectionSettings
from xner_core.snapshots.state import publish_state, published_labels, published_state
from xner_core.storage.files import locate, read_table, write_table
from xner_core.workflows.administration import collect_garbage
from xner_core.workflows.build_consensus import build_consensus
from xner_core.workflows.consensus_settings import ConsensusSettings


@pytest.fixture
def out(tmp_path):
    return locate(tmp_path / "out")


@pytest.fixture
def corpus(out, tmp_path) -> Corpus:
    write_text(tmp_path / "text", "news", places(10))
    return ingest(tmp_path / "text", out)


def plan(corpus, out, known=(), aligner=None) -> ProjectionPlan:
    return plan_projection(corpus, out, CapitalTagger(), aligner or EqualAligner(), known)


def break_a_pair(path: str) -> None:
    """Puts the first pair of a label or tag file into quarantine."""
    table = read_table(locate(path))
    rows = table.to_pylist()
    rows[0] |= {"entities": [], "quarantine": "it broke"}
    counts = count_labels([], [])
    if table.schema.equals(LABELS):
        counts = count_labels([row["entities"] for row in rows], [row["quarantine"] for row in rows])
    changed = type(table).from_pylist(rows, schema=table.schema)
    write_table(locate(path), with_counts(changed, counts | {"pairs": len(rows), "quarantined": 1}))


def mend(task) -> None:
    """What the actors do in a further attempt at a shard whose tags were sound."""
    rows = read_table(locate(task.earlier_labels)).to_pylist()
    labels = [row["entities"] for row in rows]
    table = read_table(locate(task.earlier_labels)).from_pylist([r | {"quarantine": None} for r in rows], schema=LABELS)
    write_table(locate(task.labels_path), with_counts(table, count_labels(labels, [None] * len(rows))))


@pytest.mark.parametrize("folder", ["", "/labels/", "s3://bucket/100%#/domain=a-1/"])
def test_names(folder):
    first = f"{folder}{'a' * 32}.parquet"
    assert split_attempt(first) == (first, 0)
    assert of_attempt(first, 0) == first
    assert of_attempt(first, 12) == f"{folder}{'a' * 32}-12.parquet"
    assert split_attempt(of_attempt(first, 12)) == (first, 12)
    assert of_attempt(of_attempt(first, 1), 2) == of_attempt(first, 2)
    for other in (f"{folder}news-1.parquet", f"{folder}{'a' * 32}-0.parquet", f"{folder}{'a' * 32}-1.json"):
        assert split_attempt(other) == (other, 0)


def test_without_a_further_attempt_names_are_those_of_the_shards(corpus, out):
    for tasks in (plan(corpus, out).tasks, project(corpus, out).tasks, plan(corpus, out).tasks):
        for task, shard in zip(tasks, corpus.shards, strict=True):
            assert (locate(task.labels_path).name, locate(task.tags_path).name) == (f"{shard.name}.parquet",) * 2
            assert not task.earlier_labels


def test_a_further_attempt_leaves_what_there_was(corpus, out):
    task = project(corpus, out).tasks[0]
    break_a_pair(task.labels_path)
    (again,) = plan(corpus, out).retried({task.shard})
    assert (again.earlier_tags, again.earlier_labels) == (task.tags_path, task.labels_path)
    assert (again.tags_path, again.labels_path) == (of_attempt(task.tags_path, 1), of_attempt(task.labels_path, 1))
    # Until it has written something, the plan is as before.
    assert plan(corpus, out).tasks[0] == task
    mend(again)
    # Its tags were sound, and are the same.
    assert plan(corpus, out).tasks[0] == replace(task, labels_path=again.labels_path)
    assert not plan(corpus, out).unfinished()
    assert (quarantined_in(task.labels_path), quarantined_in(again.labels_path)) == (1, 0)
    (third,) = plan(corpus, out).retried({task.shard})
    assert (third.labels_path, third.earlier_labels) == (of_attempt(task.labels_path, 2), again.labels_path)


def test_labels_are_made_of_the_newest_tags_and_called_by_them(corpus, out):
    first = project(corpus, out)
    tags = of_attempt(first.tasks[0].tags_path, 1)
    write_table(locate(tags), read_table(locate(first.tasks[0].tags_path)))
    # Labels that are there were made of those before.
    assert plan(corpus, out).tasks[0] == first.tasks[0]
    other = plan(corpus, out, aligner=EqualAligner("3" * 32)).tasks[0]
    assert other.tags_path == tags
    assert split_attempt(other.labels_path)[1] == 1
    # And a further attempt at them takes them on.
    (again,) = plan(corpus, out).retried({first.tasks[0].shard})
    assert (again.earlier_tags, split_attempt(again.labels_path)[1]) == (tags, 2)


def test_a_published_file_that_is_lost_is_made_again_under_its_name(corpus, out):
    task = project(corpus, out).tasks[0]
    break_a_pair(task.labels_path)
    (again,) = plan(corpus, out).retried({task.shard})
    mend(again)
    with Lease(out, "a test") as lease:
        published = publish_state(lease, corpus, plan(corpus, out))
        locate(again.labels_path).delete()
        assert plan(corpus, out).tasks[0].labels_path == task.labels_path
        lost = plan(corpus, out, published_labels(lease))
        assert [each.labels_path for each in lost.unfinished()] == [again.labels_path]
        mend(again)
        assert published_state(lease, corpus, plan(corpus, out, published_labels(lease))).name == published.name


def test_snapshots_votes_and_trainings_see_another_file(corpus, out):
    task = project(corpus, out).tasks[0]
    break_a_pair(task.labels_path)
    with Lease(out, "a test") as lease:
        before = publish_state(lease, corpus, plan(corpus, out))
        votes = build_consensus(ConsensusSettings([str(out)], str(out / "consensus")))
        (again,) = plan(corpus, out).retried({task.shard})
        mend(again)
        assert published_state(lease, corpus, plan(corpus, out)) is None
        after = publish_state(lease, corpus, plan(corpus, out))
    assert after.description.counts["labelled"]["quarantined"] == 0
    quarantine = [snapshot.scan().collect()["quarantine"].null_count() for snapshot in (before, after)]
    assert quarantine == [9, 10]
    assert difference(before, after)["files"]["labels"] == {"added": 1, "removed": 1}
    assert build_consensus(ConsensusSettings([str(out)], str(out / "consensus")))["fingerprint"] != votes["fingerprint"]

    names = [[file.name for file in find_label_files(each.addresses())] for each in (before, after)]
    assert len(set(names[0]) ^ set(names[1])) == 2
    # Of all that lies in the folder, the newest; of a snapshot, what it lists; of both, no pair twice.
    for folders in ([str(plan(corpus, out).labels)], [*before.addresses(), *after.addresses()]):
        assert [file.name for file in find_label_files(folders)] == names[1]

    with Lease(out, "a test") as lease:
        assert roll_back(lease, before.name).files == before.files
    assert open_snapshot(out).scan().collect()["quarantine"].null_count() == 9
    # What no snapshot lists goes, the further attempt too; what is left is what was rolled back to.
    collect_garbage(CollectionSettings(str(out), keep=1))
    assert not locate(again.labels_path).exists()
    assert sorted(file.name for file in find_label_files([str(plan(corpus, out).labels)])) == names[0]


def test_what_is_no_label_file_has_no_pairs_in_quarantine(tmp_path):
    assert quarantined_in(str(tmp_path / "missing.parquet")) is None
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    assert quarantined_in(str(tmp_path / "damaged.parquet")) is None
    with pytest.raises(XnerError):
        read_table(locate(tmp_path / "damaged.parquet"))
