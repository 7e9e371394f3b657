"""Files on a local disk or an Arrow filesystem (`s3://…`), each made visible in one step.

A local file is written aside and renamed. An object store shows an object only when its upload is complete,
so there the file is written on the local disk and then uploaded under its final name.
"""

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from xner_core.errors import StorageFailure, XnerError

_PARTIAL = ".partial-"
_UPLOAD_BYTES = 1 << 23


@contextmanager
def _storage(location: "Location", doing: str) -> Iterator[None]:
    """Names the file in whatever its disk or object store raises."""
    try:
        yield
    except (StorageFailure, BadGzipFile):
        # What a file holds is no matter of its storage.
        raise
    except OSError as error:
        raise StorageFailure(
            f"{location}: could not be {doing} ({error}); see to its disk, network or permissions, and run again"
        ) from error


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
        return self._type() != fs.FileType.NotFound

    def is_folder(self) -> bool:
        return self._type() == fs.FileType.Directory

    def _type(self) -> fs.FileType:
        with _storage(self, "looked up"):
            return self.filesystem.get_file_info(self.path).type

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
        with _storage(self, "listed"):
            found = self.filesystem.get_file_info(fs.FileSelector(self.path, recursive=True, allow_not_found=True))
        return [info for info in found if info.is_file]

    def relative_to(self, folder: "Location") -> str:
        return self.path.removeprefix(folder.path.rstrip("/") + "/")

    def delete(self) -> None:
        with _storage(self, "deleted"):
            self.filesystem.delete_file(self.path)

    @contextmanager
    def open_input(self) -> Iterator[BinaryIO]:
        with _storage(self, "read"):
            try:
                stream = self.filesystem.open_input_file(self.path)
            except FileNotFoundError:
                raise XnerError(f"{self}: no such file") from None
            with stream:
                yield stream

    @contextmanager
    def open_output(self) -> Iterator[BinaryIO]:
        """A new file that appears under its name only when the block ends without an exception."""
        with _storage(self, "written"), self._local_output() if self.is_local else self._remote_output() as stream:
            yield stream

    @contextmanager
    def _local_output(self) -> Iterator[BinaryIO]:
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

    @contextmanager
    def _remote_output(self) -> Iterator[BinaryIO]:
        # Arrow completes an upload even when its stream is dropped after an exception: start none before the end.
        with tempfile.NamedTemporaryFile() as aside:
            yield aside
            aside.seek(0)
            # Not `copy_files`, which says nothing when the end of an upload fails (seen with Arrow 26). Without being
            # told, Arrow compresses what it writes to a name like news.gz.
            with self.filesystem.open_output_stream(self.path, compression=None) as upload:
                shutil.copyfileobj(aside, upload, _UPLOAD_BYTES)


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
    """Writes a table as one Parquet file (zstd, with checksums of its pages), visible only when whole."""
    with location.open_output() as stream:
        pq.write_table(table, stream, compression="zstd", write_page_checksum=True)


def read_table(location: Location, columns: list[str] | None = None) -> pa.Table:
    """Reads one Parquet file.

    Raises:
        XnerError: no such file, or it is damaged.
    """
    content = _read(location)
    with _parquet(location):
        table = pq.ParquetFile(content, page_checksum_verification=True).read(columns=columns)
    refuse_python_types(str(location), table.schema)
    return table


def refuse_python_types(file: str, schema: pa.Schema) -> None:
    """Refuses columns of types that are implemented in Python, whose values may be pickles that reading would run.

    Ray Data registers such types in each process that imports it.

    Raises:
        XnerError: there is such a column, or one that holds such values inside.
    """
    for field in schema:
        if _is_python_type(field.type):
            raise XnerError(
                f"{file}: column {field.name} is of the type {field.type}, which xner does not read, for its values "
                "may run code; write the column as plain text or numbers"
            )


def _is_python_type(type_: pa.DataType) -> bool:
    if isinstance(type_, pa.ExtensionType):
        return True
    if isinstance(type_, pa.BaseExtensionType):
        return _is_python_type(type_.storage_type)
    if isinstance(type_, pa.DictionaryType):
        return _is_python_type(type_.value_type)
    return any(_is_python_type(type_.field(place).type) for place in range(type_.num_fields))


def read_footer(location: Location) -> pq.FileMetaData:
    """What the footer of a Parquet file says of it; the rest of the file is not read.

    Raises:
        XnerError: no such file, or it is damaged.
    """
    try:
        with location.open_input() as stream:
            return pq.read_metadata(stream)
    except (pa.ArrowInvalid, OSError):
        # Arrow raises the latter for a damaged footer as well as for a storage that fails.
        content = _read(location)
        with _parquet(location):
            return pq.read_metadata(content)


def _read(location: Location) -> pa.BufferReader:
    with location.open_input() as stream:
        return pa.BufferReader(stream.read())


@contextmanager
def _parquet(location: Location) -> Iterator[None]:
    """Names the file whose content, which is in memory by now, is no Parquet."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise XnerError(f"{location}: not a readable Parquet file ({error}); delete it and run again") from error


def write_json(location: Location, value: Any) -> None:
    with location.open_output() as stream:
        stream.write((json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8"))


def read_json(location: Location) -> Any:
    content = _read(location).read()
    try:
        return json.loads(content)
    except ValueError as error:
        raise XnerError(
            f"{location}: not valid JSON ({error}); if a run has made it, delete it and run again"
        ) from error
