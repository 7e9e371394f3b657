import threading

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from projections import places, publish_projection, write_text
from xner_core.errors import XnerError
from xner_core.labels.label_files import find_label_files
from xner_core.snapshots.lease import Lease, LeaseLost, read_latest
from xner_core.snapshots.manifest import FILES
from xner_core.snapshots.repository import (
    history,
    label_addresses,
    manifest_location,
    open_snapshot,
    publish,
    roll_back,
)
from xner_core.storage.files import locate, read_table


@pytest.fixture(params=["local", "s3"])
def out(request, tmp_path):
    folder = str(tmp_path / "out") if request.param == "local" else request.getfixturevalue("s3_folder")
    return locate(folder)


def publish_again(lease: Lease, snapshot, note: str = "again"):
    return publish(lease, snapshot.files, source="en", target="de", fingerprints={}, counts={}, note=note)


def test_a_snapshot_lists_a_complete_state(out, tmp_path):
    write_text(tmp_path / "text", "news", [*places(20), "AAX"])
    write_text(tmp_path / "text", "talks", places(7, 50))
    published = publish_projection(tmp_path / "text", out)
    snapshot = open_snapshot(str(out))
    assert snapshot.name == published.name == open_snapshot(out, published.name).name
    assert snapshot.files.schema.remove_metadata() == FILES
    listed = {location.relative_to(out) for location in out.files()} - {
        "corpus/manifest.json",
        "snapshots/latest.json",
        f"snapshots/{snapshot.name}.parquet",
    }
    # No reader needs a lock, or what the next ingest needs.
    assert snapshot.paths == {path for path in listed if not path.endswith(".lock") and "/index/" not in path}
    assert dict(snapshot.scan().group_by("domain").len().collect().iter_rows()) == {"news": 20, "talks": 7}
    assert snapshot.scan("pairs").collect().height == 27
    assert snapshot.scan("rejected").collect()["reason"].to_list() == ["duplicate"]
    files = pl.from_arrow(snapshot.files)
    assert files.filter(table="labels")["pairs"].sum() == files.filter(table="pairs")["pairs"].sum() == 27
    about = snapshot.description
    assert (about.parent, about.source, about.target, about.note) == (None, "en", "de", "a test")
    assert (about.counts["pairs"]["kept"], about.counts["labelled"]["projected"]) == (27, 27)
    assert about.fingerprints["tags"] == "1" * 32


def test_a_table_that_is_not_there_is_named(tmp_path):
    write_text(tmp_path / "text", "news", places(3))
    snapshot = publish_projection(tmp_path / "text", tmp_path / "out")
    with pytest.raises(XnerError, match=r"no table 'consensus'; it has .*labels, pairs"):
        snapshot.scan("consensus")


def test_a_snapshot_stays_as_it_is_when_the_corpus_changes(out, tmp_path):
    write_text(tmp_path / "text", "news", places(20))
    first = publish_projection(tmp_path / "text", out)
    before = first.scan().sort("pair_id").collect()
    write_text(tmp_path / "text", "news", places(20, 10))
    second = publish_projection(tmp_path / "text", out)
    assert first.scan().sort("pair_id").collect().equals(before)
    assert not second.scan().sort("pair_id").collect().equals(before)
    assert [about.name for about in history(out)] == [second.name, first.name]
    assert second.description.parent == first.name


def test_a_state_whose_files_are_missing_is_not_published(out, tmp_path):
    write_text(tmp_path / "text", "news", places(20))
    first = publish_projection(tmp_path / "text", out)
    lost, damaged = (locate(address) for address in first.addresses()[:2])
    lost.delete()
    with damaged.open_output() as stream:
        stream.write(b"PAR1")
    with Lease(out, "a test") as lease, pytest.raises(XnerError, match="missing or damaged") as error:
        publish_again(lease, first)
    assert all(location.name in str(error.value) for location in (lost, damaged))
    assert open_snapshot(out).name == first.name


def test_who_lost_the_lease_publishes_nothing(out, tmp_path):
    write_text(tmp_path / "text", "news", places(4))
    first = publish_projection(tmp_path / "text", out)
    slow = Lease(out, "a slow run").__enter__()
    record = slow._record
    record.replace(record.read(), {"snapshot": first.name, "lease": None})
    with Lease(out, "a fast run") as lease:
        second = publish_again(lease, first)
        with pytest.raises(LeaseLost):
            publish_again(slow, first)
    slow.__exit__()
    assert [about.name for about in history(out)] == [second.name, first.name]


def test_readers_see_whole_states_while_others_are_published(out, tmp_path):
    write_text(tmp_path / "text", "news", places(4))
    first = publish_projection(tmp_path / "text", out)
    done, seen, failed = threading.Event(), set(), []

    def read():
        while not done.is_set():
            try:
                snapshot = open_snapshot(out)
                assert snapshot.files == first.files
                seen.add(snapshot.name)
            except Exception as error:
                failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    with Lease(out, "a test") as lease:
        for _ in range(20):
            publish_again(lease, first)
    done.set()
    reader.join()
    assert not failed
    assert len(seen) > 1


def test_rolled_back(out, tmp_path):
    write_text(tmp_path / "text", "news", places(20))
    first = publish_projection(tmp_path / "text", out)
    write_text(tmp_path / "text", "news", places(10))
    second = publish_projection(tmp_path / "text", out)
    with Lease(out, "a test") as lease:
        with pytest.raises(XnerError, match="is the latest snapshot"):
            roll_back(lease, second.name)
        roll_back(lease, first.name)
    now = open_snapshot(out)
    assert now.files == first.files
    assert (now.description.parent, now.description.restored) == (second.name, first.name)
    assert len(list(history(out))) == 3


def test_what_is_not_there_is_named(out, tmp_path):
    with pytest.raises(XnerError, match="no snapshot in this folder"):
        open_snapshot(out)
    write_text(tmp_path / "text", "news", places(4))
    name = publish_projection(tmp_path / "text", out).name
    with pytest.raises(XnerError, match=f"no snapshot 'yesterday'; there are {name}"):
        open_snapshot(out, "yesterday")


@pytest.mark.parametrize("content", [b"", b"PAR1", "half"])
def test_a_damaged_manifest_is_named(out, tmp_path, content):
    write_text(tmp_path / "text", "news", places(4))
    name = publish_projection(tmp_path / "text", out).name
    manifest = manifest_location(out, name)
    with manifest.open_input() as stream:
        whole = stream.read()
    with manifest.open_output() as stream:
        stream.write(whole[: len(whole) // 2] if content == "half" else content)
    for read in (open_snapshot, lambda folder: list(history(folder))):
        with pytest.raises(XnerError, match=rf"{name}\.parquet: a damaged manifest .*roll back"):
            read(out)


def test_a_parquet_file_that_is_no_manifest_is_named(tmp_path):
    write_text(tmp_path / "text", "news", places(4))
    snapshot = publish_projection(tmp_path / "text", tmp_path / "out")
    other = read_table(locate(snapshot.addresses()[0]))
    out = snapshot.folder
    with manifest_location(out, "20260101T000000-00000000").open_output() as stream:
        pq.write_table(other, stream)
    with pytest.raises(XnerError, match="not the manifest of a snapshot"):
        open_snapshot(out, "20260101T000000-00000000")


def test_duckdb_reads_a_manifest_and_its_files(tmp_path):
    write_text(tmp_path / "text", "news", places(6))
    snapshot = publish_projection(tmp_path / "text", tmp_path / "out")
    manifest = str(manifest_location(snapshot.folder, read_latest(snapshot.folder).snapshot))
    counts = duckdb.sql(f"select \"table\", count(*) from '{manifest}' group by all").fetchall()
    assert dict(counts)["labels"] == len(snapshot.addresses())
    assert duckdb.sql(f"select count(*) from read_parquet({snapshot.addresses()})").fetchall() == [(6,)]


def test_a_folder_stands_for_the_labels_of_its_latest_snapshot(out, tmp_path):
    write_text(tmp_path / "text", "news", places(20))
    first = publish_projection(tmp_path / "text", out)
    write_text(tmp_path / "text", "news", places(10))
    second = publish_projection(tmp_path / "text", out)
    elsewhere = f"{out}/labels"
    assert label_addresses([str(out), elsewhere]) == [*second.addresses(), elsewhere]
    assert label_addresses([f"{out}@{first.name}"]) == first.addresses()
    assert [file.domain for file in find_label_files(label_addresses([str(out)]))] == ["news"] * len(second.addresses())
    with pytest.raises(XnerError, match="no snapshot 'yesterday'"):
        label_addresses([f"{out}@yesterday"])
