"""What is measured of an aligner on gold sentence pairs: quality, calibration, null, speed."""

import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from xner_core.alignment.query import Alignment, AlignmentQuery
from xner_core.evaluation.absence import cut_out, sole_counterparts
from xner_core.evaluation.calibration import calibration_figures
from xner_core.evaluation.gold import GoldPair, count_f1
from xner_core.evaluation.metrics import score
from xner_core.text.spans import Entity, entities_of_tags, tags_of_entities


class EntityAligner(Protocol):
    """What is scored: xner's own aligners, and the rivals."""

    def align(self, queries: Sequence[AlignmentQuery]) -> list[list[Alignment]]: ...


def projection_figures(
    aligner: EntityAligner,
    pairs: Sequence[GoldPair],
    entities: Sequence[Sequence[Entity]],
    warm_up: int,
) -> dict[str, Any]:
    """All that is measured of an aligner; see `evaluate_projection`.

    Args:
        aligner: what is measured
        pairs: gold sentences
        entities: source entities of each pair
        warm_up: so many pairs are aligned before the clock starts
    """
    queries = [
        AlignmentQuery(
            source.text,
            target.text,
            tuple(entity.span for entity in found),
            tuple(entity.type for entity in found),
        )
        for (source, target), found in zip(pairs, entities, strict=True)
    ]
    asked = [query for query in queries if query.source_spans]
    if warm_up:
        aligner.align(asked[:warm_up])
    started = time.perf_counter()
    alignments = aligner.align(queries)
    seconds = time.perf_counter() - started

    result = score([target.tags for _, target in pairs], projected_tags(pairs, entities, alignments))
    answers = [alignment for found in alignments for alignment in found]
    of_counts = count_f1(pairs)
    return {
        **result,
        "count_f1": of_counts,
        "share_of_count_f1": result["f1"] / of_counts if of_counts else 0.0,
        "share_null": _share_null(answers) or 0.0,
        "calibration": calibration_figures(*judged(pairs, entities, alignments)),
        "null": null_figures(aligner, pairs, entities, alignments),
        "pairs": len(pairs),
        "source_entities": len(answers),
        "pairs_per_second": round(len(asked) / seconds, 2),
    }


def projected_tags(
    pairs: Sequence[GoldPair],
    entities: Sequence[Sequence[Entity]],
    alignments: Sequence[Sequence[Alignment]],
) -> list[list[str]]:
    """IOB2 tags of each target side's tokens; a span becomes the tokens that it overlaps."""
    return [
        tags_of_entities(_projected(found, answers), target.tokens)
        for (_, target), found, answers in zip(pairs, entities, alignments, strict=True)
    ]


def judged(
    pairs: Sequence[GoldPair],
    entities: Sequence[Sequence[Entity]],
    alignments: Sequence[Sequence[Alignment]],
) -> tuple[np.ndarray, np.ndarray]:
    """The confidence of all projected entities, and whether the gold has each with its type, both [projected].

    As in `projected_tags`, a span is the tokens that it overlaps.
    """
    confidence, right = [], []
    for (_, target), found, answers in zip(pairs, entities, alignments, strict=True):
        gold = {(entity.span, entity.type) for entity in target.entities()}
        for entity in _projected(found, answers):
            whole = entities_of_tags(tags_of_entities([entity], target.tokens), target.tokens)
            confidence.append(entity.confidence)
            right.append(bool(whole) and (whole[0].span, entity.type) in gold)
    return np.array(confidence, dtype=np.float64), np.array(right, dtype=bool)


def null_figures(
    aligner: EntityAligner,
    pairs: Sequence[GoldPair],
    entities: Sequence[Sequence[Entity]],
    alignments: Sequence[Sequence[Alignment]],
) -> dict[str, Any]:
    """How often entities with an undoubted counterpart are found null, with it, and when it has been cut out.

    Each is asked for alone when its counterpart has been cut out. Shares are None if there is no such entity.
    """
    kept: list[Alignment] = []
    queries = []
    for (source, target), found, answers in zip(pairs, entities, alignments, strict=True):
        for place, span in sole_counterparts(found, target.entities()):
            kept.append(answers[place])
            queries.append(
                AlignmentQuery(source.text, cut_out(target.text, span), (found[place].span,), (found[place].type,))
            )
    removed = [alignment for (alignment,) in aligner.align(queries)]
    return {"entities": len(kept), "aligned_null": _share_null(kept), "removed_null": _share_null(removed)}


def _projected(entities: Sequence[Entity], answers: Sequence[Alignment]) -> list[Entity]:
    return [
        Entity(alignment.target, entity.type, alignment.confidence)
        for entity, alignment in zip(entities, answers, strict=True)
        if alignment.target is not None
    ]


def _share_null(answers: Sequence[Alignment]) -> float | None:
    return sum(answer.target is None for answer in answers) / len(answers) if answers else None
