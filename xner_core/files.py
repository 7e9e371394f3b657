"""Files on a local disk or an Arrow filesystem (`s3://…`), each made visible in one step.

A local file is written aside and renamed. An object store shows an object only when its upload is complete,
so there the file is written on the local disk and then uploaded under its final name.
"""

import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from xner_core.errors import XnerError

_PARTIAL = ".partial-"


@dataclass(frozen=True)
class Location:
    """A file or folder on some filesystem; `location / "name"` is inside it."""

    filesystem: fs.FileSystem
    path: str

    def __truediv__(self, name: str) -> "Location":
        return Location(self.filesystem, f"{self.path.rstrip('/')}/{name}")

    def __str__(self) -> str:
        return self.path if self.is_local else f"{self.filesystem.type_name}://{self.path}"

    def __reduce__(self):
        # Arrow filesystems pickle, credentials from the environment included; the address alone is enough.
        return (locate, (str(self),)) if self.filesystem.type_name in ("local", "s3") else super().__reduce__()

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def parent(self) -> "Location":
        return Location(self.filesystem, self.path.rpartition("/")[0])

    @property
    def is_local(self) -> bool:
        return isinstance(self.filesystem, fs.LocalFileSystem)

    def exists(self) -> bool:
        return self.filesystem.get_file_info(self.path).type != fs.FileType.NotFound

    def is_folder(self) -> bool:
        return self.filesystem.get_file_info(self.path).type == fs.FileType.Directory

    def files(self) -> list["Location"]:
        """Every file at any depth in this folder, in the order of their paths; none if there is no such folder."""
        return [location for location, _ in self.sizes()]

    def sizes(self) -> list[tuple["Location", int]]:
        """The same files, each with its size in bytes."""
        found = self._list()
        return sorted(
            ((Location(self.filesystem, info.path), info.size) for info in found if _PARTIAL not in info.base_name),
            key=lambda pair: pair[0].path,
        )

    def unfinished_files(self) -> list[tuple["Location", str]]:
        """What writers have begun here and not finished; each with the path below this folder that it is for."""
        begun = [Location(self.filesystem, info.path) for info in self._list() if _PARTIAL in info.base_name]
        return [(location, location.relative_to(self).partition(_PARTIAL)[0]) for location in begun]

    def _list(self) -> list[fs.FileInfo]:
        found = self.filesystem.get_file_info(fs.FileSelector(self.path, recursive=True, allow_not_found=True))
        return [info for info in found if info.is_file]

    def relative_to(self, folder: "Location") -> str:
        return self.path.removeprefix(folder.path.rstrip("/") + "/")

    def delete(self) -> None:
        self.filesystem.delete_file(self.path)

    @contextmanager
    def open_input(self) -> Iterator[BinaryIO]:
        try:
            stream = self.filesystem.open_input_file(self.path)
        except FileNotFoundError:
            raise XnerError(f"{self}: no such file") from None
        with stream:
            yield stream

    @contextmanager
    def open_output(self) -> Iterator[BinaryIO]:
        """A new file that appears under its name only when the block ends without an exception."""
        if not self.is_local:
            # Arrow completes an upload even when its stream is dropped after an exception: start none before the end.
            with tempfile.NamedTemporaryFile() as aside:
                yield aside
                aside.flush()
                fs.copy_files(aside.name, self.path, fs.LocalFileSystem(), self.filesystem)
            return
        final = Path(self.path)
        final.parent.mkdir(parents=True, exist_ok=True)
        aside = final.with_name(f"{final.name}{_PARTIAL}{uuid.uuid4().hex}")
        try:
            with open(aside, "xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(aside, final)
        finally:
            aside.unlink(missing_ok=True)


def locate(address: str | Path) -> Location:
    """The location of a path or URI: a local path, or anything `pyarrow.fs.FileSystem.from_uri` takes.

    S3 credentials, region and endpoint come from the usual AWS environment variables (`AWS_ENDPOINT_URL` …).

    Raises:
        XnerError: the URI's scheme is unknown.
    """
    text = str(address)
    if "://" not in text:
        return Location(fs.LocalFileSystem(), str(Path(text).absolute()))
    try:
        filesystem, path = fs.FileSystem.from_uri(text)
    except (pa.ArrowInvalid, OSError) as error:
        raise XnerError(f"{text}: cannot open this address: {error}") from error
    return Location(filesystem, path.rstrip("/"))


def write_table(location: Location, table: pa.Table) -> None:
    """Writes a table as one Parquet file (zstd), visible only when whole."""
    with location.open_output() as stream:
        pq.write_table(table, stream, compression="zstd")


def read_table(location: Location, columns: list[str] | None = None) -> pa.Table:
    """Reads one Parquet file.

    Raises:
        XnerError: no such file, or not a Parquet file.
    """
    with location.open_input() as stream:
        try:
            return pq.ParquetFile(stream).read(columns=columns)
        except pa.ArrowInvalid as error:
            raise XnerError(f"{location}: not a readable Parquet file ({error}); delete it and run again") from error


def write_json(location: Location, value: Any) -> None:
    with location.open_output() as stream:
        stream.write((json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8"))


def read_json(location: Location) -> Any:
    with location.open_input() as stream:
        try:
            return json.loads(stream.read())
        except ValueError as error:
            raise XnerError(f"{location}: not valid JSON ({error})") from error
