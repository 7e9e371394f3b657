"""Other ways in which a sentence may be written, so that a student knows names in them as well."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from jsonargparse.typing import ClosedUnitInterval

from xner_core.spans import Entity, Span, join_tokens
from xner_core.text import is_unspaced, words
from xner_core.training.features import AnnotatedText


@dataclass(frozen=True)
class AugmentationSettings:
    """How many of the training texts are written in another way.

    Args:
        tokenised: share of the texts that read as a corpus of tokens does: all words and symbols set apart by a space,
            or, in scripts without spaces, by nothing
        capitals: share of the texts that are written in capitals, as headlines are
    """

    tokenised: ClosedUnitInterval = 0.5
    capitals: ClosedUnitInterval = 0.1

    def __call__(self, text: AnnotatedText, seed: int) -> AnnotatedText:
        """The text, or another way to write it; always the same one of the same text and seed."""
        chance = random.Random(f"{seed} {text.text}")
        # Both are drawn for each text, so that one share does not change what the other one takes.
        tokenised, capitals = chance.random() < self.tokenised, chance.random() < self.capitals
        if tokenised:
            text = as_tokens(text)
        return in_capitals(text) if capitals else text


def as_tokens(text: AnnotatedText) -> AnnotatedText:
    """A text with one space between all its words and symbols, or none in scripts without spaces."""
    spans = words(text.text)
    joined, moved = join_tokens([text.text[a:b] for a, b in spans], "zh" if is_unspaced(text.text) else "en")
    starts = {old[0]: new.start for old, new in zip(spans, moved, strict=True)}
    ends = {old[1]: new.end for old, new in zip(spans, moved, strict=True)}

    def move(span: Span) -> Span:
        inside = [word for word in spans if Span(*word).overlaps(span)]
        return Span(starts[inside[0][0]], ends[inside[-1][1]])

    return _rewritten(text, joined, move)


def in_capitals(text: AnnotatedText) -> AnnotatedText:
    """A text in capitals; characters whose capitals are several (ß) stay as they are, so that all offsets do."""
    capitals = "".join(form if len(form := character.upper()) == 1 else character for character in text.text)
    return replace(text, text=capitals)


def _rewritten(text: AnnotatedText, written: str, move: Callable[[Span], Span]) -> AnnotatedText:
    entities = [Entity(move(entity.span), entity.type, entity.confidence) for entity in text.entities]
    return replace(text, text=written, entities=entities, masked=[move(span) for span in text.masked])
