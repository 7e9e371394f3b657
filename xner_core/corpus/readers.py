"""The formats of parallel text. Each reader yields raw pairs in the order of the file, and holds only a few at once.

What is wrong with a single line or row is the `fault` of its pair. What makes a file unreadable from there on, or its
lines lose their counterparts, is an `XnerError` that names the file. TMX has a module of its own.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from xner_core.corpus.inputs import BadLine, Inflation, InputFile, read_lines
from xner_core.corpus.naming import best_name
from xner_core.errors import XnerError
from xner_core.storage.files import refuse_python_types

PARQUET_BATCH = 4096
MAX_FAULT = 300
_TRANSLATION = "translation"
_SIDES = ("source", "target")
_METADATA = ("score", "domain", "origin")


class RawPair(NamedTuple):
    """A sentence pair as the file has it.

    Attributes:
        source_text: Text in the source language; of a pair with a fault, what can be kept of it.
        target_text: Text in the target language.
        line: Line or row in the file, from 1; in TMX the line on which the translation unit ends.
        score: The score that the file gives the pair, or None.
        domain: The domain that the row itself names, or None.
        origin: Where the row itself says that it comes from, or None.
        fault: File, line, and why this is no pair of texts; None if it is one.
    """

    source_text: str
    target_text: str
    line: int
    score: float | None = None
    domain: str | None = None
    origin: str | None = None
    fault: str | None = None

    def turned(self) -> "RawPair":
        return self._replace(source_text=self.target_text, target_text=self.source_text)


class Malformed(Exception):
    """What is wrong with a line or row."""


def faulty(file: InputFile, line: int, fault: object, source_text: str, target_text: str = "") -> RawPair:
    """The pair of a line or row that is none."""
    what = str(fault)[:MAX_FAULT].encode("utf-8", "backslashreplace").decode()
    return RawPair(source_text, target_text, line, fault=f"{file.name}, line {line}: {what}")


def read_moses(source_file: InputFile, target_file: InputFile) -> Iterator[RawPair]:
    """Line-aligned text: line i of one file, or of a range of its lines, is the translation of line i of the other.

    Raises:
        XnerError: one file has more lines.
    """
    source_lines, target_lines = read_lines(source_file), read_lines(target_file)
    for line, (source_text, target_text) in enumerate(zip_longest(source_lines, target_lines), source_file.first + 1):
        if source_text is None or target_text is None:
            source_count = line - (source_text is None) + sum(1 for _ in source_lines)
            target_count = line - (target_text is None) + sum(1 for _ in target_lines)
            raise unequal_lines(source_file, source_count, target_file, target_count)
        if isinstance(source_text, BadLine):
            yield faulty(source_file, line, source_text.fault, source_text, target_text)
        elif isinstance(target_text, BadLine):
            yield faulty(target_file, line, target_text.fault, source_text, target_text)
        else:
            yield RawPair(source_text, target_text, line)


def unequal_lines(source_file: InputFile, source_count: int, target_file: InputFile, target_count: int) -> XnerError:
    """What to raise for a Moses pair whose files have different numbers of lines."""
    return XnerError(
        f"{source_file} has {source_count:,} lines but {target_file} has {target_count:,}: "
        "line i of one must be the translation of line i of the other; fetch or align them again"
    )


def read_tsv(file: InputFile, source: str, target: str) -> Iterator[RawPair]:
    """Tab-separated: source text, target text, and perhaps a score. No header, no quoting."""
    for line, text in enumerate(read_lines(file), file.first + 1):
        fields = text.split("\t")
        try:
            if isinstance(text, BadLine):
                raise Malformed(text.fault)
            if len(fields) not in (2, 3):
                raise Malformed(
                    f"{len(fields)} tab-separated columns; expected 2 ({source} text, {target} text) "
                    "or 3 (a score after them)"
                )
            score = _score(fields[2]) if len(fields) == 3 else None
        except Malformed as fault:
            yield faulty(file, line, fault, fields[0], "\t".join(fields[1:]))
        else:
            yield RawPair(fields[0], fields[1], line, score)


def read_json_lines(file: InputFile, source: str, target: str) -> Iterator[RawPair]:
    """One JSON object a line; see `_row_texts` for its keys."""
    for line, text in enumerate(read_lines(file), file.first + 1):
        try:
            if isinstance(text, BadLine):
                raise Malformed(text.fault)
            yield _row_pair(_json_object(text), line, source, target)
        except Malformed as fault:
            yield faulty(file, line, fault, text)


def _json_object(text: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not valid JSON ({error})") from error
    if not isinstance(row, dict):
        raise Malformed(f"a JSON object is expected, not {type(row).__name__}")
    return row


@dataclass(frozen=True)
class RowGroups(InputFile):
    """Some of the row groups of a Parquet file.

    Attributes:
        groups: The numbers of the first one, and of the one after the last.
    """

    groups: tuple[int, int] = (0, 0)


def read_parquet(file: InputFile, source: str, target: str) -> Iterator[RawPair]:
    """Parquet with the same columns as the keys of JSON lines; read a few thousand rows at a time.

    Raises:
        XnerError: the file cannot be read to its end, or holds far more than its size lets expect.
    """
    row_number, groups = file.first, range(*file.groups) if isinstance(file, RowGroups) else None
    try:
        with file.location.open_input() as stream:
            parquet, inflation = pq.ParquetFile(stream), file.inflation or Inflation(str(file), stream.size())
            names = tuple(parquet.schema_arrow.names)
            wanted = {_TRANSLATION, *_SIDES, *_METADATA, best_name(names, source), best_name(names, target)}
            columns = [name for name in names if name in wanted]
            refuse_python_types(str(file), pa.schema([parquet.schema_arrow.field(name) for name in columns]))
            for batch in parquet.iter_batches(PARQUET_BATCH, groups, columns):
                inflation.count(batch.nbytes)
                for row, bad in _rows(batch):
                    row_number += 1
                    try:
                        if bad:
                            raise Malformed(bad)
                        yield _row_pair(row, row_number, source, target)
                    except Malformed as fault:
                        kept = json.dumps(row, ensure_ascii=False, default=str)
                        yield faulty(file, row_number, fault, kept)
    except (pa.ArrowException, OSError) as error:
        raise unreadable_parquet(file, row_number, error) from error


def unreadable_parquet(file: InputFile, row_number: int, error: Exception) -> XnerError:
    """What to raise for a Parquet file that cannot be read on after a row, counted from 1."""
    return XnerError(f"{file}, after row {row_number}: not a readable Parquet file ({error})")


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[dict[str, Any], str | None]]:
    """The rows of a batch, each with what of it cannot be read."""
    try:
        yield from ((row, None) for row in batch.to_pylist())
    except (ValueError, OverflowError):
        for number in range(batch.num_rows):
            row = batch.slice(number, 1)
            try:
                yield row.to_pylist()[0], None
            except UnicodeDecodeError:
                yield {name: _lenient(row[name]) for name in batch.schema.names}, "not UTF-8"
            except (ValueError, OverflowError) as error:
                yield {name: _lenient(row[name]) for name in batch.schema.names}, f"a value of no use ({error})"


def _lenient(value: pa.Array) -> Any:
    """The only value of an array, with replacement characters for what is not UTF-8; None if it cannot be read."""
    if pa.types.is_struct(value.type):
        return {field.name: _lenient(part) for field, part in zip(value.type, value.flatten(), strict=True)}
    if pa.types.is_string(value.type) or pa.types.is_large_string(value.type):
        raw = value.cast(pa.large_binary()).to_pylist()[0]
        return None if raw is None else raw.decode("utf-8", "replace")
    try:
        return value.to_pylist()[0]
    except (ValueError, OverflowError):
        return None


def _row_pair(row: Mapping[str, Any], line: int, source: str, target: str) -> RawPair:
    source_text, target_text = map(_text, _row_texts(row, source, target))
    score, domain, origin = map(row.get, _METADATA)
    for name, value in (("domain", domain), ("origin", origin)):
        if value is not None and not isinstance(value, str):
            raise Malformed(f"{name} must be text, not {type(value).__name__}")
    score = None if score is None else _score(score)
    return RawPair(source_text, target_text, line, score, domain and _text(domain), origin and _text(origin))


def _row_texts(row: Mapping[str, Any], source: str, target: str) -> tuple[Any, Any]:
    """Both texts of a row: those of its languages under `translation`, those of its languages at the top, or its
    `source` and `target`, which in the company of the former say where the row comes from. A row whose translation
    is null has no texts.

    Raises:
        Malformed: it has none of them, or `source` and `target` beside one of the two languages.
    """
    translation = row.get(_TRANSLATION)
    names: list[str | None] = []
    for texts in (translation, row):
        if isinstance(texts, dict):
            names = [one, other] = [best_name(texts, language) for language in (source, target)]
            if one is not None and other is not None and one != other:
                return texts[one], texts[other]
    if _TRANSLATION in row and translation is None:
        return None, None
    keys = ", ".join(sorted(row)) or "(none)"
    if all(side in row for side in _SIDES) and not isinstance(translation, dict):
        # A row's number is far more often called `id` than Indonesian text is.
        one = [name for name in names if name is not None and name.lower() != "id"]
        if one:
            raise Malformed(f"ambiguous, having {one[0]} as well as source and target; keys {keys}")
        if (row["source"], row["target"]) in ((source, target), (target, source)):
            raise Malformed(f"source and target say which languages, not what; keys {keys}")
        return row["source"], row["target"]
    raise Malformed(
        f"keys {keys}; expected source and target, or {source} and {target}, "
        f"or translation holding {source} and {target}"
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"a text is expected, not {type(value).__name__}")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise Malformed(f"not valid Unicode ({error})") from error
    return value


def _score(value: Any) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError, OverflowError):
        score = math.nan
    if isinstance(value, bool) or not math.isfinite(score):
        raise Malformed(f"the score must be a finite number, not {str(value)[:40]!r}")
    return score
