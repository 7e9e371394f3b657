"""Pairs of newly read sources, set aside in Arrow files until they are written out: a file for each block of a source.

The files of one ingest lie in a folder that everything which reads or writes them can reach, and go when it ends.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import numpy as np
import pyarrow as pa

from xner_core.storage.files import Location, locate
from xner_core.storage.hashing import DIGEST_BYTES
from xner_core.storage.object_store import read_persistently
from xner_core.storage.tasks import Tasks

# Hidden, so that nothing takes it for a part of the corpus.
FOLDER = ".spool"
SCHEMA = pa.schema(
    {
        # In its source, in reading order.
        "row": pa.int64(),
        "pair_id": pa.string(),
        "source_text": pa.string(),
        "target_text": pa.string(),
        "score": pa.float32(),
        "origin": pa.string(),
        "line": pa.int64(),
        # Of those that break a rule; the others have the digest of their normal form.
        "reason": pa.string(),
        # What is wrong with a malformed one, and where.
        "fault": pa.string(),
        "normal": pa.binary(DIGEST_BYTES),
        # Of both texts.
        "characters": pa.int32(),
    }
)


@contextmanager
def spool_folder(tasks: Tasks, out: Location) -> Iterator[Location]:
    """An empty folder that all tasks can reach, until the block ends.

    Args:
        tasks: if all of them are done on this machine, the folder lies on its own disk (in TMPDIR).
        out: otherwise it lies in this folder.
    """
    if tasks.is_local:
        with TemporaryDirectory(prefix="xner-ingest-") as folder:
            yield locate(folder)
        return
    spools = out / FOLDER
    # What a run that was killed has left; its tasks may still be writing, so each run has a name of its own.
    spools.delete_folder()
    try:
        yield spools / uuid.uuid4().hex
    finally:
        spools.delete_folder()


@dataclass(frozen=True)
class SpooledBatch:
    """Pairs of one source and domain, in reading order.

    Attributes:
        location: Of the file that they are in, among others.
        number: Of the batch in that file.
        pairs: How many.
    """

    location: Location
    number: int
    pairs: int

    def read(self, columns: list[str]) -> pa.RecordBatch:
        """Some columns, as in SCHEMA; of the others nothing comes into memory."""
        if self.location.is_local:
            with pa.memory_map(self.location.path) as file:
                return pa.ipc.open_file(file).get_batch(self.number).select(columns)
        return read_persistently(lambda: self._fetch(columns))

    def _fetch(self, columns: list[str]) -> pa.RecordBatch:
        options = pa.ipc.IpcReadOptions(included_fields=sorted(map(SCHEMA.names.index, columns)))
        with self.location.open_input() as stream:
            return pa.ipc.open_file(stream, options=options).get_batch(self.number).select(columns)


class SpoolFile:
    """A file of batches. As a context manager: it appears when the block ends without an exception.

    Args:
        location: The file.
    """

    def __init__(self, location: Location) -> None:
        self.location = location
        self._batches = 0

    def __enter__(self) -> "SpoolFile":
        self._output = spool_output(self.location)
        self._writer = pa.ipc.new_file(self._output.__enter__(), SCHEMA)
        return self

    def __exit__(self, *exception: Any) -> None:
        self._writer.close()
        self._output.__exit__(*exception)

    def add(self, batch: pa.RecordBatch) -> SpooledBatch:
        """Adds pairs of one domain, columns as in SCHEMA."""
        self._writer.write_batch(batch)
        self._batches += 1
        return SpooledBatch(self.location, self._batches - 1, batch.num_rows)


@contextmanager
def spool_output(location: Location) -> Iterator[IO[bytes]]:
    """A file of the spool, visible when it is whole; unlike others it need not outlast the machine."""
    if not location.is_local:
        with location.open_output() as stream:
            yield stream
        return
    path = Path(location.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        with open(aside, "wb") as stream:
            yield stream
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_array(location: Location, values: np.ndarray) -> None:
    """Writes the values of an array as they lie in memory."""
    with spool_output(location) as stream:
        stream.write(values.tobytes())


def read_array(location: Location, kind: np.dtype, first: int, count: int) -> np.ndarray:
    """Reads some of the values of an array that were written so."""

    def fetch() -> bytes:
        with location.open_input() as stream:
            stream.seek(first * kind.itemsize)
            return stream.read(count * kind.itemsize)

    return np.frombuffer(read_persistently(fetch), kind)
