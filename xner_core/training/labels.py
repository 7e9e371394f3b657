"""Projected labels as training data: which files, which pairs, and what each pair says about its target text."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xner_core.errors import XnerError
from xner_core.files import Location, locate
from xner_core.projection.schema import PROJECTED
from xner_core.spans import Entity, Span
from xner_core.training.features import AnnotatedText

COLUMNS = ["pair_id", "target_text", "entities", "quarantine"]
_LAYOUT = re.compile(r"(?P<fingerprint>[^/]+)/language=(?P<language>[^/]+)/domain=(?P<domain>[^/]+)/[^/]+\.parquet$")


@dataclass(frozen=True)
class LabelFile:
    """One Parquet file of labels; equal `name`s mean equal content."""

    location: Location
    fingerprint: str
    language: str
    domain: str

    @property
    def name(self) -> str:
        return f"{self.fingerprint}/{self.language}/{self.domain}/{self.location.name}"


def find_label_files(folders: Sequence[str]) -> list[LabelFile]:
    """The label files in folders `…/labels/<fingerprint>`, or in partitions of these, in the order of their names.

    Raises:
        XnerError: a folder without label files, or a Parquet file that does not lie in a partition.
    """
    found: dict[str, LabelFile] = {}
    for folder in folders:
        paths = [path for path in locate(folder).files() if path.name.endswith(".parquet")]
        if not paths:
            raise XnerError(f"{folder}: no label files in this folder; project a corpus first, or mend the path")
        for path in paths:
            match = _LAYOUT.search(path.path)
            if not match:
                raise XnerError(
                    f"{path}: not in <fingerprint>/language=…/domain=…; name the labels/<fingerprint> folder "
                    "of a projection, or one of its partitions"
                )
            file = LabelFile(path, match["fingerprint"], match["language"], match["domain"])
            found[file.name] = file
    return [found[name] for name in sorted(found)]


def count_rows(file: LabelFile) -> int:
    """The rows of a label file, from its footer alone.

    Raises:
        XnerError: not a Parquet file, or one without the columns of labels.
    """
    with file.location.open_input() as stream:
        try:
            metadata = pq.read_metadata(stream)
        except pa.ArrowInvalid as error:
            raise XnerError(f"{file.location}: not a readable Parquet file ({error}); project it again") from error
    missing = set(COLUMNS) - set(metadata.schema.to_arrow_schema().names)
    if missing:
        raise XnerError(f"{file.location}: not a label file, it has no column {', '.join(sorted(missing))}")
    return metadata.num_rows


@dataclass(frozen=True)
class LabelFilter:
    """What training takes from labels.

    Attributes:
        min_tagger_confidence: projected entities below it are masked
        min_aligner_confidence: likewise
        held_out: share of the pairs that are kept for scoring; a pair's id decides
    """

    min_tagger_confidence: float = 0.0
    min_aligner_confidence: float = 0.0
    held_out: float = 0.0

    def training(self, table: pa.Table) -> Iterator[AnnotatedText]:
        """The target texts to train on."""
        return (self._annotated(row) for row in _rows(table) if not self._is_held_out(row["pair_id"]))

    def scoring(self, table: pa.Table) -> Iterator[AnnotatedText]:
        """The target texts that are held out."""
        return (self._annotated(row) for row in _rows(table) if self._is_held_out(row["pair_id"]))

    def _is_held_out(self, pair_id: str) -> bool:
        # Ids are uniform hashes. Their ends decide here, so that samples by their beginnings are independent of it.
        return int(pair_id[-8:], 16) < self.held_out * (1 << 32)

    def _annotated(self, row: dict[str, Any]) -> AnnotatedText:
        entities, masked, missed = [], [], set()
        for label in row["entities"]:
            if label["status"] != PROJECTED:
                # It may be anywhere in the target text, or nowhere.
                missed.add(label["type"])
                continue
            span = Span(label["target_start"], label["target_end"])
            if (
                label["tagger_confidence"] < self.min_tagger_confidence
                or label["aligner_confidence"] < self.min_aligner_confidence
            ):
                masked.append(span)
            else:
                entities.append(Entity(span, label["type"], label["tagger_confidence"] * label["aligner_confidence"]))
        return AnnotatedText(row["target_text"], entities, masked, frozenset(missed))


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows that are not in quarantine."""
    return (row for row in table.select(COLUMNS).to_pylist() if row["quarantine"] is None)


@dataclass
class LabelCounts:
    """What training data hold.

    Attributes:
        sentences: target texts
        entities: trusted entities by type
        masked: entities that were projected, but with too little confidence
        open: texts in which a projection failed, by the type that tokens outside their entities may then have
    """

    sentences: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    masked: int = 0
    open: Counter[str] = field(default_factory=Counter)

    def add(self, text: AnnotatedText) -> None:
        self.sentences += 1
        self.entities.update(entity.type for entity in text.entities)
        self.masked += len(text.masked)
        self.open.update(text.missed)

    @property
    def types(self) -> Collection[str]:
        return self.entities.keys() | self.open.keys()
