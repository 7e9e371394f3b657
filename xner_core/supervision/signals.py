"""Weak signals from the texts alone: each proposes at most one span of the target text for a name, or nothing."""

from functools import lru_cache

from anyascii import anyascii
from rapidfuzz.distance import Indel

from xner_core.supervision.worded_text import WordedText, word_forms
from xner_core.text.spans import Span
from xner_core.text.words import is_unspaced

# Letters of an identical name, and of one that is compared by its letters.
_IDENTICAL_LETTERS = 2
_SPELT_LETTERS = 4
# Similarity of the letters, 0 to 1, and how much less the next best may have.
_ALIKE = 0.8
_CLEARLY = 0.15
# A run of target words may have so many words more or fewer than the name; an unspaced one so many characters.
_MORE_WORDS = 1
_MOST_UNSPACED = 10


def find_identical(name: str, source: WordedText, target: WordedText) -> Span | None:
    """The name itself, if both texts hold it once, without regard to case."""
    forms = word_forms(name)
    if sum(map(len, forms)) < _IDENTICAL_LETTERS or len(source.find(forms)) != 1:
        return None
    found = target.find(forms)
    return found[0] if len(found) == 1 else None


def find_transliterated(name: str, target: WordedText) -> Span | None:
    """The run of words whose romanised letters are most like the name's, if it is alike, and clearly the only one.

    Nothing if the text holds the name itself, which another signal tells.
    """
    forms = word_forms(name)
    letters = "".join(_romanised(form) for form in forms)
    if len(letters) < _SPELT_LETTERS or target.find(forms):
        return None
    spelt = [_romanised(form) for form in target.forms]
    if is_unspaced(target.text):
        sizes = range(1, _MOST_UNSPACED + 1)
    else:
        sizes = range(max(1, len(forms) - _MORE_WORDS), len(forms) + _MORE_WORDS + 1)
    scored = []
    for size in sizes:
        for first in range(len(spelt) - size + 1):
            if spelt[first] and spelt[first + size - 1]:
                run = "".join(spelt[first : first + size])
                score = Indel.normalized_similarity(letters, run, score_cutoff=_ALIKE - _CLEARLY)
                if score:
                    scored.append((score, -size, target.span(first, first + size)))
    if not scored:
        return None
    best, _, span = max(scored)
    if best < _ALIKE or any(score > best - _CLEARLY and not other.overlaps(span) for score, _, other in scored):
        return None
    return span


@lru_cache(maxsize=1 << 16)
def _romanised(word: str) -> str:
    return "".join(character for character in anyascii(word).casefold() if character.isalnum())
