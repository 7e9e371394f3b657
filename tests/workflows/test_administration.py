"""What `xner snapshots` prints, and that a state that was gone back to stays."""

import dataclasses

import pytest

from projections import EqualAligner, ingest, places, project, publish_projection, write_text
from xner_core.snapshots.lease import Lease, read_latest
from xner_core.snapshots.repository import SnapshotPinned, history, open_snapshot
from xner_core.snapshots.snapshot_settings import (
    DiffSettings,
    ListSettings,
    ReleaseSettings,
    RollbackSettings,
    ShowSettings,
)
from xner_core.snapshots.state import publish_state
from xner_core.storage.files import locate
from xner_core.workflows.administration import (
    diff_snapshots,
    list_snapshots,
    release_snapshot,
    rollback_snapshots,
    show_snapshot,
)


class Surer(EqualAligner):
    def _align(self, query, span):
        return dataclasses.replace(super()._align(query, span), confidence=0.9)


@pytest.fixture
def out(tmp_path) -> str:
    """A folder of two snapshots, of 20 pairs and then of 10 of these."""
    for count in (20, 10):
        write_text(tmp_path / "text", "news", places(count))
        publish_projection(tmp_path / "text", tmp_path / "out")
    return str(tmp_path / "out")


def test_tables_are_for_people(out, capsys):
    second, first = history(locate(out))
    result = diff_snapshots(DiffSettings(out))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{first.name} to {second.name}"
    assert [line.split() for line in lines[-2:]] == [
        ["pairs", "before", "after", "added", "removed", "relabelled", "rescored", "entities", "unknown"],
        ["de/news", "20", "10", "0", "10", "0", "0", "LOC", "20", "to", "10", "0"],
    ]
    assert result["partitions"]["de/news"]["pairs"]["removed"] == 10

    shown = show_snapshot(ShowSettings(out, table="labels"))
    printed = capsys.readouterr().out
    assert "{" not in printed
    assert "projected" in printed
    assert all(address in printed for address in shown["addresses"])

    list_snapshots(ListSettings(out))
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["snapshot", "pairs", "entities", "note"]
    assert [line.split()[0] for line in printed[1:]] == [second.name, first.name]

    publish_projection(locate(out).parent.path + "/text", out, Surer("3" * 32))
    diff_snapshots(DiffSettings(out))
    printed = capsys.readouterr().out
    assert "made otherwise: " in printed
    assert printed.splitlines()[-1].split()[5:7] == ["0", "10"]


def test_a_state_that_was_gone_back_to_stays_until_it_is_released(out, tmp_path, capsys):
    second, first = history(locate(out))
    assert release_snapshot(ReleaseSettings(out))["status"] == "nothing to do"
    rolled = rollback_snapshots(RollbackSettings(out, first.name))["snapshot"]
    assert "release" in capsys.readouterr().out
    assert read_latest(locate(out)).pinned

    folder = locate(out)
    with Lease(folder, "a test") as lease:
        # Also for a run that did not ask before.
        corpus = ingest(tmp_path / "text", folder)
        with pytest.raises(SnapshotPinned, match=f"{rolled} was gone back to and is pinned.*release --out"):
            publish_state(lease, corpus, project(corpus, folder))
    assert open_snapshot(out).name == rolled
    list_snapshots(ListSettings(out))
    assert "(pinned)" in capsys.readouterr().out.splitlines()[1]

    # Another state may be gone back to, and is pinned then.
    other = rollback_snapshots(RollbackSettings(out, second.name))["snapshot"]
    assert (read_latest(folder).snapshot, read_latest(folder).pinned) == (other, True)

    assert release_snapshot(ReleaseSettings(out))["snapshot"] == other
    publish_projection(tmp_path / "text", out, Surer("3" * 32))
    assert not read_latest(folder).pinned
    assert open_snapshot(out).name not in (first.name, second.name, rolled, other)


def test_a_pin_outlives_runs_that_hold_the_lease(out):
    _, first = history(locate(out))
    rollback_snapshots(RollbackSettings(out, first.name))
    for _ in range(2):
        with Lease(locate(out), "a test") as lease:
            assert lease.pinned
    assert read_latest(locate(out)).pinned
