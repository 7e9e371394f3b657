"""What an aligner is asked, and what it answers."""

from dataclasses import dataclass

from xner_core.text.spans import Span

# Why an entity has no target span.
EMPTY_TEXT = "empty text"
TEXT_TOO_LONG = "text too long"
BAD_SPAN = "entity holds no word of the text"
NO_COUNTERPART = "no counterpart"
NO_FREE_SPAN = "no span left"
DERIVED_WORD = "only a word derived from it"


@dataclass(frozen=True, slots=True)
class AlignmentQuery:
    """A sentence pair as raw text, and the source spans whose counterparts are sought.

    Attributes:
        source_text: the sentence in which the entities are known
        target_text: its translation
        source_spans: the entities
        source_types: their types, where they are known
    """

    source_text: str
    target_text: str
    source_spans: tuple[Span, ...]
    source_types: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Alignment:
    """The counterpart of one source span.

    Attributes:
        target: its span in the target text, or None if it is not there, or cannot be told
        confidence: probability that `target` is right; without a target, that of the best span, which was not enough
        reason: why there is no target, one of the reasons named in this module; None if there is one
    """

    target: Span | None
    confidence: float
    reason: str | None = None
