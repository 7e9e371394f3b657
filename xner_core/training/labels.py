"""Projected labels as training data: which files, which pairs, and what each pair says about its target text."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jsonargparse.typing import ClosedUnitInterval

from xner_core.errors import XnerError
from xner_core.files import Location, locate, read_table
from xner_core.projection.schema import PROJECTED
from xner_core.spans import Entity, Span
from xner_core.training.features import AnnotatedText

COLUMNS = ["pair_id", "target_text", "entities", "mentions", "quarantine"]
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


def find_label_files(folders: Sequence[str], domains: Collection[str] | None = None) -> list[LabelFile]:
    """The label files in folders `…/labels/<fingerprint>`, or in partitions of these, in the order of their names.

    Args:
        folders: local or s3://
        domains: only files of these domains

    Raises:
        XnerError: a folder without label files, a Parquet file that does not lie in a partition, or no such domain.
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
    there = {file.domain for file in found.values()}
    if domains is not None and not there >= set(domains):
        raise XnerError(
            f"{', '.join(folders)}: no labels of the domains {', '.join(sorted(set(domains) - there))}; "
            f"there are {', '.join(sorted(there))}"
        )
    return [found[name] for name in sorted(found) if domains is None or found[name].domain in domains]


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


def last_pair_of_sample(files: Sequence[LabelFile], pairs: int) -> str | None:
    """The id of the last of so many pairs, in the order of their ids; None if the files hold no more.

    Ids are uniform hashes of the texts, so these pairs are a random sample, and smaller samples lie within larger ones.
    """
    ids = [read_table(file.location, ["pair_id"])["pair_id"].to_numpy() for file in files]
    distinct = np.unique(np.concatenate(ids)) if ids else np.array([])
    return str(distinct[pairs - 1]) if pairs < len(distinct) else None


@dataclass(frozen=True)
class TrustSettings:
    """Which labels a student learns. The rest is masked: it is neither an entity nor O.

    Every threshold is applied to columns that the projection recorded, so another one needs no new projection.

    Args:
        tagger_confidence: projected entities of which the tagger was less sure are masked
        aligner_confidence: those of which the aligner was less sure
        unexplained: mentions that overlap no projected entity are masked from this confidence on; without it, none
        contradicted: projected entities that a mention of this confidence overlaps with another span or type are
            masked; without it, none
        adopted: mentions that overlap no projected entity are learnt as entities from this confidence on; without it,
            none
    """

    tagger_confidence: ClosedUnitInterval = 0.0
    aligner_confidence: ClosedUnitInterval = 0.0
    unexplained: ClosedUnitInterval | None = None
    contradicted: ClosedUnitInterval | None = None
    adopted: ClosedUnitInterval | None = None


@dataclass(frozen=True)
class LabelFilter:
    """What training takes from labels.

    Attributes:
        trust: which labels are learnt
        held_out: share of the pairs that are kept for scoring; a pair's id decides
        last_pair: the last pair id that is taken, in the order of ids; all pairs without it
    """

    trust: TrustSettings = field(default_factory=TrustSettings)
    held_out: float = 0.0
    last_pair: str | None = None

    def training(self, table: pa.Table) -> Iterator[AnnotatedText]:
        """The target texts to train on."""
        return (self._annotated(row) for row in self._rows(table) if not self._is_held_out(row["pair_id"]))

    def scoring(self, table: pa.Table) -> Iterator[AnnotatedText]:
        """The target texts that are held out."""
        return (self._annotated(row) for row in self._rows(table) if self._is_held_out(row["pair_id"]))

    def _rows(self, table: pa.Table) -> Iterator[dict[str, Any]]:
        """The rows of the sample on which no stage of the projection failed."""
        for row in table.select(COLUMNS).to_pylist():
            if row["quarantine"] is None and (self.last_pair is None or row["pair_id"] <= self.last_pair):
                yield row

    def _is_held_out(self, pair_id: str) -> bool:
        # Ids are uniform hashes. Their ends decide here, so that samples by their beginnings are independent of it.
        return int(pair_id[-8:], 16) < self.held_out * (1 << 32)

    def _annotated(self, row: Mapping[str, Any]) -> AnnotatedText:
        trust = self.trust
        mentions = [
            Entity(Span(found["start"], found["end"]), found["type"], found["confidence"])
            for found in row["mentions"] or []
        ]
        entities, masked, missed = [], [], set()
        explained = []
        for label in row["entities"]:
            if label["status"] != PROJECTED:
                # It may be anywhere in the target text, or nowhere.
                missed.add(label["type"])
                continue
            span = Span(label["target_start"], label["target_end"])
            entity = Entity(span, label["type"], label["tagger_confidence"] * label["aligner_confidence"])
            explained.append(span)
            if (
                label["tagger_confidence"] < trust.tagger_confidence
                or label["aligner_confidence"] < trust.aligner_confidence
                or _is_contradicted(entity, mentions, trust.contradicted)
            ):
                masked.append(span)
            else:
                entities.append(entity)
        for mention in mentions:
            if any(mention.span.overlaps(span) for span in explained):
                continue
            if trust.adopted is not None and mention.confidence >= trust.adopted:
                entities.append(mention)
            elif trust.unexplained is not None and mention.confidence >= trust.unexplained:
                masked.append(mention.span)
        return AnnotatedText(row["target_text"], sorted(entities), masked, frozenset(missed))


def _is_contradicted(entity: Entity, mentions: Sequence[Entity], confidence: float | None) -> bool:
    return confidence is not None and any(
        mention.confidence >= confidence
        and mention.span.overlaps(entity.span)
        and (mention.span, mention.type) != (entity.span, entity.type)
        for mention in mentions
    )


@dataclass
class LabelCounts:
    """What training data hold.

    Attributes:
        sentences: target texts
        entities: trusted entities by type
        masked: spans of projected entities and of mentions that are not trusted
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
