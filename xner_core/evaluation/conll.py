"""CoNLL files: a token and its tag on a line, among other columns, and a blank line between sentences.

Columns are separated by tabs, or by spaces where a line has no tab, and `columns.py` finds out which is which. Lines
that begin with `-DOCSTART-` are no tokens, nor those that begin with `#` before a sentence and do not fit the columns.
"""

import logging
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from xner_core.evaluation.columns import RANGE, Columns, Row, find_columns, parse_column
from xner_core.evaluation.lines import read_lines
from xner_core.evaluation.schemes import OUTSIDE, is_tag, scheme_name, to_iob2

logger = logging.getLogger(__name__)

# Other white space may be a part of a token.
_SPACES = re.compile(r"[ \t]+")
_DOCUMENT = "-DOCSTART-"
# Of a comment, or of a token.
_SIGN = "#"
_HASHTAG = re.compile(r"#\S+")


@dataclass(frozen=True)
class TaggedSentence:
    """Tokens and their IOB2 tags, one each."""

    tokens: list[str]
    tags: list[str]

    def of_types(self, types: Collection[str]) -> "TaggedSentence":
        """The sentence with all other types as O."""
        return replace(self, tags=[tag if tag[2:] in types else OUTSIDE for tag in self.tags])


def read_conll(path: str | Path) -> list[TaggedSentence]:
    """The sentences of a CoNLL file, plain, `.gz` or `.xz`.

    Tags may be IOB1, IOB2, BIOES, BILOU or BMES, and have their letter before or after the type. In CoNLL-U, words
    stand for the tokens that hold several of them.

    Raises:
        XnerError: no such file, a damaged one, not UTF-8, or a line or columns that cannot be read; names the line.
    """
    path = str(path)
    blocks = [block for block in _blocks(read_lines(path)) if block]
    # What begins like a comment is a token where it looks like the others; so these are asked first.
    plain = [rows for block in blocks if (rows := [row for row in block if not _has_sign(row)])] or blocks
    if not plain:
        return []
    columns = find_columns(path, plain)
    sentences = [rows for block in blocks if (rows := _tokens(block, columns))]
    parsed = parse_column(path, [row for rows in sentences for row in rows], columns.tag)
    scheme = scheme_name(letter for letter, _ in parsed.values() if letter)
    if columns.token or scheme != "IOB":
        logger.info(
            "%s: tokens are in column %d, tags in column %d (%s)", path, columns.token + 1, columns.tag + 1, scheme
        )
    return [_sentence(rows, columns, parsed) for rows in sentences]


def _blocks(lines: list[str]) -> Iterator[list[Row]]:
    """The lines of each sentence, and the comments before it."""
    block: list[Row] = []
    for number, line in enumerate(lines, start=1):
        cells = line.rstrip(" \t").split("\t") if "\t" in line.rstrip(" \t") else _SPACES.split(line.strip(" \t"))
        if not line.strip() or any(cell.startswith(_DOCUMENT) for cell in cells[:2]):
            yield block
            block = []
        else:
            block.append(Row(number, cells))
    yield block


def _has_sign(row: Row) -> bool:
    return row.cells[0].startswith(_SIGN)


def _tokens(block: list[Row], columns: Columns) -> list[Row]:
    """The rows that hold tokens."""
    rows: list[Row] = []
    for row in block:
        if columns.numbered and (_has_sign(row) or RANGE.fullmatch(row.cell(0))):
            continue
        # A hashtag without a tag is no comment, but a mistake.
        is_alike = len(row.cells) == columns.width and _HASHTAG.fullmatch(row.cells[0])
        if _has_sign(row) and not rows and not is_alike and not is_tag(row.cell(columns.tag)):
            continue
        rows.append(row)
    return rows


def _sentence(rows: list[Row], columns: Columns, parsed: dict[str, tuple[str, str]]) -> TaggedSentence:
    # In a line with tabs, spaces may be a part of a token, but not its ends.
    cells = [row.cells[columns.token].strip(" ") if columns.token < len(row.cells) else "" for row in rows]
    tokens = [cell.removeprefix(columns.prefix) for cell in cells]
    return TaggedSentence(tokens, to_iob2([row.cell(columns.tag) for row in rows], parsed))
