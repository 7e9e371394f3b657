"""Examples that aligners learn from: sentence pairs and links between their names, and their files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from xner_core.errors import XnerError
from xner_core.storage.files import Location, locate, read_table, write_table
from xner_core.text.spans import Span

_LINK = pa.struct(
    {
        "source_start": pa.int32(),
        "source_end": pa.int32(),
        "target_start": pa.int32(),
        "target_end": pa.int32(),
        "agreed": pa.bool_(),
        "confidence": pa.float32(),
        "type": pa.string(),
        "origins": pa.list_(pa.string()),
    }
)
EXAMPLE_SCHEMA = pa.schema(
    {
        "pair_id": pa.string(),
        "language": pa.string(),
        "domain": pa.string(),
        "source_text": pa.string(),
        "target_text": pa.string(),
        "links": pa.list_(_LINK),
    }
)


@dataclass(frozen=True, slots=True)
class Link:
    """What is believed of one name's counterpart.

    Attributes:
        source: the name in the source text
        target: its counterpart in the target text; None means not there if `agreed`, and no guess otherwise
        agreed: whether the signals agree enough to learn from it
        confidence: probability, 0 to 1, that the link is right
        type: the entity type that the tagger gave the name; None for a name that it did not find
        origins: the signals that voted for `target`, or what made it None
    """

    source: Span
    target: Span | None
    agreed: bool
    confidence: float
    type: str | None
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence pair with the links of its names; `language` is that of the target text."""

    pair_id: str
    language: str
    domain: str
    source_text: str
    target_text: str
    links: tuple[Link, ...]


def write_examples(path: str | Path | Location, examples: Iterable[Example], metadata: Mapping[str, str]) -> None:
    """Writes one Parquet file, with the metadata in its schema."""
    rows = [
        {
            "pair_id": example.pair_id,
            "language": example.language,
            "domain": example.domain,
            "source_text": example.source_text,
            "target_text": example.target_text,
            "links": [_row(link) for link in example.links],
        }
        for example in examples
    ]
    table = pa.Table.from_pylist(rows, EXAMPLE_SCHEMA.with_metadata(dict(metadata)))
    write_table(_location(path), table)


def read_examples(folder: str | Path) -> list[Example]:
    """The examples of all Parquet files in a folder, at any depth.

    Raises:
        XnerError: there is no such file, or one that does not hold examples.
    """
    files = [file for file in locate(folder).files() if file.name.endswith(".parquet")]
    if not files:
        raise XnerError(f"{folder}: no Parquet files of examples; make some with xner train-aligner examples")
    return [example for file in files for example in _read_file(file)]


def read_metadata(path: str | Path | Location) -> dict[str, str]:
    """The metadata that a file of examples was written with.

    Raises:
        XnerError: no such file, or not a Parquet file.
    """
    location = _location(path)
    with location.open_input() as stream:
        try:
            metadata = pq.read_schema(stream).metadata or {}
        except pa.ArrowInvalid as error:
            raise XnerError(f"{location}: not a readable Parquet file ({error}); delete it and run again") from error
    return {key.decode(): value.decode() for key, value in metadata.items()}


def _location(path: str | Path | Location) -> Location:
    return path if isinstance(path, Location) else locate(path)


def _read_file(file: Location) -> list[Example]:
    table = read_table(file)
    if not table.schema.equals(EXAMPLE_SCHEMA):
        raise XnerError(f"{file}: not a file of examples of this version; delete it and make it again")
    return [Example(**row | {"links": tuple(_link(link) for link in row["links"])}) for row in table.to_pylist()]


def _row(link: Link) -> dict:
    return {
        "source_start": link.source.start,
        "source_end": link.source.end,
        "target_start": None if link.target is None else link.target.start,
        "target_end": None if link.target is None else link.target.end,
        "agreed": link.agreed,
        "confidence": link.confidence,
        "type": link.type,
        "origins": list(link.origins),
    }


def _link(row: dict) -> Link:
    return Link(
        source=Span(row["source_start"], row["source_end"]),
        target=None if row["target_start"] is None else Span(row["target_start"], row["target_end"]),
        agreed=row["agreed"],
        confidence=row["confidence"],
        type=row["type"],
        origins=tuple(row["origins"]),
    )
