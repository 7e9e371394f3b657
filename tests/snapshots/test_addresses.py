"""Names that URIs have for something else, on their way through a whole projection on a real S3 server."""

import pickle

import duckdb
import pytest

from projections import places, publish_projection, write_text
from xner_core.corpus.layout import open_corpus
from xner_core.labels.consensus import find_consensus
from xner_core.labels.label_files import find_label_files
from xner_core.projection.plan import ShardTask
from xner_core.snapshots.differences import difference
from xner_core.snapshots.repository import label_addresses, open_snapshot
from xner_core.snapshots.snapshot_settings import CollectionSettings
from xner_core.storage.files import locate, read_table
from xner_core.workflows.administration import collect_garbage
from xner_core.workflows.build_consensus import build_consensus
from xner_core.workflows.consensus_settings import ConsensusSettings

# Files of parallel text, by whose names the domains are called.
FILES = ["Nachrichten-für-alle", "新闻", "50% off", "C++", "a#b?c"]
DOMAINS = {"Nachrichten-für-alle", "新闻", "50-off", "C", "a-b-c"}


@pytest.mark.parametrize("run", ["run#2", "100% für+新闻 [a*]?x=1"])
@pytest.mark.parametrize("place", ["local", "s3"])
def test_every_step_reads_what_the_one_before_has_written(place, run, tmp_path, request):
    root = str(tmp_path / "out") if place == "local" else request.getfixturevalue("s3_folder")
    out = locate(f"{root}/{run}")
    for number, name in enumerate(FILES):
        write_text(tmp_path / "text", name, places(3, 10 * number))
    first = publish_projection(tmp_path / "text", out)
    assert {file.relative_to(locate(root)).split("/")[0] for file in locate(root).files()} == {run}
    assert {shard.domain for shard in open_corpus(out / "corpus").shards} == DOMAINS
    assert sum(read_table(locate(shard.path)).num_rows for shard in open_corpus(out / "corpus").shards) == 15

    snapshot = open_snapshot(f"{root}/{run}")
    assert all(read_table(locate(address)).num_rows for address in snapshot.addresses())
    assert set(snapshot.scan().collect()["domain"]) == DOMAINS
    assert {file.domain for file in find_label_files(label_addresses([f"{root}/{run}@{first.name}"]))} == DOMAINS
    assert {file.domain for file in find_label_files([f"{out}/labels"])} == DOMAINS
    if place == "local" and run == "run#2":
        # Its addresses are patterns, in which ? and * stand for others.
        assert duckdb.sql(f"select count(*) from read_parquet({snapshot.addresses()})").fetchall() == [(15,)]

    votes = build_consensus(ConsensusSettings([f"{root}/{run}"], f"{root}/{run}/consensus"))
    assert votes["files"] == votes["written"] == len(snapshot.addresses())
    assert len(find_consensus(votes["consensus"], find_label_files(snapshot.addresses()))) == votes["files"]

    write_text(tmp_path / "text", FILES[0], places(4))
    second = publish_projection(tmp_path / "text", out)
    assert difference(first, second)["partitions"]["de/Nachrichten-für-alle"]["pairs"]["added"] == 1
    collect_garbage(CollectionSettings(f"{root}/{run}", keep=1))
    assert second.scan().collect().height == 16


def test_a_task_keeps_its_addresses(s3_folder):
    path = str(locate(s3_folder) / "domain=Nachrichten-für-alle" / "50% + #1?.parquet")
    task = pickle.loads(pickle.dumps(ShardTask("shard", "en", "news", 1, "t", "a", path, path, path)))
    assert str(locate(ShardTask(**task.row()).labels_path)) == path
