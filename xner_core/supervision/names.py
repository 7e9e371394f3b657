"""The names of an English text: those that a tagger finds, and other runs of capitalised words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import normalize

from xner_core.alignment.boundaries import ORDINARY, word_kind
from xner_core.supervision.worded_text import WordedText
from xner_core.text.normal_form import folded
from xner_core.text.spans import Entity, Span
from xner_core.text.words import is_word

_CANDIDATE_LETTERS = 3
_ACRONYM_LETTERS = 2
# At most this share of all names are the same, or so many.
_MOST_OF_A_NAME = 0.01
_ALWAYS_OF_A_NAME = 5
# After these a word may have its capital only because a sentence begins.
_BEGINNERS = frozenset(".!?:;…\"“”„«»‘’'([*-–—•")


# But not where these stand inside a word.
_JOINERS = frozenset("-–’'")
# Dates are no names, though English capitalises them.
_DATES = frozenset(
    "January February March April May June July August September October November December "
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
)
_CLOSED = {")": "(", "]": "[", '"': '"', "”": "“", "»": "«"}


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a text; `type` is None for a candidate that no tagger found."""

    span: Span
    type: str | None


def find_candidates(text: WordedText) -> list[Span]:
    """Longest runs of capitalised words that do not owe their capital to the beginning of a sentence.

    Hyphens join a run. At the beginning of a sentence only a word in all capitals counts.
    """
    runs: list[Span] = []
    # Where the next word has to begin to continue the last run.
    continues = -1
    begins = True
    for start, end in text.words:
        word = text.text[start:end]
        if word == "-" and runs and runs[-1].end == start:
            continues = end
            begins = False
            continue
        if _is_candidate(word, begins):
            if runs and continues in (start, start - 1) and not text.text[continues:start].strip():
                runs[-1] = Span(runs[-1].start, end)
            else:
                runs.append(Span(start, end))
            continues = end
        joins = word in _JOINERS and text.text[max(start - 1, 0) : start].isalnum()
        begins = (word in _BEGINNERS and not joins) or (begins and not is_word(word))
    return runs


def _is_candidate(word: str, begins: bool) -> bool:
    if word.isupper() and normalize("NFC", word).isalpha() and len(word) >= _ACRONYM_LETTERS:
        return True
    return (
        not begins
        and word not in _DATES
        and len(word) >= _CANDIDATE_LETTERS
        and word[0].isupper()
        and word_kind(word) == ORDINARY
    )


def names_of(text: WordedText, entities: Sequence[Entity]) -> tuple[Name, ...]:
    """The tagger's entities and the candidates that overlap none of them, in the order of their starts.

    Taggers err at the edges of entities: symbols there are left out, and so are entities without a capital.
    """
    trimmed = [(_trim(text, entity.span), entity.type) for entity in entities]
    found = [Name(span, type_) for span, type_ in trimmed if span is not None]
    candidates = [
        Name(span, None) for span in find_candidates(text) if not any(span.overlaps(name.span) for name in found)
    ]
    return tuple(sorted(found + candidates, key=lambda name: name.span))


def _trim(text: WordedText, span: Span) -> Span | None:
    """A span without symbols at its edges; full stops after it stay, and so do brackets and quotes that it opens."""
    inside = [(start, end) for start, end in text.words if span.start <= start and end <= span.end]
    while inside and not is_word(text.text[slice(*inside[0])]):
        inside.pop(0)
    while inside and not is_word(last := text.text[slice(*inside[-1])]) and last != ".":
        if last in _CLOSED and any(text.text[start:end] == _CLOSED[last] for start, end in inside[:-1]):
            break
        inside.pop()
    if not inside:
        return None
    trimmed = Span(inside[0][0], inside[-1][1])
    return trimmed if any(character.isupper() for character in text.part(trimmed)) else None


def limit_names(texts: Sequence[WordedText], names: Sequence[tuple[Name, ...]]) -> list[tuple[Name, ...]]:
    """The names of each text without those that have had their share of all names."""
    most = max(_ALWAYS_OF_A_NAME, int(_MOST_OF_A_NAME * sum(map(len, names))))
    counts: Counter[str] = Counter()
    kept = []
    for text, found in zip(texts, names, strict=True):
        row = []
        for name in found:
            form = folded(text.part(name.span))
            counts[form] += 1
            if counts[form] <= most:
                row.append(name)
        kept.append(tuple(row))
    return kept
