"""Entity spans and their conversions from and to tokens with IOB2 tags."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """Half-open offsets in Unicode code points of a raw text."""

    start: int
    end: int

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, order=True)
class Entity:
    """A typed span; `confidence` is in 0 to 1."""

    span: Span
    type: str
    confidence: float = 1.0


def join_tokens(tokens: Sequence[str], spaced: bool = True) -> tuple[str, list[Span]]:
    """The text of a tokenised sentence and each token's span in it: joined by a space, or by nothing (zh, ja …)."""
    separator = " " if spaced else ""
    spans, start = [], 0
    for token in tokens:
        spans.append(Span(start, start + len(token)))
        start += len(token) + len(separator)
    return separator.join(tokens), spans


def locate_tokens(text: str, tokens: Sequence[str]) -> list[Span]:
    """Each token's span in the text it was taken from.

    Raises:
        ValueError: a token is not in the text after the one before it.
    """
    spans, start = [], 0
    for token in tokens:
        start = text.index(token, start)
        spans.append(Span(start, start + len(token)))
        start += len(token)
    return spans


def entities_of_tags(tags: Sequence[str], token_spans: Sequence[Span]) -> list[Entity]:
    """The entities that IOB2 tags mark, each from its first token's start to its last token's end."""
    # It brings scikit-learn, which takes a process longer to load than all of this folder, and few ask for it.
    from seqeval.metrics.sequence_labeling import get_entities

    return [
        Entity(Span(token_spans[first].start, token_spans[last].end), type_)
        for type_, first, last in get_entities(list(tags))
    ]


def tags_of_entities(entities: Iterable[Entity], token_spans: Sequence[Span]) -> list[str]:
    """IOB2 tags of the tokens; an entity becomes the tokens it overlaps, and the earlier of two entities wins."""
    tags = ["O"] * len(token_spans)
    for entity in sorted(entities):
        covered = [i for i, token in enumerate(token_spans) if token.overlaps(entity.span)]
        if any(tags[i] != "O" for i in covered):
            covered = [i for i in covered if tags[i] == "O"]
        for position, i in enumerate(covered):
            tags[i] = ("I-" if position else "B-") + entity.type
    return tags
