"""Harder examples from agreed ones: other names, names that are not there, both directions.

Each function gives a new example, or None if it cannot be made of this one. In all of them, every link keeps the text
of its source and target span, but for what the function is there to change.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from xner_core.supervision.examples import Example, Link
from xner_core.text.normal_form import folded, normal_form
from xner_core.text.spans import Span
from xner_core.text.words import words

SWAPPED, REMOVED, MISMATCHED = "swapped", "removed", "mismatched"
_ENGLISH = "en"
# After these a word may be cut out together with the space that follows it.
_OPENING = frozenset(' ([{„“”"«»‘‚¿¡')
# Draws from a pool before an example is given up.
_TRIES = 10


class NamePool:
    """Agreed pairs of a name and its counterpart, by language, type, and capitalisation of both."""

    def __init__(self, examples: Iterable[Example]) -> None:
        self._pairs: dict[tuple, list[tuple[str, str]]] = defaultdict(list)
        for example in examples:
            for link in example.links:
                if link.agreed and link.target is not None:
                    names = _texts(example, link.source, link.target)
                    self._pairs[_kind(example, link.type, names)].append(names)

    def draw(self, example: Example, link: Link, target: Span, random: Random) -> tuple[str, str] | None:
        """A pair of names like that of a link and its target, but another one."""
        names = _texts(example, link.source, target)
        pairs = self._pairs.get(_kind(example, link.type, names), [])
        for _ in range(_TRIES if pairs else 0):
            drawn = random.choice(pairs)
            if all(normal_form(new) != normal_form(old) for new, old in zip(drawn, names, strict=True)):
                return drawn
        return None


def swap_names(example: Example, pool: NamePool, random: Random) -> Example | None:
    """Puts another pair of names in the place of an agreed pair, on both sides."""
    chosen = _choose(example, random)
    if chosen is None or (names := pool.draw(example, *chosen, random)) is None:
        return None
    link, aligned = chosen
    source = replace_span(example.source_text, link.source, names[0])
    target = replace_span(example.target_text, aligned, names[1])
    spans = _grown(link.source, names[0]), _grown(aligned, names[1])
    if not all(_is_edge(text, edge) for text, span in zip((source, target), spans, strict=True) for edge in span):
        return None
    links = []
    for other in example.links:
        if other is link:
            links.append(replace(link, source=spans[0], target=spans[1], origins=(SWAPPED, *link.origins)))
        else:
            links.append(
                replace(
                    other,
                    source=shift(other.source, link.source, len(names[0])),
                    target=other.target and shift(other.target, aligned, len(names[1])),
                )
            )
    return replace(example, source_text=source, target_text=target, links=tuple(links))


def remove_name(example: Example, random: Random) -> Example | None:
    """Cuts a name's counterpart out of the target text, with one space beside it; the answer is then null."""
    chosen = _choose(example, random)
    if chosen is None:
        return None
    link, aligned = chosen
    text = example.target_text
    start, end = aligned
    if text[end : end + 1] == " " and (start == 0 or text[start - 1] in _OPENING):
        end += 1
    elif start and text[start - 1] == " " and (end == len(text) or not text[end].isalnum()):
        start -= 1
    cut = Span(start, end)
    remaining = replace_span(text, cut, "")
    gone = folded(text[slice(*aligned)]) not in folded(remaining)
    if not gone or not words(remaining) or not _is_edge(remaining, start):
        return None
    links = [
        replace(link, target=None, confidence=1.0, origins=(REMOVED,))
        if other is link
        else replace(other, target=other.target and shift(other.target, cut, 0))
        for other in example.links
    ]
    return replace(example, target_text=remaining, links=tuple(links))


def mismatch(example: Example, others: Sequence[Example], random: Random) -> Example | None:
    """The target text of another example of the language, which holds none of these names: all answers are null."""
    if not example.links or not others:
        return None
    names = {folded(example.source_text[slice(*link.source)]) for link in example.links}
    names |= {folded(example.target_text[slice(*link.target)]) for link in example.links if link.target}
    for _ in range(_TRIES):
        other = random.choice(others)
        if other.language != example.language or other.pair_id == example.pair_id:
            continue
        text = folded(f"{other.source_text}\n{other.target_text}")
        if not any(name in text for name in names):
            links = [
                replace(link, target=None, agreed=True, confidence=1.0, origins=(MISMATCHED,)) for link in example.links
            ]
            return replace(example, target_text=other.target_text, links=tuple(links))
    return None


def reverse(example: Example) -> Example | None:
    """The sides exchanged: agreed names are sought in the English text."""
    links = [
        replace(link, source=link.target, target=link.source)
        for link in example.links
        if link.agreed and link.target is not None
    ]
    if not links:
        return None
    return replace(
        example,
        language=_ENGLISH,
        source_text=example.target_text,
        target_text=example.source_text,
        links=tuple(sorted(links, key=lambda link: link.source)),
    )


def replace_span(text: str, span: Span, new: str) -> str:
    """The text with another string in place of a span."""
    return text[: span.start] + new + text[span.end :]


def shift(span: Span, replaced: Span, length: int) -> Span:
    """Where a span lies after another one, which it does not overlap, has been replaced by so many characters."""
    if span.start < replaced.end:
        return span
    by = length - (replaced.end - replaced.start)
    return Span(span.start + by, span.end + by)


def _is_edge(text: str, place: int) -> bool:
    """Whether a place in a text is inside no word."""
    return not any(start < place < end for start, end in words(text))


def _grown(span: Span, new: str) -> Span:
    return Span(span.start, span.start + len(new))


def _choose(example: Example, random: Random) -> tuple[Link, Span] | None:
    """A random agreed link that shares no text with another one, and its target."""
    free = [
        (link, link.target)
        for link in example.links
        if link.agreed
        and link.target is not None
        and not any(
            other is not link
            and (
                other.source.overlaps(link.source) or (other.target is not None and other.target.overlaps(link.target))
            )
            for other in example.links
        )
    ]
    return random.choice(free) if free else None


def _texts(example: Example, source: Span, target: Span) -> tuple[str, str]:
    return example.source_text[slice(*source)], example.target_text[slice(*target)]


def _kind(example: Example, type_: str | None, names: tuple[str, str]) -> tuple:
    return example.language, type_, *map(_capitalisation, names)


def _capitalisation(name: str) -> str:
    if name == name.lower():
        return "none"
    return "all" if name == name.upper() and len(name) > 1 else "some"
