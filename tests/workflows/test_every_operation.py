"""Each single operation on an object store fails in turn (SQLite's way): nothing is lost, and the file is named."""

import io
import itertools
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial

import obstore
import pytest
from obstore.exceptions import GenericError
from pyarrow import fs

from projections import ingest, places, project, write_text
from xner_core.errors import RunFailure, XnerError
from xner_core.snapshots import lease as lease_module
from xner_core.snapshots.collection import delete, find_garbage
from xner_core.snapshots.lease import Lease, read_latest
from xner_core.snapshots.repository import open_snapshot
from xner_core.snapshots.state import publish_state
from xner_core.storage import files
from xner_core.storage.files import Location, locate
from xner_core.workflows.build_consensus import build_consensus
from xner_core.workflows.consensus_settings import ConsensusSettings


class Operations:
    """Counts the operations on a store, and makes one of them fail.

    Args:
        failing: which one, from 0
        done: whether it is done all the same, and only its answer is lost
    """

    def __init__(self, failing: int = -1, done: bool = False):
        self.failing, self.done = failing, done
        self.count = 0

    def __call__(self, operation: Callable, *arguments, error: type[Exception] = OSError, **named):
        number, self.count = self.count, self.count + 1
        if number != self.failing:
            return operation(*arguments, **named)
        if self.done:
            operation(*arguments, **named)
        raise error("the store failed on purpose")


class FaultyInput(io.RawIOBase):
    def __init__(self, stream, run: Operations):
        self._stream, self._run = stream, run

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, *arguments) -> int:
        self._stream.seek(*arguments)
        return self._stream.tell()

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer) -> int:
        content = self._run(self._stream.read, len(buffer))
        buffer[: len(content)] = content
        return len(content)


class FaultyFileSystem:
    """Arrow's client of S3, which fails now and then."""

    type_name = "s3"

    def __init__(self, filesystem: fs.FileSystem, run: Operations):
        self._filesystem, self._run = filesystem, run

    def open_input_file(self, path: str) -> FaultyInput:
        return FaultyInput(self._run(self._filesystem.open_input_file, path), self._run)

    def get_file_info(self, what):
        return self._run(self._filesystem.get_file_info, what)

    def delete_file(self, path: str) -> None:
        self._run(self._filesystem.delete_file, path)

    def delete_dir(self, path: str) -> None:
        self._run(self._filesystem.delete_dir, path)


@contextmanager
def operations(run: Operations):
    """Within it, all operations on S3 go through `run`."""
    real, clients = files.s3_filesystem, {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            files, "s3_filesystem", lambda bucket: clients.setdefault(bucket, FaultyFileSystem(real(bucket), run))
        )
        for name in ("get", "put", "head"):
            patch.setattr(obstore, name, partial(run, getattr(obstore, name), error=GenericError))
        yield


def night(text, out: str) -> None:
    """All that a night does but for Ray: ingest, project, publish, count votes, clean up."""
    folder = locate(out)
    with Lease(folder, "a night") as lease:
        corpus = ingest(text, folder, shard_pairs=3)
        plan = project(corpus, folder)
        publish_state(lease, corpus, plan.newest(), note="a night")
        build_consensus(ConsensusSettings([out], f"{out}/consensus"))
        delete(lease, find_garbage(folder, 1))


def copy(source: Location, target: Location) -> None:
    for file in source.files():
        with file.open_input() as read, (target / file.relative_to(source)).open_output() as written:
            written.write(read.read())


def rows(out: str) -> list[dict]:
    return open_snapshot(out).scan().sort("pair_id").collect().to_dicts()


def names(out: str) -> set[str]:
    """All files but for manifests, whose names are drawn."""
    folder = locate(out)
    paths = {file.relative_to(folder) for file in folder.files()}
    return {path for path in paths if not path.startswith("snapshots/")}


@pytest.fixture
def texts(tmp_path):
    """The corpus of one night, and of the next."""
    write_text(tmp_path / "before", "news", places(4))
    write_text(tmp_path / "after", "news", places(4, 2))
    return tmp_path / "before", tmp_path / "after"


@pytest.mark.parametrize("done", [False, True], ids=["refused", "answer lost"])
@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow), 15], ids=["all", "some"])
def test_each_operation_of_a_night_fails_once(texts, s3_folder, monkeypatch, done, step):
    # As if each run were a process of its own, which is gone when it has failed.
    monkeypatch.setattr(lease_module, "_is_gone", lambda held: True)
    first, expected = f"{s3_folder}/first", f"{s3_folder}/expected"
    night(texts[0], first)
    before = rows(first)
    copy(locate(first), locate(expected))
    run = Operations()
    with operations(run):
        night(texts[1], expected)
    assert rows(expected) != before
    failed = 0
    numbers = range(0, run.count, step)
    for number in numbers:
        out = f"{s3_folder}/{number}"
        copy(locate(first), locate(out))
        message = None
        with operations(Operations(number, done)):
            try:
                night(texts[1], out)
            except RunFailure as error:
                message = str(error)
        if message is not None:
            failed += 1
            assert out in message, "the file is named"
            assert "\n" not in message
        # Whoever reads meanwhile sees one state or the other.
        assert rows(out) in (before, rows(expected))
        assert read_latest(locate(out)).snapshot is not None
        night(texts[1], out)
        assert rows(out) == rows(expected)
        assert names(out) == names(expected)
    # The rest are puts whose answer is asked for again, and the return of the lease.
    assert failed > 0.7 * len(numbers)


@pytest.mark.parametrize(
    "error", [GenericError("gone"), OSError("gone"), TimeoutError("gone"), ValueError("gone"), XnerError("gone")]
)
@pytest.mark.parametrize("place", ["local", "s3"])
def test_the_keeper_of_a_lease_outlives_what_passes(place, error, tmp_path, request, monkeypatch):
    monkeypatch.setattr(lease_module, "_RENEWALS", 2000)
    out = locate(tmp_path if place == "local" else request.getfixturevalue("s3_folder"))
    with Lease(out, "a test") as lease:
        failures = itertools.count()

        def fail(*arguments, **named):
            next(failures)
            raise error

        with monkeypatch.context() as patch:
            for name in ("get", "put"):
                patch.setattr(obstore, name, fail)
            patch.setattr("xner_core.snapshots.record.write_json", fail)
            patch.setattr("xner_core.snapshots.record.read_json", fail)
            while next(failures) < 10:
                time.sleep(0.01)
            assert lease._keeper.is_alive()
        renewed = lease._renewed
        while lease._renewed == renewed:
            time.sleep(0.01)
        lease.check()
        lease.publish("one")
    assert read_latest(out) == lease_module.Latest("one", None)
