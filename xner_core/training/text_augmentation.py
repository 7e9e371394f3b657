"""Other ways in which a sentence may be written, so that a student knows names in them as well."""

import random
import string
from collections.abc import Mapping
from dataclasses import replace

from xner_core.text.normal_form import folded
from xner_core.text.spans import Entity, Span, join_tokens
from xner_core.text.words import has_case, is_unspaced, tokens
from xner_core.training.features import AnnotatedText
from xner_core.training.student_settings import AugmentationSettings


def augmented(text: AnnotatedText, settings: AugmentationSettings, seed: int) -> AnnotatedText:
    """The text, or another way to write it; always the same one of the same text and seed."""
    chance = random.Random(f"{seed} {text.text}")
    # All are drawn for each text, so that one share does not change what the other ones take.
    shares = settings.tokenised, settings.capitals, settings.datelines
    tokenised, capitals, dateline = (chance.random() < share for share in shares)
    if dateline:
        text = with_dateline(text, chance)
    if tokenised:
        text = as_tokens(text, settings.splits)
    return in_capitals(text) if capitals else text


def as_tokens(text: AnnotatedText, splits: Mapping[str, str] | None = None) -> AnnotatedText:
    """A text with one space between its tokens, or none in scripts without spaces.

    An entity within a token then takes the whole token.

    Args:
        text: the text
        splits: words in lower case that are written as several
    """
    spans = [Span(*token) for token in tokens(text.text)]
    splits = {folded(word): written for word, written in (splits or {}).items()}
    parts = [(span, part) for span in spans for part in _parts(text.text[span.start : span.end], splits)]
    joined, moved = join_tokens([part for _, part in parts], not is_unspaced(text.text))
    starts, ends = {}, {}
    for (span, _), new in zip(parts, moved, strict=True):
        starts.setdefault(span, new.start)
        ends[span] = new.end

    def move(span: Span) -> Span:
        inside = [word for word in spans if word.overlaps(span)]
        return Span(starts[inside[0]], ends[inside[-1]])

    entities = [replace(entity, span=move(entity.span)) for entity in text.entities]
    return replace(text, text=joined, entities=entities, masked=[move(span) for span in text.masked])


def _parts(word: str, splits: Mapping[str, str]) -> list[str]:
    parts = splits.get(folded(word))
    return (parts[:1].upper() + parts[1:] if word[0].isupper() else parts).split() if parts else [word]


def in_capitals(text: AnnotatedText) -> AnnotatedText:
    """A text in capitals; characters whose capitals are several (ß) stay as they are, so that all offsets do.

    So do marks, and the letters of scripts that have no capitals.
    """
    capitals = "".join(map(_capital, text.text))
    return replace(text, text=capitals)


def _capital(character: str) -> str:
    form = character.upper()
    return form if len(form) == 1 and character.isalpha() and has_case(character) else character


def with_dateline(text: AnnotatedText, chance: random.Random) -> AnnotatedText:
    """A text after the dateline of a news agency; one without a place, as it is.

    The place is one of the text's. The agency's sign and the month are random letters: what tells is where they stand.
    """
    places = [entity for entity in text.entities if entity.type == "LOC"]
    if not places:
        return text
    place = chance.choice(places)
    name = text.text[place.span.start : place.span.end]
    sign = "".join(chance.choices(string.ascii_uppercase, k=chance.randint(2, 6)))
    month = "".join(chance.choices(string.ascii_lowercase, k=3))
    before = chance.choice([f"{name} (", f"{name}, {chance.randint(1, 31)} {month} ("])
    line = f"{before}{sign}). "

    def move(span: Span) -> Span:
        return Span(span.start + len(line), span.end + len(line))

    entities = [
        replace(place, span=Span(0, len(name))),
        Entity(Span(len(before), len(before) + len(sign)), "ORG"),
        *(replace(entity, span=move(entity.span)) for entity in text.entities),
    ]
    return replace(text, text=line + text.text, entities=entities, masked=[move(span) for span in text.masked])
