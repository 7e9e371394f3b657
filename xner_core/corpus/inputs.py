"""Bytes and lines of the files that a corpus is made of, compressed or inside a zip archive, read as a stream."""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from xner_core.errors import XnerError
from xner_core.files import Location

READ_AHEAD = 1 << 20
CHUNK_BYTES = 1 << 18
MAX_LINE_BYTES = 16 << 20
COMPRESSIONS = {".gz": gzip.open, ".xz": lzma.open}
DAMAGE = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)


@dataclass(frozen=True)
class InputFile:
    """A file at a location, or a member of the zip archive there.

    Attributes:
        location: The file, or the archive.
        name: Where it lies below the corpus' folder, with the member's name after the archive's; errors show it.
        member: The member's name in the archive, or None.
    """

    location: Location
    name: str
    member: str | None = None

    def __str__(self) -> str:
        return f"{self.location}/{self.member}" if self.member else str(self.location)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The file's bytes as they are stored, from its beginning; seekable unless it is a member of an archive."""
        # Object stores answer each small read with a request of its own, hence the buffer.
        with self.location.open_input() as stored, io.BufferedReader(stored, READ_AHEAD) as stream:
            if self.member is None:
                yield stream
            else:
                with zipfile.ZipFile(stream) as archive, archive.open(self.member) as member:
                    yield member

    def chunks(self) -> Iterator[bytes]:
        """The decompressed content, a piece at a time.

        Raises:
            One of DAMAGE: the compressed data is cut off or wrong.
        """
        decompress = next((COMPRESSIONS[end] for end in COMPRESSIONS if self.name.endswith(end)), None)
        with self.open() as stream:
            if decompress is None:
                while chunk := stream.read(CHUNK_BYTES):
                    yield chunk
                return
            # `gzip` takes a file of no bytes for an empty text, but a compressed text is never empty.
            if not stream.peek(1):
                raise EOFError("it is empty")
            with decompress(stream) as content:
                # `read` would drop what precedes the damage, and with it the line number.
                while chunk := content.read1(CHUNK_BYTES):
                    yield chunk


def damaged(file: InputFile, line: int, error: Exception) -> XnerError:
    return XnerError(f"{file}, after line {line}: truncated or damaged ({error}); fetch the file again")


def list_members(archive: InputFile) -> list[InputFile]:
    """The files inside a zip archive, in the order of their names.

    Raises:
        XnerError: not a whole zip archive.
    """
    with archive.open() as stream:
        try:
            with zipfile.ZipFile(stream) as opened:
                names = sorted(info.filename for info in opened.infolist() if not info.is_dir())
        except zipfile.BadZipFile as error:
            raise XnerError(f"{archive}: truncated or not a zip archive ({error}); fetch the file again") from error
    return [InputFile(archive.location, f"{archive.name}/{name}", name) for name in names]


def read_lines(file: InputFile) -> Iterator[str]:
    """The lines of a UTF-8 text, ended by "\\n" and by nothing else.

    The text of a line stays as it is, control characters and Unicode line separators included, except that one
    carriage return before the "\\n" (files from Windows) and a byte order mark at the file's start are dropped.
    A "\\n" at the end of the file starts no further line.

    Raises:
        XnerError: naming file and line: not UTF-8, compressed data damaged or cut off, a line of over 16 MiB.
    """
    count = 0
    rest = b""
    try:
        for chunk in file.chunks():
            block, newline, rest = (rest + chunk).rpartition(b"\n")
            if newline:
                lines = _decode_lines(file, count, block)
                count += len(lines)
                yield from lines
            if len(rest) > MAX_LINE_BYTES:
                raise XnerError(f"{file}, line {count + 1}: longer than {MAX_LINE_BYTES:,} bytes; is this a text file?")
    except DAMAGE as error:
        raise damaged(file, count, error) from error
    if rest:
        yield from _decode_lines(file, count, rest)


def _decode_lines(file: InputFile, count: int, block: bytes) -> list[str]:
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as error:
        line = count + block.count(b"\n", 0, error.start) + 1
        column = error.start - block.rfind(b"\n", 0, error.start)
        raise XnerError(
            f"{file}, line {line}: not UTF-8 (byte 0x{block[error.start]:02x} at byte {column} of the line); "
            "convert the file to UTF-8, for example with iconv"
        ) from error
    if count == 0:
        text = text.removeprefix("\ufeff")
    lines = text.split("\n")
    return [line.removesuffix("\r") for line in lines] if "\r" in text else lines
