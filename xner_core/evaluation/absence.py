"""Entities whose counterpart the gold shows beyond doubt, with it and with it cut out: is its absence told?"""

from collections import Counter
from collections.abc import Sequence

from xner_core.text.spans import Entity, Span


def sole_counterparts(source: Sequence[Entity], target: Sequence[Entity]) -> list[tuple[int, Span]]:
    """The source entities that are the only ones of their type on both sides.

    Returns:
        the place of each in `source`, and its counterpart's span.
    """
    counts = [Counter(entity.type for entity in side) for side in (source, target)]
    spans = {entity.type: entity.span for entity in target}
    return [
        (place, spans[entity.type])
        for place, entity in enumerate(source)
        if all(count[entity.type] == 1 for count in counts)
    ]


def cut_out(text: str, span: Span) -> str:
    """The text without a span, and without one of the spaces next to it."""
    before, after = text[: span.start], text[span.end :]
    return before[:-1] + after if before.endswith(" ") else before + after.removeprefix(" ")
