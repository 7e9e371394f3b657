"""The formats of parallel text. Each reader yields raw pairs in the order of the file, and holds only a few at once.

Every error is an `XnerError` that names the file, and the line where lines exist (for Parquet, the row).
"""

import json
import math
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, NamedTuple
from xml.etree.ElementTree import ParseError

import pyarrow as pa
import pyarrow.parquet as pq
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from xner_core.corpus.inputs import DAMAGE, MAX_LINE_BYTES, InputFile, damaged, read_lines
from xner_core.errors import XnerError
from xner_core.files import refuse_python_types

PARQUET_BATCH = 4096


class RawPair(NamedTuple):
    """A sentence pair as the file has it.

    Attributes:
        source_text: Text in the source language.
        target_text: Text in the target language.
        line: Line or row in the file, from 1; in TMX the line on which the translation unit ends.
        score: The score that the file gives the pair, or None.
        domain: The domain that the row itself names, or None.
        origin: Where the row itself says that it comes from, or None.
    """

    source_text: str
    target_text: str
    line: int
    score: float | None = None
    domain: str | None = None
    origin: str | None = None


def read_moses(source_file: InputFile, target_file: InputFile) -> Iterator[RawPair]:
    """Line-aligned text: line i of one file is the translation of line i of the other."""
    source_lines, target_lines = read_lines(source_file), read_lines(target_file)
    for line, (source_text, target_text) in enumerate(zip_longest(source_lines, target_lines), 1):
        if source_text is None or target_text is None:
            source_count = line - (source_text is None) + sum(1 for _ in source_lines)
            target_count = line - (target_text is None) + sum(1 for _ in target_lines)
            raise XnerError(
                f"{source_file} has {source_count:,} lines but {target_file} has {target_count:,}: "
                "line i of one must be the translation of line i of the other; fetch or align them again"
            )
        yield RawPair(source_text, target_text, line)


def read_tsv(file: InputFile, source: str, target: str) -> Iterator[RawPair]:
    """Tab-separated: source text, target text, and perhaps a score. No header, no quoting."""
    for line, text in enumerate(read_lines(file), 1):
        fields = text.split("\t")
        if len(fields) not in (2, 3):
            raise XnerError(
                f"{file}, line {line}: {len(fields)} tab-separated columns; expected 2 ({source} text, {target} text) "
                "or 3 (a score after them)"
            )
        score = _score(file, line, fields[2]) if len(fields) == 3 else None
        yield RawPair(fields[0], fields[1], line, score)


def read_json_lines(file: InputFile, source: str, target: str) -> Iterator[RawPair]:
    """One JSON object a line; see `_row_texts` for its keys."""
    for line, text in enumerate(read_lines(file), 1):
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise XnerError(f"{file}, line {line}: not valid JSON ({error})") from error
        if not isinstance(row, dict):
            raise XnerError(f"{file}, line {line}: a JSON object is expected, not {type(row).__name__}")
        yield _row_pair(file, line, row, source, target)


def read_parquet(file: InputFile, source: str, target: str) -> Iterator[RawPair]:
    """Parquet with the same columns as the keys of JSON lines; read a few thousand rows at a time."""
    row_number = 0
    try:
        with file.location.open_input() as stream:
            parquet = pq.ParquetFile(stream)
            wanted = ("source", "target", "translation", source, target, "score", "domain", "origin")
            fields = [field for field in parquet.schema_arrow if field.name in wanted]
            refuse_python_types(str(file), pa.schema(fields))
            columns = [field.name for field in fields]
            for batch in parquet.iter_batches(PARQUET_BATCH, columns=columns):
                for row in batch.to_pylist():
                    row_number += 1
                    yield _row_pair(file, row_number, row, source, target)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise XnerError(f"{file}, after row {row_number}: not a readable Parquet file ({error})") from error


def _row_pair(file: InputFile, line: int, row: dict[str, Any], source: str, target: str) -> RawPair:
    source_text, target_text = (_text(file, line, text) for text in _row_texts(file, line, row, source, target))
    score, domain, origin = row.get("score"), row.get("domain"), row.get("origin")
    if score is not None:
        score = _score(file, line, score)
    for name, value in (("domain", domain), ("origin", origin)):
        if value is not None and not isinstance(value, str):
            raise XnerError(f"{file}, line {line}: {name} must be text, not {type(value).__name__}")
    return RawPair(source_text, target_text, line, score, domain, origin)


def _row_texts(file: InputFile, line: int, row: dict[str, Any], source: str, target: str) -> tuple[Any, Any]:
    """Both texts of a row with keys `source` and `target`, or the languages, at the top or under `translation`."""
    if "source" in row and "target" in row:
        return row["source"], row["target"]
    texts = row.get("translation", row)
    if isinstance(texts, dict) and source in texts and target in texts:
        return texts[source], texts[target]
    raise XnerError(
        f"{file}, line {line}: keys {', '.join(sorted(row)) or '(none)'}; expected source and target, "
        f"or {source} and {target}, or translation holding {source} and {target}"
    )


def _text(file: InputFile, line: int, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise XnerError(f"{file}, line {line}: a text is expected, not {type(value).__name__}")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise XnerError(f"{file}, line {line}: not valid Unicode ({error})") from error
    return value


def _score(file: InputFile, line: int, value: Any) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError, OverflowError):
        score = math.nan
    if isinstance(value, bool) or not math.isfinite(score):
        raise XnerError(f"{file}, line {line}: the score must be a finite number, not {str(value)[:40]!r}")
    return score


def read_tmx(file: InputFile, source: str, target: str) -> Iterator[RawPair]:
    """TMX 1.4: the segments of each translation unit that has both languages; of several variants the first.

    Languages match by their primary subtag (`en` takes `EN-GB`), unless the one asked for has subtags itself.
    The text of a segment leaves out the native codes inside inline elements (TMX 1.4b, "Content markup").
    A document that declares an entity is refused.
    """
    units = _TranslationUnits(source, target)
    parser = DefusedXMLParser(target=units)
    expat = units.expat = parser.parser
    try:
        for chunk in file.chunks():
            parser.feed(chunk)
            yield from units.finished
            units.finished.clear()
            if units.characters > MAX_LINE_BYTES:
                raise XnerError(
                    f"{file}, line {expat.CurrentLineNumber}: a segment of over {MAX_LINE_BYTES:,} characters"
                )
        parser.close()
    except DAMAGE as error:
        raise damaged(file, expat.CurrentLineNumber, error) from error
    except ParseError as error:
        raise XnerError(f"{file}: not well-formed TMX, or truncated ({error})") from error
    except DefusedXmlException as error:
        raise XnerError(
            f"{file}, line {expat.CurrentLineNumber}: refused, for it declares an XML entity ({error!r}); "
            "remove the declaration"
        ) from error
    # What precedes the end of the document came in the last pieces.
    yield from units.finished


class _TranslationUnits:
    """The parser's target: keeps the translation unit at hand, and those finished since the last look."""

    CODES = frozenset({"bpt", "ept", "it", "ph", "ut"})
    LANG = "{http://www.w3.org/XML/1998/namespace}lang"

    def __init__(self, source: str, target: str):
        self.languages = (_subtags(source), _subtags(target))
        self.expat: Any = None
        self.finished: list[RawPair] = []
        self.characters = 0
        self._texts: list[str | None] = [None, None]
        self._language = ""
        self._segment: list[str] | None = None
        self._code_depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "tu":
            self._texts = [None, None]
        elif tag == "tuv":
            self._language = attributes.get(self.LANG) or attributes.get("lang", "")
        elif tag == "seg":
            self._segment, self.characters = [], 0
        elif tag in self.CODES:
            self._code_depth += 1

    def data(self, text: str) -> None:
        if self._segment is not None and not self._code_depth:
            self._segment.append(text)
            self.characters += len(text)

    def end(self, tag: str) -> None:
        if tag in self.CODES:
            self._code_depth -= 1
        elif tag == "seg":
            subtags = _subtags(self._language)
            for side, wanted in enumerate(self.languages):
                if self._texts[side] is None and subtags[: len(wanted)] == wanted:
                    self._texts[side] = "".join(self._segment)
            self._segment = None
        elif tag == "tu" and None not in self._texts:
            self.finished.append(RawPair(*self._texts, self.expat.CurrentLineNumber))

    def close(self) -> None:
        """Part of the parser's interface; there is no tree to return."""


def _subtags(language: str) -> list[str]:
    return language.lower().replace("_", "-").split("-")
