"""Which columns of a CoNLL file hold the tokens and the tags.

Files differ: the tag is last (CoNLL-2002 and 2003), in the middle with another layer behind it (GermEval 2014), or
first; before the token there may be its number in the sentence (WikiNEuRal, CoNLL-U) or a document's name (OntoNotes).
"""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from xner_core.errors import XnerError
from xner_core.evaluation.entity_types import is_common
from xner_core.evaluation.schemes import is_tag, looks_like, parse_tags, type_of

logger = logging.getLogger(__name__)

# Syntactic chunks are written with the same letters as names (CoNLL-2000, CoNLL-2003, and its German part).
_CHUNKS = frozenset("NP VP PP ADVP ADJP SBAR PRT CONJP INTJ LST UCP NC VC PC".split())
_NUMBER = re.compile(r"\d{1,9}")
# CoNLL-U: a written word whose parts follow, and a word that is not written.
RANGE = re.compile(r"\d+[-.]\d+")
_PREFIX = re.compile(r"[a-z]{2,3}(-[a-z]+)*:(?=.)")
# Where fewer cells are tags, it is another column.
_MOST = 0.5
# Fewer equal cells in a row say nothing.
_SOME = 3
# Characters of a line that a message shows.
_SHOWN = 60


@dataclass(frozen=True)
class Row:
    """A line of a file: its number, and its cells."""

    line: int
    cells: Sequence[str]

    def __str__(self) -> str:
        text = " ".join(self.cells)
        return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")

    def cell(self, column: int) -> str:
        """A cell without the spaces around it; nothing where the line is too short."""
        return self.cells[column].strip() if column < len(self.cells) else ""


@dataclass(frozen=True)
class Columns:
    """Where things are.

    Attributes:
        token: column of the tokens, from 0
        tag: column of their tags
        numbered: whether the first column numbers the tokens
        width: how many columns there are
        prefix: the language that stands before each token (WikiANN: `de:Bonn`), with its colon, or nothing
    """

    token: int
    tag: int
    numbered: bool
    width: int
    prefix: str


def find_columns(path: str, sentences: Sequence[Sequence[Row]]) -> Columns:
    """The columns of a file; of several layers of tags the first is read, with a warning.

    Args:
        path: the file, for messages
        sentences: its lines that hold tokens, sentence by sentence

    Raises:
        XnerError: no column holds tags, or the tokens cannot be told from other columns.
    """
    rows = [row for sentence in sentences for row in sentence]
    width = max(len(row.cells) for row in rows)
    tag = _tag_column(path, rows, width)
    # In CoNLL-U, what holds several words is no word itself.
    words = [own for rows in sentences if (own := [row for row in rows if not RANGE.fullmatch(row.cell(0))])]
    numbered = tag > 0 and bool(words) and _is_running(words, 0)
    token = _token_column(path, words if numbered else sentences, tag, width)
    prefix = _PREFIX.match(rows[0].cell(token))
    everywhere = prefix is not None and all(row.cell(token).startswith(prefix[0]) for row in rows)
    return Columns(token, tag, numbered, width, prefix[0] if everywhere else "")


def parse_column(path: str, rows: Sequence[Row], tag: int) -> dict[str, tuple[str, str]]:
    """Letter and type of each distinct tag (see `parse_tags`).

    Raises:
        XnerError: a line is without a tag; names it.
    """
    try:
        return parse_tags(row.cell(tag) for row in rows)
    except ValueError as error:
        row = next((row for row in rows if not is_tag(row.cell(tag))), rows[0])
        raise XnerError(
            f"{path}:{row.line}: expected a token and an IOB2 tag, found {row}; in column {tag + 1}, {error}"
        ) from error


def _tag_column(path: str, rows: Sequence[Row], width: int) -> int:
    cells = [Counter(row.cell(column) for row in rows) for column in range(width)]
    likely = [column for column in range(width) if _share_of_tags(cells[column]) >= _MOST]
    types = {column: {type_ for cell in cells[column] if (type_ := type_of(cell))} for column in likely}
    marking = [column for column in likely if types[column] and not types[column] <= _CHUNKS]
    # Chunks of other languages have other names.
    marking = [column for column in marking if any(map(is_common, types[column]))] or marking
    if len(marking) > 1:
        logger.warning(
            "%s: columns %s hold tags, layers of nested names; the first of them is read",
            path,
            " and ".join(str(column + 1) for column in marking),
        )
    if marking:
        return marking[0]
    if outside := [column for column in likely if not types[column]]:
        return outside[-1]
    first = rows[0]
    where = f"{path}:{first.line}: no column holds a tag for each token, such as B-PER, I-PER and O; found {first}"
    if first.cells[0][:1] in ("{", "["):
        raise XnerError(f"{where}; JSON lines are read from a file that is named .jsonl")
    if len(first.cells) == 1:
        raise XnerError(f"{where}; expected a token and an IOB2 tag, separated by a tab or by spaces")
    # The tags are rather behind the tokens, and these may look like anything.
    for column in range(width - 1, 0, -1):
        for cell in cells[column]:
            if hint := looks_like(cell):
                raise XnerError(f"{where}; {cell!r} in column {column + 1}: {hint}")
    raise XnerError(where)


def _share_of_tags(cells: Counter[str]) -> float:
    return sum(count for cell, count in cells.items() if is_tag(cell)) / cells.total()


def _token_column(path: str, sentences: Sequence[Sequence[Row]], tag: int, width: int) -> int:
    others = [column for column in range(width) if column != tag]
    left = [column for column in others if not _is_running(sentences, column)]
    # Names of documents and numbers of sentences are the same all through a sentence.
    changing = (column for column in left if not _is_constant(sentences, column))
    token = next(changing, next(iter(left), None))
    if token is not None and not _is_number(sentences, token):
        return token
    row = sentences[0][0]
    raise XnerError(
        f"{path}:{row.line}: which column holds the tokens? Column {(others[0] if token is None else token) + 1} holds "
        f"numbers alone; found {row}. Write a file with a token and an IOB2 tag on each line, "
        f"as in: cut -f COLUMN,{tag + 1} FILE"
    )


def _is_running(sentences: Sequence[Sequence[Row]], column: int) -> bool:
    """Whether a column counts the tokens of each sentence, from 0 or 1, or those of the whole file."""
    last = 0
    for sentence in sentences:
        cells = [row.cell(column) for row in sentence]
        if not all(map(_NUMBER.fullmatch, cells)):
            return False
        first = int(cells[0])
        if first not in (0, 1, last + 1) or [int(cell) for cell in cells] != list(range(first, first + len(cells))):
            return False
        last = int(cells[-1])
    return True


def _is_constant(sentences: Sequence[Sequence[Row]], column: int) -> bool:
    """Whether a column says the same all through each sentence."""
    return any(len(sentence) >= _SOME for sentence in sentences) and all(
        len({row.cell(column) for row in sentence}) == 1 for sentence in sentences
    )


def _is_number(sentences: Sequence[Sequence[Row]], column: int) -> bool:
    return all(_NUMBER.fullmatch(row.cell(column)) for sentence in sentences for row in sentence)
