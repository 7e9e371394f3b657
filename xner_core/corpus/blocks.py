"""Cuts a source into blocks, each of which can be read by itself, in another process or on another machine.

Where the cuts are follows from the files alone. Line-aligned text is cut by one pass over its newlines, Parquet between
row groups. What has to be read from its beginning (compressed files, members of archives, TMX) is read here, and
travels in its blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xner_core.corpus.inputs import DAMAGE, MAX_LINE_BYTES, Inflation, InputFile, LineRange, damaged, require_utf8
from xner_core.corpus.readers import RawPair, RowGroups, unequal_lines, unreadable_parquet
from xner_core.corpus.sources import Source

BLOCK_PAIRS = 16_384
BLOCK_BYTES = 1 << 23
_NEWLINE = ord("\n")


@dataclass(frozen=True)
class Block:
    """Consecutive pairs of a source.

    Attributes:
        source: The source, of whose files it has these parts alone.
        first: Pairs of the source before them.
        read: The pairs, if they were read already.
    """

    source: Source
    first: int
    read: tuple[RawPair, ...] | None = None

    def pairs(self, source: str, target: str) -> Iterator[RawPair]:
        """Its pairs in order; arguments and errors as of `Source.pairs`."""
        return self.source.pairs(source, target) if self.read is None else iter(self.read)


def cut_blocks(source: Source, languages: tuple[str, str]) -> Iterator[Block]:
    """The blocks of a source, in order: each of at most BLOCK_PAIRS pairs, but for a larger row group.

    Raises:
        XnerError: a file that cannot be read, or two whose lines do not match.
    """
    if source.format == "parquet":
        return _cut_row_groups(source)
    if source.format == "tmx":
        return _cut_pairs(source, languages)
    return _cut_lines(source)


def _cut_row_groups(source: Source) -> Iterator[Block]:
    (file,) = source.files
    try:
        with file.location.open_input() as stream:
            size, footer = stream.size(), pq.read_metadata(stream)
    except (pa.ArrowException, OSError) as error:
        raise unreadable_parquet(file, 0, error) from error
    first = rows = start = 0
    for group in range(footer.num_row_groups):
        rows += footer.row_group(group).num_rows
        if rows >= BLOCK_PAIRS or group + 1 == footer.num_row_groups:
            # Counted apart, for the blocks of a file may be read at once.
            inflation = Inflation(str(file), size)
            part = RowGroups(file.location, file.name, None, inflation, first, (start, group + 1))
            yield Block(replace(source, files=(part,)), first)
            first, rows, start = first + rows, 0, group + 1


def _cut_pairs(source: Source, languages: tuple[str, str]) -> Iterator[Block]:
    first = characters = 0
    waiting: list[RawPair] = []
    for pair in source.pairs(*languages):
        waiting.append(pair)
        characters += len(pair.source_text) + len(pair.target_text)
        if len(waiting) == BLOCK_PAIRS or characters > BLOCK_BYTES:
            yield Block(source, first, tuple(waiting))
            first += len(waiting)
            waiting, characters = [], 0
    if waiting:
        yield Block(source, first, tuple(waiting))


def _cut_lines(source: Source) -> Iterator[Block]:
    texts = [_LineScanner(file) for file in source.files]
    while lines := min(counts := [text.waiting() for text in texts]):
        first = texts[0].taken
        yield Block(replace(source, files=tuple(text.take(lines) for text in texts)), first)
    if max(counts):
        one, other = texts
        raise unequal_lines(one.file, one.count(), other.file, other.count())


class _LineScanner:
    """Finds the lines of a file, and hands them out as many as are asked for; keeps their bytes where it must."""

    def __init__(self, file: InputFile) -> None:
        self.file = file
        self.taken = 0
        self._keeps = not file.is_stored_as_it_is
        self._kept = bytearray()
        self._chunks = _shortened(file.chunks()) if self._keeps else file.chunks()
        # Where the lines end that were found and not taken; where what was not taken begins; where the last line ends
        # that was found, and how far the file was read.
        self._ends = np.empty(0, np.int64)
        self._start = self._last = self._read = 0
        self._is_ended = False

    def waiting(self) -> int:
        """How many lines can be taken: as many as a block has, and fewer, but not none, if they are long."""
        while not self._is_ended and len(self._ends) < BLOCK_PAIRS:
            if self._read - self._start > BLOCK_BYTES and len(self._ends):
                break
            self._scan()
        unfinished = self._is_ended and self._read > self._last
        return min(len(self._ends) + unfinished, BLOCK_PAIRS)

    def take(self, lines: int) -> LineRange:
        """The next lines, of those that can be taken."""
        end = int(self._ends[lines - 1]) if lines <= len(self._ends) else self._read
        content = None
        if self._keeps:
            content = bytes(self._kept[: end - self._start])
            del self._kept[: len(content)]
        file = self.file
        taken = LineRange(file.location, file.name, file.member, None, self.taken, self._start, end, content)
        self.taken += lines
        self._ends, self._start, self._last = self._ends[lines:], end, max(self._last, end)
        return taken

    def count(self) -> int:
        """Lines of the whole file; nothing can be taken after."""
        lines = self.taken + len(self._ends)
        while not self._is_ended:
            self._ends = self._ends[:0]
            self._kept.clear()
            self._scan()
            lines += len(self._ends)
        return lines + (self._read > self._last)

    def _scan(self) -> None:
        try:
            chunk = next(self._chunks, b"")
        except DAMAGE as error:
            raise damaged(self.file, self.taken + len(self._ends), error) from error
        if not chunk:
            self._is_ended = True
            return
        if self._read == 0:
            require_utf8(self.file, chunk)
        found = np.flatnonzero(np.frombuffer(chunk, np.uint8) == _NEWLINE)
        if len(found):
            self._ends = np.concatenate([self._ends, found + (self._read + 1)])
            self._last = int(self._ends[-1])
        self._read += len(chunk)
        if self._keeps:
            self._kept += chunk


def _shortened(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same without most of what is too long for a line, of which enough stays to tell that it is."""
    length = 0
    for chunk in chunks:
        last = chunk.rfind(b"\n")
        if length > MAX_LINE_BYTES:
            chunk = chunk[chunk.find(b"\n") :] if last >= 0 else b""
        length = length + len(chunk) if last < 0 else len(chunk) - chunk.rfind(b"\n") - 1
        if chunk:
            yield chunk
