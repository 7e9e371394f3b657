"""Files on a local disk or an Arrow filesystem (`s3://…`), each made visible in one step.

A local file is written aside and renamed. An object store shows an object only when its upload is complete,
so there the file is written on the local disk and then uploaded under its final name.
"""

import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from xner_core.errors import XnerError
from xner_core.storage.object_store import s3_filesystem, s3_object, storage_errors

_PARTIAL = ".partial-"
_UPLOAD_BYTES = 1 << 23
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]+")
# What no client of S3 takes in a key, or each takes for something else.
_NO_KEY = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
# As addresses of Arrow's have them.
_ARROW_OPTION = re.compile(r"\?(scheme|region|endpoint_override|allow_\w+|tls_\w+|default_metadata)=")


@dataclass(frozen=True)
class Location:
    """A file or folder on some filesystem; `location / "name"` is inside it."""

    filesystem: fs.FileSystem
    path: str

    def __truediv__(self, name: str) -> "Location":
        return Location(self.filesystem, f"{self.path.rstrip('/')}/{name}")

    def __str__(self) -> str:
        """Its address, of which `locate` makes the same location; in S3 the key stands there as it is."""
        if self.is_local:
            return self.path
        return f"{self.filesystem.type_name}://{self.path if self.is_s3 else quote(self.path)}"

    def __reduce__(self) -> Any:
        # Arrow filesystems pickle, credentials from the environment included; the address alone is enough.
        return (locate, (str(self),)) if self.is_local or self.is_s3 else super().__reduce__()

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def parent(self) -> "Location":
        return Location(self.filesystem, self.path.rpartition("/")[0])

    @property
    def is_local(self) -> bool:
        return isinstance(self.filesystem, fs.LocalFileSystem)

    @property
    def is_s3(self) -> bool:
        return self.filesystem.type_name == "s3"

    def exists(self) -> bool:
        """Whether there is a file or a folder."""
        return self._type() != fs.FileType.NotFound

    def is_folder(self) -> bool:
        """Whether there is a folder."""
        return self._type() == fs.FileType.Directory

    def _type(self) -> fs.FileType:
        with storage_errors(self, "looked up"):
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
        with storage_errors(self, "listed"):
            found = self.filesystem.get_file_info(fs.FileSelector(self.path, recursive=True, allow_not_found=True))
        return [info for info in found if info.is_file]

    def relative_to(self, folder: "Location") -> str:
        """The path below a folder that this lies in."""
        return self.path.removeprefix(folder.path.rstrip("/") + "/")

    def delete(self) -> None:
        """Deletes the file; one that is gone already is as good."""
        with storage_errors(self, "deleted"), suppress(FileNotFoundError):
            self.filesystem.delete_file(self.path)

    def delete_folder(self) -> None:
        """Deletes the folder and all that is in it; one that is gone already is as good."""
        with storage_errors(self, "deleted"), suppress(FileNotFoundError):
            self.filesystem.delete_dir(self.path)

    @contextmanager
    def open_input(self) -> Iterator[pa.NativeFile]:
        """Opens the file to be read at any place.

        Raises:
            XnerError: there is no such file, or the storage fails.
        """
        with storage_errors(self, "read"):
            try:
                stream = self.filesystem.open_input_file(self.path)
            except FileNotFoundError:
                raise XnerError(f"{self}: no such file") from None
            with stream:
                yield stream

    @contextmanager
    def open_output(self) -> Iterator[IO[bytes]]:
        """A new file that appears under its name only when the block ends without an exception."""
        with (
            storage_errors(self, "written"),
            self._local_output() if self.is_local else self._remote_output() as stream,
        ):
            yield stream

    @contextmanager
    def _local_output(self) -> Iterator[IO[bytes]]:
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
    def _remote_output(self) -> Iterator[IO[bytes]]:
        with tempfile.NamedTemporaryFile() as aside:
            yield aside
            aside.seek(0)
            if self.is_s3:
                # Not Arrow, which completes an upload even when its stream is dropped half-way after an exception.
                obstore.put(*s3_object(self.path), aside)
                return
            # Not `copy_files`, which says nothing when the end of an upload fails (seen with Arrow 26). Without being
            # told, Arrow compresses what it writes to a name like news.gz.
            with self.filesystem.open_output_stream(self.path, compression=None) as upload:
                shutil.copyfileobj(aside, upload, _UPLOAD_BYTES)


def locate(address: str | Path) -> Location:
    """The location of a local path, of `s3://<bucket>/<key>`, or of a URI of another storage that Arrow knows.

    A key of S3 is taken as it is, as by the command line of AWS, Polars or DuckDB, and not decoded as in a URI: `%`,
    `+`, `#` and `?` stand for themselves. S3 credentials, region and endpoint come from the usual AWS environment
    variables (`AWS_ENDPOINT_URL` …).

    Raises:
        XnerError: no storage is known by the URI's scheme, or the address cannot be kept as it is.
        StorageFailure: the bucket's region could not be asked for.
    """
    text = str(address)
    uri = _SCHEME.fullmatch(text)
    if uri is None:
        return Location(fs.LocalFileSystem(), str(Path(text).absolute()))
    if uri["scheme"] == "s3":
        return _locate_s3(text, uri["rest"])
    if "#" in text:
        raise XnerError(f"{text}: what follows a # is no part of a URI's path; write %23")
    try:
        filesystem, path = fs.FileSystem.from_uri(text)
    except (pa.ArrowInvalid, OSError) as error:
        raise XnerError(f"{text}: cannot open this address: {error}") from error
    return Location(filesystem, path.rstrip("/"))


def _locate_s3(text: str, rest: str) -> Location:
    path = rest.rstrip("/")
    bucket, _, key = path.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise XnerError(
            f"{text}: {bucket!r} is no name of a bucket; an address is s3://<bucket>/<key>, and credentials come from "
            "the AWS environment variables"
        )
    if option := _ARROW_OPTION.search(key):
        raise XnerError(
            f"{text}: {option[0]!r} would be a part of the key; region and endpoint come from the AWS environment "
            "variables, such as AWS_ENDPOINT_URL"
        )
    if bad := _NO_KEY.search(key):
        raise XnerError(f"{text!r}: object stores do not keep {bad[0]!r} in a key; take another name")
    if key and not {"", ".", ".."}.isdisjoint(key.split("/")):
        raise XnerError(f"{text}: object stores keep no key with an empty part, '.' or '..'; take it out")
    with storage_errors(text, "opened"):
        return Location(s3_filesystem(bucket), path)


def write_table(location: Location, table: pa.Table) -> None:
    """Writes a table as one Parquet file (zstd, with checksums of its pages), visible only when whole."""
    with location.open_output() as stream:
        pq.write_table(table, stream, compression="zstd", write_page_checksum=True)


def read_table(location: Location, columns: list[str] | None = None) -> pa.Table:
    """Reads one Parquet file, or some columns of it: the rest is not fetched then.

    Raises:
        XnerError: no such file, or it is damaged.
    """
    table = _read_whole(location, None) if columns is None else _read_columns(location, columns)
    refuse_python_types(str(location), table.schema)
    return table


def _read_columns(location: Location, columns: list[str]) -> pa.Table:
    try:
        with location.open_input() as stream:
            # Neighbouring columns are fetched in one piece.
            return pq.ParquetFile(stream, pre_buffer=True, page_checksum_verification=True).read(columns=columns)
    except (pa.ArrowException, OSError):
        # Arrow raises the same for a damaged file as for a storage that fails.
        return _read_whole(location, columns)


def _read_whole(location: Location, columns: list[str] | None) -> pa.Table:
    content = _read(location)
    with _parquet(location):
        return pq.ParquetFile(content, page_checksum_verification=True).read(columns=columns)


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
    """Writes a value as indented JSON, UTF-8 with a line break at its end."""
    with location.open_output() as stream:
        stream.write((json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8"))


def read_json(location: Location) -> Any:
    """The value of a JSON file.

    Raises:
        XnerError: there is no such file, or it is no JSON.
    """
    content = _read(location).read()
    try:
        return json.loads(content)
    except ValueError as error:
        raise XnerError(
            f"{location}: not valid JSON ({error}); if a run has made it, delete it and run again"
        ) from error
