"""A folder of commit 4b02e93, six pairs projected without models by its tests: read, compared, and brought forward."""

import tarfile
from pathlib import Path

import pytest

from projections import EqualAligner, places, publish_projection, write_text
from xner_core.corpus.layout import open_corpus
from xner_core.labels.label_files import find_label_files
from xner_core.snapshots.differences import difference
from xner_core.snapshots.lease import read_latest
from xner_core.snapshots.repository import history, label_addresses, open_snapshot
from xner_core.storage.files import locate

NAME = "20261127T174227-1239da52"


@pytest.fixture
def folder(tmp_path) -> Path:
    with tarfile.open(Path(__file__).parent / "folder-4b02e93.tar.gz") as archive:
        archive.extractall(tmp_path / "out", filter="data")
    return tmp_path / "out"


def test_it_is_read(folder):
    snapshot = open_snapshot(folder)
    assert [about.name for about in history(snapshot.folder)] == [NAME]
    assert (snapshot.description.parts, snapshot.description.restored) == ({}, None)
    rows = snapshot.scan().collect()
    assert rows.height == 6
    assert set(rows["domain"]) == {"news"}
    assert not read_latest(snapshot.folder).pinned
    assert sum(shard.pairs for shard in open_corpus(locate(folder / "corpus")).shards) == 6
    assert len(find_label_files(label_addresses([f"{folder}@{NAME}"]))) == len(snapshot.addresses())


def test_it_is_brought_forward_and_compared(folder, tmp_path):
    before = open_snapshot(folder)
    write_text(tmp_path / "text", "news", [*places(6), "NEW"])
    after = publish_projection(tmp_path / "text", folder, EqualAligner("3" * 32))
    assert [about.name for about in history(before.folder)] == [after.name, NAME]
    found = difference(before, after)
    assert found["parts"] == ["models, settings or version, which snapshots of before do not name"]
    pairs = found["partitions"]["de/news"]["pairs"]
    assert (pairs["before"], pairs["after"], pairs["added"], pairs["removed"]) == (6, 7, 1, 0)
    assert open_snapshot(folder, NAME).scan().collect().height == 6
