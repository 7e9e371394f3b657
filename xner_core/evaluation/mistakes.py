"""What kinds of mistakes a tagger makes, of which types, with examples.

Gold and predicted entities of a sentence are matched one to one, the better matches first: same span and type (right),
same span (wrong type), overlapping and same type (wrong boundary), overlapping (both wrong). What is left over is
missed or invented. The kinds follow the MUC-5 scores (Chinchor and Sundheim 1993).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xner_core.text.spans import Entity

MISSED, INVENTED, WRONG_BOUNDARY, WRONG_TYPE, BOTH_WRONG = KINDS = (
    "missed",
    "invented",
    "wrong boundary",
    "wrong type",
    "both wrong",
)
_RIGHT = "right"
# Kinds of a match by whether its spans and its types agree; the better ones first.
_MATCHES = {(True, True): _RIGHT, (True, False): WRONG_TYPE, (False, True): WRONG_BOUNDARY, (False, False): BOTH_WRONG}
_BEST_FIRST = list(_MATCHES.values())


@dataclass(frozen=True)
class Mistake:
    """One mistake; `gold` is None if the entity was invented, `predicted` is None if it was missed."""

    kind: str
    sentence: int
    gold: Entity | None
    predicted: Entity | None

    @property
    def type(self) -> str:
        """The gold's type, or that of what was invented."""
        entity = self.gold or self.predicted
        assert entity is not None, "a mistake has one or the other"
        return entity.type


def find_mistakes(gold: Sequence[Sequence[Entity]], predicted: Sequence[Sequence[Entity]]) -> Iterator[Mistake]:
    """The mistakes in each sentence, sentence by sentence."""
    for number, (own, found) in enumerate(zip(gold, predicted, strict=True)):
        matches = _match(own, found)
        for i, j, kind in matches:
            if kind != _RIGHT:
                yield Mistake(kind, number, own[i], found[j])
        for i in sorted(set(range(len(own))) - {i for i, _, _ in matches}):
            yield Mistake(MISSED, number, own[i], None)
        for j in sorted(set(range(len(found))) - {j for _, j, _ in matches}):
            yield Mistake(INVENTED, number, None, found[j])


def _match(own: Sequence[Entity], found: Sequence[Entity]) -> list[tuple[int, int, str]]:
    """Which gold entity is matched to which predicted one, and what the match is."""
    candidates = []
    for i, entity in enumerate(own):
        for j, other in enumerate(found):
            shared = min(entity.span.end, other.span.end) - max(entity.span.start, other.span.start)
            if shared > 0:
                kind = _MATCHES[entity.span == other.span, entity.type == other.type]
                candidates.append((_BEST_FIRST.index(kind), -shared, i, j))
    matches: list[tuple[int, int, str]] = []
    for rank, _, i, j in sorted(candidates):
        if all(i != other_i and j != other_j for other_i, other_j, _ in matches):
            matches.append((i, j, _BEST_FIRST[rank]))
    return matches


def count_mistakes(mistakes: Sequence[Mistake]) -> dict[str, Counter[str]]:
    """How often each kind occurs, by type."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for mistake in mistakes:
        counts[mistake.kind][mistake.type] += 1
    return counts
