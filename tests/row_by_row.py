"""What `xner_core.training` does by columns, said for one label row and one text."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import regex

from xner_core.labels.schema import PROJECTED
from xner_core.text.spans import Entity, Span
from xner_core.text.words import HYPHENS, is_lower_case, is_unspaced
from xner_core.training.features import AnnotatedText, TargetScheme
from xner_core.training.losses import IGNORED
from xner_core.training.student_settings import TrustSettings

_AFTER_A_LETTER = regex.compile(rf"(?<=\p{{L}}[\p{{M}}\p{{Cf}}]*)[{HYPHENS}]")
_BEFORE_A_LETTER = regex.compile(rf"[{HYPHENS}]\p{{L}}")


def annotate_row(row: Mapping[str, Any], trust: TrustSettings) -> AnnotatedText:
    """What a student learns of a label row, which has the votes of the corpus on it if there are any."""
    scores: defaultdict[tuple[Span, str], float] = defaultdict(float)
    doubted, missed = set(), set()
    for label, vote in itertools.zip_longest(row["entities"], row.get("votes") or []):
        type_ = _type(label, vote, trust)
        if label["status"] != PROJECTED:
            # It may be anywhere in the target text, or nowhere.
            missed.add(type_)
            continue
        span = Span(label["target_start"], label["target_end"])
        scores[span, type_] += label["tagger_confidence"] * label["aligner_confidence"]
        if vote and vote["occurrences"] >= trust.support and vote["coverage"] < trust.outlier:
            doubted.add(span)
    projected = {span for span, _ in scores}
    for mention in (row["mentions"] or []) if trust.mentions else []:
        span = Span(mention["start"], mention["end"])
        scores[span, mention["type"]] += trust.mentions * mention["confidence"]
        if not any(span.overlaps(other) for other in projected) and (
            trust.unexplained is None or mention["confidence"] < trust.unexplained
        ):
            doubted.add(span)
    for name in row.get("recovered") or []:
        if name["occurrences"] >= trust.support:
            share = name["coverage"] * name["type_share"]
            span = Span(name["start"], name["end"])
            scores[span, name["type"]] += trust.names * share
            doubted.discard(span)
    text = row["target_text"]
    for span, type_ in scores:
        if is_lower_case(text[span.start : span.end]):
            scores[span, type_] *= trust.lowercase
        if _is_hyphenated(text, span):
            scores[span, type_] *= trust.hyphenated
    entities, masked = [], []
    for (span, type_), score in sorted(scores.items(), key=lambda item: (-item[1], item[0])):
        if not score or score < trust.masked or any(entity.span.overlaps(span) for entity in entities):
            continue
        if score >= trust.learnt and span not in doubted and not any(span.overlaps(other) for other in masked):
            entities.append(Entity(span, type_, min(1.0, score)))
        else:
            masked.append(span)
    entities.sort()
    # The script is asked for last: that reads the whole text, and few entities touch.
    if trust.touching and len(joined := _joined(entities)) < len(entities) and is_unspaced(text):
        entities = joined
    return AnnotatedText(text, entities, masked, frozenset(missed))


def _type(label: Mapping[str, Any], vote: Mapping[str, Any] | None, trust: TrustSettings) -> str:
    settled = vote and vote["projections"] >= trust.support and vote["type_share"] >= trust.voted
    return vote["type"] if settled else label["type"]


def _is_hyphenated(text: str, span: Span) -> bool:
    """Whether a hyphen with a letter beyond it is next to a span."""
    before = span.start > 0 and _AFTER_A_LETTER.match(text, span.start - 1)
    return bool(before or _BEFORE_A_LETTER.match(text, span.end))


def _joined(entities: Iterable[Entity]) -> list[Entity]:
    """Entities in order, those of one type that touch made one, as unsure as the least sure of them."""
    joined: list[Entity] = []
    for entity in entities:
        last = joined[-1] if joined else None
        if last and last.type == entity.type and last.span.end == entity.span.start:
            span = Span(last.span.start, entity.span.end)
            joined[-1] = Entity(span, entity.type, min(last.confidence, entity.confidence))
        else:
            joined.append(entity)
    return joined


def unit_targets(text: AnnotatedText, units: Sequence[Span], scheme: TargetScheme) -> list[int]:
    """The target of each unit of a text."""
    targets = [scheme.outside(text.missed)] * len(units)
    for entity in sorted(text.entities):
        covered = [i for i, unit in enumerate(units) if _mostly_inside(unit, entity.span)]
        for position, i in enumerate(covered):
            known = entity.type in scheme.types
            targets[i] = scheme.entity(entity.type, position == 0) if known else IGNORED
    for span in text.masked:
        for i, unit in enumerate(units):
            if unit.overlaps(span):
                targets[i] = IGNORED
    return targets


def _mostly_inside(unit: Span, span: Span) -> bool:
    shared = min(unit.end, span.end) - max(unit.start, span.start)
    return shared > 0 and 2 * shared >= unit.end - unit.start
