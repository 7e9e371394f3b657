"""How names are spelt in scripts that put no spaces between words, learnt from a lexicon.

IBM model 1 (Brown et al. 1993, Computational Linguistics 19) between pairs of letters of English names and characters
of their renderings. In a sentence, a run of characters that a name's letters explain far better than the language does
is its transliteration; it begins and ends where that is no longer so.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from anyascii import anyascii

from xner_core.supervision.worded_text import WordedText, word_forms
from xner_core.text.spans import Span
from xner_core.text.words import is_word

_ROUNDS = 8
# Fewer renderings teach too little.
_FEWEST_NAMES = 500
# A character that the letters do not explain.
_FLOOR = 1e-5
# Log odds of a run: least sum, least mean, and the largest share of it that another run may have.
_LEAST_SUM = 6.0
_LEAST_MEAN = 2.0
_CLEARLY = 0.5


class Spelling:
    """Probabilities of characters given the letters of a name."""

    def __init__(self, names: Iterable[tuple[Sequence[str], Sequence[str]]], texts: Iterable[Sequence[str]]) -> None:
        """Learns from names and their renderings, and what is usual from texts of the language.

        Args:
            names: English words and the characters of the rendering, as forms
            texts: characters, as forms
        """
        usual = Counter(form for text in texts for form in text)
        total = sum(usual.values())
        self._usual = {form: count / total for form, count in usual.items()}
        self._rarest = 1 / (total + 1)
        renderings = [
            (_letter_pairs(name), characters)
            for name, forms in names
            if (characters := [form for form in forms if form.isalpha() and len(form) == 1])
            and not any(form.isascii() for form in characters)
        ]
        self._table = _model_1(renderings) if len(renderings) >= _FEWEST_NAMES else {}

    def find(self, name: str, text: WordedText) -> Span | None:
        """The run of characters that clearly spells a name."""
        letters = _letter_pairs(word_forms(name))
        if not self._table or not letters:
            return None
        scores = np.array([self._log_odds(letters, form) for form in text.forms])
        best = _best_run(scores)
        if best is None:
            return None
        first, last, score = best
        if last - first < 2 or score < max(_LEAST_SUM, _LEAST_MEAN * (last - first)):
            return None
        rest = scores.copy()
        rest[first:last] = -np.inf
        other = _best_run(rest)
        return None if other is not None and other[2] > _CLEARLY * score else text.span(first, last)

    def _log_odds(self, letters: Sequence[str], form: str) -> float:
        if not is_word(form):
            # What joins the parts of a name says nothing; what else it may be ends every run.
            return 0.0 if form in "·・•‧-" else -np.inf
        explained = sum(self._table.get((pair, form), 0.0) for pair in letters) / len(letters)
        return float(np.log(explained + _FLOOR) - np.log(self._usual.get(form, self._rarest) + _FLOOR))


def _letter_pairs(forms: Sequence[str]) -> list[str]:
    """Pairs of neighbouring letters, romanised; words begin and end with a mark."""
    pairs = []
    for form in forms:
        word = "".join(letter for letter in anyascii(form).casefold() if letter.isalpha())
        if word:
            marked = f"^{word}$"
            pairs += [marked[i : i + 2] for i in range(len(marked) - 1)]
    return pairs


def _model_1(renderings: Sequence[tuple[Sequence[str], Sequence[str]]]) -> dict[tuple[str, str], float]:
    """The probability of each character given each pair of letters."""
    numbers: dict[tuple[str, str], int] = {}
    entries, occurrences = [], []
    pair_numbers: dict[str, int] = {}
    occurrence = 0
    for pairs, characters in renderings:
        for character in characters:
            for pair in pairs:
                entries.append(numbers.setdefault((pair, character), len(numbers)))
                occurrences.append(occurrence)
            occurrence += 1
    entry, place = np.array(entries), np.array(occurrences)
    pair_of = np.array([pair_numbers.setdefault(pair, len(pair_numbers)) for pair, _ in numbers])
    table = 1 / np.bincount(pair_of)[pair_of]
    for _ in range(_ROUNDS):
        weight = table[entry]
        weight /= np.bincount(place, weight)[place]
        counts = np.bincount(entry, weight, minlength=len(numbers))
        table = counts / np.bincount(pair_of, counts)[pair_of]
    return dict(zip(numbers, table.tolist(), strict=True))


def _best_run(scores: np.ndarray) -> tuple[int, int, float] | None:
    """The half-open range with the largest sum, without zeros at its edges; None if none is positive."""
    best: tuple[int, int, float] | None = None
    start, total = 0, 0.0
    for place, score in enumerate(scores.tolist()):
        if total <= 0:
            start, total = place, 0.0
        total += score
        if total > 0 and score > 0 and (best is None or total > best[2]):
            best = (start, place + 1, total)
    return best
