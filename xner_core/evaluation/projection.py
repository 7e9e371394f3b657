"""Scores the projection of entities on sentences whose two sides are annotated by hand."""

import json
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from xner_core.alignment.aligner import AlignerSettings, load_aligner
from xner_core.alignment.query import Alignment, AlignmentQuery
from xner_core.errors import XnerError
from xner_core.evaluation.conll import read_lines
from xner_core.evaluation.metrics import score
from xner_core.spans import Entity, Span, as_iob2, entities_of_tags, join_tokens, locate_tokens, tags_of_entities
from xner_core.tagging.tagger import Tagger, TaggerSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProjectionEvaluation:
    """What is scored on what.

    Args:
        gold: JSON lines (plain or .gz), one sentence a line, in several languages:
            {"id": …, "en": {"tokens": […], "tags": […], "text": …}, "de": {…}}; IOB2 tags; "text" may be missing
        target: language that entities are projected into
        source: language that they come from
        aligner: `similarity`, or a folder that train_aligner.py wrote
        encoder: encoder of the aligner; without it, the one that the aligner was fitted to
        entities: project the gold entities of the source side, or those that a tagger finds there
        tagger: the tagger: a Hugging Face name, a local folder, or `starter`
        label_map: `conll`, `ontonotes`, or a map from the tagger's entity types to those of the gold
    """

    gold: str
    target: str
    source: str = "en"
    aligner: str = "similarity"
    encoder: str | None = None
    entities: Literal["gold", "tagger"] = "gold"
    tagger: str = "starter"
    label_map: str | dict[str, str] = "conll"

    def __post_init__(self):
        if self.source == self.target:
            raise ValueError(f"source and target are both {self.source!r}")


@dataclass(frozen=True)
class AnnotatedSide:
    """One side of a gold sentence: its text, its tokens' spans in it, and their IOB2 tags."""

    text: str
    tokens: list[Span]
    tags: list[str]

    def entities(self) -> list[Entity]:
        return entities_of_tags(self.tags, self.tokens)


def evaluate_projection(settings: ProjectionEvaluation) -> dict[str, Any]:
    """Scores an aligner on hand-annotated sentence pairs, as the entities that it projects onto the target side.

    `bound` is the F1 that the counts of typed entities on the two sides allow at most, `share_of_bound` is f1 / bound,
    `share_null` is the share of source entities without a counterpart, and `pairs_per_second` counts the pairs with
    entities, for the others cost nothing.
    """
    pairs = read_gold(settings.gold, settings.source, settings.target)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    aligner = load_aligner(AlignerSettings(settings.aligner, settings.encoder), device)
    if settings.entities == "gold":
        entities = [source.entities() for source, _ in pairs]
    else:
        types = {entity.type for pair in pairs for side in pair for entity in side.entities()}
        tagger = Tagger(TaggerSettings(settings.tagger, settings.label_map), device)
        tagged = tagger.tag([source.text for source, _ in pairs])
        entities = [[entity for entity in found if entity.type in types] for found in tagged]
    queries = [
        AlignmentQuery(source.text, target.text, tuple(entity.span for entity in found))
        for (source, target), found in zip(pairs, entities, strict=True)
    ]
    started = time.monotonic()
    alignments = aligner.align(queries)
    seconds = time.monotonic() - started

    result = score([target.tags for _, target in pairs], projected_tags(pairs, entities, alignments))
    answers = [alignment for found in alignments for alignment in found]
    bound = count_bound(pairs)
    return {
        "status": "done",
        "gold": settings.gold,
        "source": settings.source,
        "target": settings.target,
        "aligner": settings.aligner,
        "encoder": settings.encoder,
        "entities": settings.entities,
        **result,
        "bound": bound,
        "share_of_bound": result["f1"] / bound if bound else 0.0,
        "share_null": sum(answer.target is None for answer in answers) / len(answers) if answers else 0.0,
        "pairs": len(pairs),
        "source_entities": len(answers),
        "pairs_per_second": round(sum(bool(found) for found in entities) / seconds, 2),
    }


def projected_tags(
    pairs: Sequence[tuple[AnnotatedSide, AnnotatedSide]],
    entities: Sequence[Sequence[Entity]],
    alignments: Sequence[Sequence[Alignment]],
) -> list[list[str]]:
    """IOB2 tags of each target side's tokens; a span becomes the tokens that it overlaps."""
    return [
        tags_of_entities(
            [
                Entity(alignment.target, entity.type, alignment.confidence)
                for entity, alignment in zip(found, answers, strict=True)
                if alignment.target is not None
            ],
            target.tokens,
        )
        for (_, target), found, answers in zip(pairs, entities, alignments, strict=True)
    ]


def count_bound(pairs: Sequence[tuple[AnnotatedSide, AnnotatedSide]]) -> float:
    """F1 of the typed entity counts of the two sides, which no projection of the source entities can pass."""
    shared = total = 0
    for source, target in pairs:
        counts = [Counter(entity.type for entity in side.entities()) for side in (source, target)]
        shared += (counts[0] & counts[1]).total()
        total += counts[0].total() + counts[1].total()
    return 2 * shared / total if total else 0.0


def read_gold(path: str | Path, source: str, target: str) -> list[tuple[AnnotatedSide, AnnotatedSide]]:
    """The two sides of each sentence in a gold file.

    Raises:
        XnerError: no such file, a damaged one, or a line that is not as it should be; names the line.
    """
    pairs = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("not a JSON object")
            pairs.append((_side(row, source, f"{path}:{number}"), _side(row, target, f"{path}:{number}")))
        except ValueError as error:
            raise XnerError(f"{path}:{number}: {error}") from error
    if not pairs:
        raise XnerError(f"{path}: holds no sentence")
    return pairs


def _side(row: dict[str, Any], language: str, where: str) -> AnnotatedSide:
    if language not in row:
        languages = sorted(key for key, value in row.items() if isinstance(value, dict))
        raise ValueError(f"no side {language!r}; there are {', '.join(languages) or 'none'}")
    side = row[language]
    if not isinstance(side, dict) or not all(_are_strings(side.get(key)) for key in ("tokens", "tags")):
        raise ValueError(f"side {language!r} needs lists of strings, tokens and tags")
    tokens, tags, text = side["tokens"], side["tags"], side.get("text")
    if len(tokens) != len(tags):
        raise ValueError(f"side {language!r} has {len(tokens)} tokens, but {len(tags)} tags")
    for tag in tags:
        if tag != "O" and (tag[:2] not in ("B-", "I-") or not tag[2:]):
            raise ValueError(f"side {language!r}: {tag!r} is no IOB2 tag")
    tags = as_iob2(tags)
    if text is None:
        return AnnotatedSide(*join_tokens(tokens, language), tags)
    if not isinstance(text, str):
        raise ValueError(f"side {language!r}: text is not a string")
    try:
        return AnnotatedSide(text, locate_tokens(text, tokens), tags)
    except ValueError:
        logger.warning("%s: text of side %r does not hold its tokens in order; they are joined", where, language)
        return AnnotatedSide(*join_tokens(tokens, language), tags)


def _are_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
