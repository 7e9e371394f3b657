"""Projected labels as training data: which pairs, and what each pair says about its target text."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from jsonargparse.typing import ClosedUnitInterval

from xner_core.files import read_table
from xner_core.projection.label_files import LabelFile
from xner_core.projection.schema import PROJECTED
from xner_core.spans import Entity, Span
from xner_core.training.features import AnnotatedText

COLUMNS = ["pair_id", "target_text", "entities", "mentions", "quarantine"]


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
