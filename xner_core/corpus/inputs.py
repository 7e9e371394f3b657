"""Bytes and lines of the files that a corpus is made of, compressed or inside a zip archive, read as a stream.

Files may come from anywhere, so nothing is unpacked, names inside an archive are never used as addresses, and what
compressed data inflate to is bounded.
"""

import gzip
import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from xner_core.errors import XnerError
from xner_core.storage.files import Location

READ_AHEAD = 1 << 20
CHUNK_BYTES = 1 << 18
MAX_LINE_BYTES = 16 << 20
# Of a line that is no text of a sentence, what is kept to recognise it by.
OVERLONG_BYTES = 1000
# Parallel text inflates to 3 to 5 times its size, the most repetitive markup to some 30 times; a bomb of gzip to 1,000.
MAX_INFLATION = 100
# Which small files may reach whatever their ratio.
INFLATION_FLOOR = 1 << 28
COMPRESSIONS = {".gz": gzip.open, ".xz": lzma.open}
DAMAGE = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)


class Inflation:
    """Counts what a file or archive inflates to, in all its members, and ends it beyond a bound.

    Args:
        name: of the file, for the error
        stored: its size in bytes
    """

    def __init__(self, name: str, stored: int) -> None:
        self.name = name
        self.counted = 0
        self._most = max(INFLATION_FLOOR, MAX_INFLATION * stored)

    def count(self, size: int) -> None:
        """
        Raises:
            XnerError: more has come out than any text gives.
        """
        self.counted += size
        if self.counted > self._most:
            raise XnerError(
                f"{self.name}: inflates to more than {MAX_INFLATION} times its size, as decompression bombs do; "
                "if it is none, decompress it first"
            )


@dataclass(frozen=True)
class InputFile:
    """A file at a location, or a member of the zip archive there.

    Attributes:
        location: The file, or the archive.
        name: Where it lies below the corpus' folder, with the member's name after the archive's; errors show it.
        member: The member's name in the archive, or None.
        inflation: What all members of the archive count on; a file by itself has its own.
        first: Lines or rows before it, if it is a part of a file.
    """

    location: Location
    name: str
    member: str | None = None
    inflation: Inflation | None = field(default=None, compare=False, repr=False)
    first: int = 0

    def __str__(self) -> str:
        return f"{self.location}/{self.member}" if self.member else str(self.location)

    @property
    def is_stored_as_it_is(self) -> bool:
        """Whether the file's own bytes are those of the text: not compressed, nor inside an archive."""
        return self.member is None and _compression(self.name) is None

    @contextmanager
    def open(self) -> Iterator[io.BufferedReader]:
        """The file's bytes as they are stored, from its beginning; seekable unless it is a member of an archive.

        Raises:
            XnerError: a member that is encrypted, or compressed in a way that Python cannot read.
        """
        # Object stores answer each small read with a request of its own, hence the buffer.
        with self.location.open_input() as stored, io.BufferedReader(stored, READ_AHEAD) as stream:
            if self.member is None:
                yield stream
                return
            with zipfile.ZipFile(stream) as archive:
                try:
                    # What it returns is read, and peeked into, likewise.
                    member = cast(io.BufferedReader, archive.open(self.member))
                except RuntimeError as error:
                    raise XnerError(f"{self}: cannot be read ({error}); unpack the archive first") from error
                with member:
                    yield member

    def chunks(self) -> Iterator[bytes]:
        """The decompressed content, a piece at a time.

        Raises:
            One of DAMAGE: the compressed data is cut off or wrong.
            XnerError: it inflates to more than any text does.
        """
        decompress = _compression(self.name)
        with self.open() as stream:
            if decompress is None:
                inflation = self.inflation
                while chunk := stream.read(CHUNK_BYTES):
                    if inflation:
                        inflation.count(len(chunk))
                    yield chunk
                return
            # `gzip` takes a file of no bytes for an empty text, but a compressed text is never empty.
            if not stream.peek(1):
                raise EOFError("it is empty")
            inflation = self.inflation or Inflation(str(self), _size(stream))
            with decompress(stream) as content:
                # `read` would drop what precedes the damage, and with it the line number.
                while chunk := content.read1(CHUNK_BYTES):
                    inflation.count(len(chunk))
                    yield chunk


def _compression(name: str) -> Callable[[BinaryIO], Any] | None:
    return next((COMPRESSIONS[end] for end in COMPRESSIONS if name.lower().endswith(end)), None)


def _size(stream: BinaryIO) -> int:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return size


def damaged(file: InputFile, line: int, error: Exception) -> XnerError:
    """What to raise for a file that cannot be read on after a line, counted from 1."""
    return XnerError(f"{file}, after line {line}: truncated or damaged ({error}); fetch the file again")


def list_members(archive: InputFile) -> list[InputFile]:
    """The files inside a zip archive, in the order of their names; links among them are left out.

    A member's `name` stays below the archive's, whatever path the archive gives it.

    Raises:
        XnerError: not a whole zip archive.
    """
    with archive.open() as stream:
        inflation = Inflation(str(archive), _size(stream))
        try:
            with zipfile.ZipFile(stream) as opened:
                infos = sorted(opened.infolist(), key=lambda info: info.filename)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise XnerError(f"{archive}: truncated or not a zip archive ({error}); fetch the file again") from error
    members = [info.filename for info in infos if not (info.is_dir() or stat.S_ISLNK(info.external_attr >> 16))]
    return [InputFile(archive.location, f"{archive.name}/{_inside(name)}", name, inflation) for name in members]


def _inside(name: str) -> str:
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


class BadLine(str):
    """A line that is no text, with replacement characters for what cannot be read; `fault` says what is wrong."""

    fault: str

    def __new__(cls, raw: bytes, fault: str) -> "BadLine":
        line = super().__new__(cls, raw.decode("utf-8", "replace"))
        line.fault = fault
        return line


@dataclass(frozen=True)
class LineRange(InputFile):
    """Whole lines of a text file, read by themselves: a range of its bytes, or bytes that another has decompressed.

    Attributes:
        start: The range of bytes, if the file is stored as it is.
        end: Likewise.
        content: The bytes, if it is not.
    """

    start: int = 0
    end: int = 0
    content: bytes | None = field(default=None, repr=False)

    def chunks(self) -> Iterator[bytes]:
        """The bytes, a piece at a time."""
        if self.content is not None:
            yield self.content
            return
        with self.open() as stream:
            stream.seek(self.start)
            left = self.end - self.start
            while left and (chunk := stream.read(min(left, CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk


def read_lines(file: InputFile) -> Iterator[str]:
    """The lines of a UTF-8 text, ended by "\\n" and by nothing else.

    The text of a line stays as it is, control characters and Unicode line separators included, except that one
    carriage return before the "\\n" (files from Windows) and a byte order mark at the file's start are dropped.
    A "\\n" at the end of the file starts no further line. A line that is not UTF-8, or is longer than 16 MiB (of which
    the beginning is kept), is a `BadLine`.

    Raises:
        XnerError: naming the file: UTF-16, compressed data damaged or cut off, or inflating to more than any text does.
    """
    count = 0
    rest = b""
    overlong = False
    try:
        for chunk in file.chunks():
            if overlong:
                _, newline, chunk = chunk.partition(b"\n")
                if not newline:
                    continue
                yield _overlong(rest)
                count, rest, overlong = count + 1, b"", False
            block, newline, rest = (rest + chunk).rpartition(b"\n")
            if newline:
                lines = _decode_lines(file, file.first + count, block)
                count += len(lines)
                yield from lines
            if len(rest) > MAX_LINE_BYTES:
                rest, overlong = rest[:OVERLONG_BYTES], True
    except DAMAGE as error:
        raise damaged(file, count, error) from error
    if overlong:
        yield _overlong(rest)
    elif rest:
        yield from _decode_lines(file, file.first + count, rest)


def _overlong(start: bytes) -> BadLine:
    return BadLine(start, f"longer than {MAX_LINE_BYTES:,} bytes")


def require_utf8(file: InputFile, start: bytes) -> None:
    """
    Raises:
        XnerError: a text that starts with these bytes is UTF-16.
    """
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise XnerError(f"{file}: is UTF-16; convert the file to UTF-8, for example with iconv")


def _decode_lines(file: InputFile, count: int, block: bytes) -> list[str]:
    if count == 0:
        require_utf8(file, block)
        block = block.removeprefix(b"\xef\xbb\xbf")
    try:
        if len(block) > MAX_LINE_BYTES:
            lines = [_decode_line(line) for line in block.split(b"\n")]
        else:
            lines = block.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        lines = [_decode_line(line) for line in block.split(b"\n")]
    return [_without_return(line) for line in lines] if b"\r" in block else lines


def _decode_line(line: bytes) -> str:
    if len(line) > MAX_LINE_BYTES:
        return _overlong(line[:OVERLONG_BYTES])
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        return BadLine(
            line.removesuffix(b"\r"),
            f"not UTF-8 (byte 0x{line[error.start]:02x} at byte {error.start + 1} of the line)",
        )


def _without_return(line: str) -> str:
    return line if isinstance(line, BadLine) else line.removesuffix("\r")
