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
        spaced: share of the texts whose words and symbols are set apart by spaces, as corpora of tokens have them;
            texts of scripts without spaces stay as they are
        capitals: share of the texts that are written in capitals, as headlines are
    """

    spaced: ClosedUnitInterval = 0.5
    capitals: ClosedUnitInterval = 0.1

    def __call__(self, text: AnnotatedText, seed: int) -> AnnotatedText:
        """The text, or another way to write it; always the same one of the same text and seed."""
        chance = random.Random(f"{seed} {text.text}")
        # Both are drawn for each text, so that one share does not change what the other one takes.
        spaced, capitals = chance.random() < self.spaced, chance.random() < self.capitals
        if spaced and not is_unspaced(text.text):
            text = set_apart(text)
        return in_capitals(text) if capitals else text


def set_apart(text: AnnotatedText) -> AnnotatedText:
    """A text with one space between all its words and symbols."""
    spans = words(text.text)
    spaced, moved = join_tokens([text.text[start:end] for start, end in spans], "en")
    starts = {old[0]: new.start for old, new in zip(spans, moved, strict=True)}
    ends = {old[1]: new.end for old, new in zip(spans, moved, strict=True)}

    def move(span: Span) -> Span:
        inside = [word for word in spans if Span(*word).overlaps(span)]
        return Span(starts[inside[0][0]], ends[inside[-1][1]])

    return _rewritten(text, spaced, move)


def in_capitals(text: AnnotatedText) -> AnnotatedText:
    """A text in capitals; characters whose capitals are several (ß) stay as they are, so that all offsets do."""
    capitals = "".join(form if len(form := character.upper()) == 1 else character for character in text.text)
    return replace(text, text=capitals)


def _rewritten(text: AnnotatedText, written: str, move: Callable[[Span], Span]) -> AnnotatedText:
    entities = [Entity(move(entity.span), entity.type, entity.confidence) for entity in text.entities]
    return replace(text, text=written, entities=entities, masked=[move(span) for span in text.masked])
