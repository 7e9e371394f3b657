"""Which labels of a pair a student learns, and what stays open or masked."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonargparse.typing import ClosedUnitInterval, PositiveInt

from xner_core.projection.schema import PROJECTED
from xner_core.spans import Entity, Span
from xner_core.training.features import AnnotatedText


@dataclass(frozen=True)
class TrustSettings:
    """Which labels a student learns. Where these are not trusted, tokens are masked: neither an entity nor O.

    Every threshold is applied to columns that were written down before, so another one needs no new projection. The
    last four are applied to the votes of the corpus, where there are any.

    Args:
        tagger_confidence: projected entities of which the tagger was less sure are masked
        aligner_confidence: those of which the aligner was less sure
        contradicted: projected entities that a mention of this confidence overlaps with another span or type are
            masked; without it, none
        adopted: mentions that overlap no projected entity are learnt as entities from this confidence on; without it,
            none
        unexplained: other mentions are masked from this confidence on; without it, none
        outlier: projected entities whose target string is an entity in a smaller share of its occurrences are masked
        voted: an entity takes the most frequent type of its source string if this share of its projections has it
        recovered: a name that is an entity in this share of its occurrences is learnt where no projected entity is; if
            it is one in half of that share, it is masked there
        support: occurrences or projections of a name that are needed for any of these three
    """

    tagger_confidence: ClosedUnitInterval = 0.0
    aligner_confidence: ClosedUnitInterval = 0.0
    contradicted: ClosedUnitInterval | None = None
    adopted: ClosedUnitInterval | None = None
    unexplained: ClosedUnitInterval | None = None
    outlier: ClosedUnitInterval = 0.05
    voted: ClosedUnitInterval = 0.8
    recovered: ClosedUnitInterval = 0.6
    support: PositiveInt = 5

    def annotate(self, row: Mapping[str, Any]) -> AnnotatedText:
        """What a student learns of a label row, which has the votes of the corpus on it if there are any."""
        mentions = [_entity(mention, mention["confidence"]) for mention in row["mentions"] or []]
        entities, masked, missed, taken = [], [], set(), []
        for label, vote in itertools.zip_longest(row["entities"], row.get("votes") or []):
            type_ = self._type(label, vote)
            if label["status"] != PROJECTED:
                # It may be anywhere in the target text, or nowhere.
                missed.add(type_)
                continue
            confidence = label["tagger_confidence"] * label["aligner_confidence"]
            entity = Entity(Span(label["target_start"], label["target_end"]), type_, confidence)
            taken.append(entity.span)
            if self._doubts(label, vote) or self._is_contradicted(entity, mentions):
                masked.append(entity.span)
            else:
                entities.append(entity)
        for learnt, found in itertools.chain(self._recovered(row.get("recovered") or []), self._adopted(mentions)):
            if not any(found.span.overlaps(span) for span in taken):
                taken.append(found.span)
                if learnt:
                    entities.append(found)
                else:
                    masked.append(found.span)
        return AnnotatedText(row["target_text"], sorted(entities), masked, frozenset(missed))

    def _type(self, label: Mapping[str, Any], vote: Mapping[str, Any] | None) -> str:
        settled = vote and vote["projections"] >= self.support and vote["type_share"] >= self.voted
        return vote["type"] if settled else label["type"]

    def _doubts(self, label: Mapping[str, Any], vote: Mapping[str, Any] | None) -> bool:
        outlier = vote and vote["occurrences"] >= self.support and vote["coverage"] < self.outlier
        return bool(
            outlier
            or label["tagger_confidence"] < self.tagger_confidence
            or label["aligner_confidence"] < self.aligner_confidence
        )

    def _is_contradicted(self, entity: Entity, mentions: Sequence[Entity]) -> bool:
        return self.contradicted is not None and any(
            mention.confidence >= self.contradicted
            and mention.span.overlaps(entity.span)
            and (mention.span, mention.type) != (entity.span, entity.type)
            for mention in mentions
        )

    def _recovered(self, names: Sequence[Mapping[str, Any]]) -> list[tuple[bool, Entity]]:
        """Names that are entities elsewhere and are to be learnt (True) or masked (False) here."""
        return [
            (name["coverage"] >= self.recovered and name["type_share"] >= self.voted, _entity(name, name["coverage"]))
            for name in names
            if name["occurrences"] >= self.support and name["coverage"] >= self.recovered / 2
        ]

    def _adopted(self, mentions: Sequence[Entity]) -> list[tuple[bool, Entity]]:
        """Mentions that are to be learnt (True) or masked (False)."""
        adopted, unexplained = (1.1 if least is None else least for least in (self.adopted, self.unexplained))
        return [
            (mention.confidence >= adopted, mention)
            for mention in mentions
            if mention.confidence >= min(adopted, unexplained)
        ]


def _entity(found: Mapping[str, Any], confidence: float) -> Entity:
    return Entity(Span(found["start"], found["end"]), found["type"], confidence)
