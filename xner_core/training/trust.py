"""Which labels of a pair a student learns, and what stays open or masked."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import regex
from jsonargparse.typing import ClosedUnitInterval, NonNegativeFloat, PositiveInt

from xner_core.labels.schema import PROJECTED
from xner_core.text.spans import Entity, Span
from xner_core.text.words import HYPHENS, is_lower_case, is_unspaced
from xner_core.training.features import AnnotatedText

_AFTER_A_LETTER = regex.compile(rf"(?<=\p{{L}}[\p{{M}}\p{{Cf}}]*)[{HYPHENS}]")
_BEFORE_A_LETTER = regex.compile(rf"[{HYPHENS}]\p{{L}}")


@dataclass(frozen=True)
class TrustSettings:
    """Which labels a student learns.

    Each typed span that something speaks for has a score, the sum of: for a projected entity, the product of the
    tagger's and the aligner's confidence; for a mention, that is what the tagger finds in the target text by itself,
    its confidence; for a name that is an entity elsewhere in the corpus, the share of its occurrences in which it is
    one. The highest score first, a span that overlaps none before it is learnt as an entity or masked, neither an
    entity nor O, as these thresholds say. All they are applied to was written down before, so that other ones need no
    new projection. `names` to `support` need the votes of the corpus.

    Args:
        learnt: spans are learnt from this score on
        masked: spans of a lower score are masked from this one on; what is below it is O
        mentions: weight of mentions
        unexplained: mentions that overlap no projected entity are learnt from this confidence on, and at most masked
            below it; without it, none is learnt
        names: weight of names that are entities elsewhere in the corpus
        outlier: projected entities whose target string is an entity in a smaller share of its occurrences are at most
            masked
        voted: an entity takes the most frequent type of its source string if this share of its projections has it
        support: occurrences or projections of a name without which the corpus has no say
        lowercase: factor of the score of spans without a capital, in scripts that have them; with 0 they are O, as in
            languages that write names with capitals, but not what is derived from them ("francés")
        hyphenated: factor of the score of spans that a hyphen joins to another part of their word ("EU" in
            "EU-Budget"); with 0 they are O, since the word is no name
        touching: in scripts without spaces, entities of one type that touch are one ("美国" and "阿拉斯加州")
    """

    learnt: NonNegativeFloat = 0.6
    masked: NonNegativeFloat = 0.6
    mentions: NonNegativeFloat = 1.0
    unexplained: ClosedUnitInterval | None = None
    names: NonNegativeFloat = 1.0
    outlier: ClosedUnitInterval = 0.05
    voted: ClosedUnitInterval = 0.8
    support: PositiveInt = 5
    lowercase: ClosedUnitInterval = 0.0
    hyphenated: ClosedUnitInterval = 0.0
    touching: bool = True

    def __post_init__(self):
        if self.masked > self.learnt:
            raise ValueError(f"masked {self.masked} is more than learnt {self.learnt}")

    def annotate(self, row: Mapping[str, Any]) -> AnnotatedText:
        """What a student learns of a label row, which has the votes of the corpus on it if there are any."""
        scores: defaultdict[tuple[Span, str], float] = defaultdict(float)
        doubted, missed = set(), set()
        for label, vote in itertools.zip_longest(row["entities"], row.get("votes") or []):
            type_ = self._type(label, vote)
            if label["status"] != PROJECTED:
                # It may be anywhere in the target text, or nowhere.
                missed.add(type_)
                continue
            span = Span(label["target_start"], label["target_end"])
            scores[span, type_] += label["tagger_confidence"] * label["aligner_confidence"]
            if vote and vote["occurrences"] >= self.support and vote["coverage"] < self.outlier:
                doubted.add(span)
        projected = {span for span, _ in scores}
        for mention in (row["mentions"] or []) if self.mentions else []:
            span = Span(mention["start"], mention["end"])
            scores[span, mention["type"]] += self.mentions * mention["confidence"]
            if not any(span.overlaps(other) for other in projected) and (
                self.unexplained is None or mention["confidence"] < self.unexplained
            ):
                doubted.add(span)
        for name in row.get("recovered") or []:
            if name["occurrences"] >= self.support:
                share = name["coverage"] * name["type_share"]
                span = Span(name["start"], name["end"])
                scores[span, name["type"]] += self.names * share
                doubted.discard(span)
        text = row["target_text"]
        for span, type_ in scores:
            if is_lower_case(text[span.start : span.end]):
                scores[span, type_] *= self.lowercase
            if _is_hyphenated(text, span):
                scores[span, type_] *= self.hyphenated
        entities, masked = [], []
        for (span, type_), score in sorted(scores.items(), key=lambda item: (-item[1], item[0])):
            if not score or score < self.masked or any(entity.span.overlaps(span) for entity in entities):
                continue
            if score >= self.learnt and span not in doubted and not any(span.overlaps(other) for other in masked):
                entities.append(Entity(span, type_, min(1.0, score)))
            else:
                masked.append(span)
        entities.sort()
        # The script is asked for last: that reads the whole text, and few entities touch.
        if self.touching and len(joined := _joined(entities)) < len(entities) and is_unspaced(text):
            entities = joined
        return AnnotatedText(text, entities, masked, frozenset(missed))

    def _type(self, label: Mapping[str, Any], vote: Mapping[str, Any] | None) -> str:
        settled = vote and vote["projections"] >= self.support and vote["type_share"] >= self.voted
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
