"""What a notebook does with sentence pairs at hand: in this process, without Ray and without files."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import pyarrow as pa

from xner_core.alignment.aligner import Aligner
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.errors import XnerError
from xner_core.models.model_settings import STARTER
from xner_core.projection.stages import align_shard, tag_shard
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import Entity, Span

logger = logging.getLogger(__name__)

# Pairs that the models are given at once, which bounds memory.
_AT_ONCE = 1024
# Columns that the stages ask for, and that tell files apart.
_PROVENANCE = dict.fromkeys(("source_language", "shard", "tagger", "aligner"), "")


@dataclass(frozen=True)
class ProjectedEntity:
    """An entity of a source text, and its counterpart in the target text.

    Attributes:
        type: of the entity
        source: its span in the source text, half-open offsets in code points
        source_text: what stands there
        target: its span in the target text; None if it was not found there
        target_text: what stands there
        status: `projected`, with a target, or `unknown`, with a reason
        reason: why there is no target; None if there is one
        tagger_confidence: probability that the source text has this entity
        aligner_confidence: probability that `target` is right; without one, that of the best span, which was not enough
    """

    type: str
    source: Span
    source_text: str
    target: Span | None
    target_text: str | None
    status: Literal["projected", "unknown"]
    reason: str | None
    tagger_confidence: float
    aligner_confidence: float


@dataclass(frozen=True)
class ProjectedPair:
    """A sentence pair and its labels.

    Attributes:
        source_text: as it was given
        target_text: as it was given
        entities: those of the source text, in the order of their starts
        mentions: what the tagger finds in the target text by itself; None where it was not asked (`mentions=False`)
        quarantine: why there are no entities, if a model raised on this pair; None otherwise
    """

    source_text: str
    target_text: str
    entities: tuple[ProjectedEntity, ...]
    mentions: tuple[Entity, ...] | None
    quarantine: str | None


def load_tagger(model: str = STARTER, **settings: Any) -> Tagger:
    """The tagger, on its device.

    Args:
        model: a Hugging Face token classification model, a folder, local or s3://, or `starter`
        **settings: the other fields of `TaggerSettings`

    Raises:
        XnerError: no such model, or no GPU where `cuda` was asked for.
    """
    return TaggerSettings(model, **settings).load()


def load_aligner(model: str = STARTER, **settings: Any) -> Aligner:
    """The aligner, on its device.

    Args:
        model: `starter`, `similarity`, or a folder, local or s3://, that a training of aligners wrote
        **settings: the other fields of `AlignerSettings`

    Raises:
        XnerError: no such aligner or encoder, or no GPU where `cuda` was asked for.
    """
    return AlignerSettings(model, **settings).load()


def project(pairs: Iterable[tuple[str, str]], tagger: Tagger, aligner: Aligner) -> list[ProjectedPair]:
    """The labels of sentence pairs, in the order of the pairs, by the same stages as those of the job.

    A pair that a model raises on costs no other: it has no entities and a reason in `quarantine`, and a warning is
    logged.

    Args:
        pairs: source text and target text; nothing is cleaned, and duplicates stay
        tagger: finds the entities in the source texts
        aligner: finds them again in the target texts

    Raises:
        XnerError: a pair that is not two strings.
        RunFailure: what is no pair's fault, such as memory that does not suffice.
    """
    projected = [pair for table in _tables(pairs) for pair in _project(table, tagger, aligner)]
    if broken := sum(pair.quarantine is not None for pair in projected):
        logger.warning("%d of %d pairs are in quarantine, which says why", broken, len(projected))
    return projected


def _tables(pairs: Iterable[tuple[str, str]]) -> Iterator[pa.Table]:
    """The pairs, so many at once, with the columns that the stages read."""
    numbered = enumerate(pairs)
    while batch := list(islice(numbered, _AT_ONCE)):
        for number, pair in batch:
            if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
                raise XnerError(f"pair {number} is {pair!r}, not a source text and a target text")
        yield pa.table(
            {
                "pair_id": [str(number) for number, _ in batch],
                "source_text": [source for _, (source, _) in batch],
                "target_text": [target for _, (_, target) in batch],
                "score": pa.nulls(len(batch), pa.float32()),
                "origin": pa.nulls(len(batch), pa.string()),
            }
        )


def _project(pairs: pa.Table, tagger: Tagger, aligner: Aligner) -> Iterator[ProjectedPair]:
    labels = align_shard(aligner, pairs, tag_shard(tagger, pairs), _PROVENANCE)
    for row in labels.to_pylist():
        source, target, mentions = row["source_text"], row["target_text"], row["mentions"]
        yield ProjectedPair(
            source,
            target,
            tuple(_entity(source, target, entity) for entity in row["entities"]),
            None if mentions is None else tuple(_mention(mention) for mention in mentions),
            row["quarantine"],
        )


def _entity(source_text: str, target_text: str, label: dict[str, Any]) -> ProjectedEntity:
    source = Span(label["source_start"], label["source_end"])
    target = None if label["target_start"] is None else Span(label["target_start"], label["target_end"])
    return ProjectedEntity(
        type=label["type"],
        source=source,
        source_text=source_text[slice(*source)],
        target=target,
        target_text=target_text[slice(*target)] if target else None,
        status=label["status"],
        reason=label["reason"],
        tagger_confidence=label["tagger_confidence"],
        aligner_confidence=label["aligner_confidence"],
    )


def _mention(tag: dict[str, Any]) -> Entity:
    return Entity(Span(tag["start"], tag["end"]), tag["type"], tag["confidence"])
