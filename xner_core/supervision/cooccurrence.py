"""Statistics of a corpus: which words of the target texts occur where a name occurs, and hardly elsewhere.

They know nothing of similarity, and tell best where a frequent name begins and ends. The measure is the coefficient of
Dice (1945, Ecology 26) over sentence pairs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from xner_core.alignment.boundaries import ORDINARY, word_kind
from xner_core.supervision.worded_text import WordedText, word_forms
from xner_core.text.spans import Span

# Pairs with a name, and among these with a rendering, that it takes, and how many are looked at.
_FEWEST = 3
_MOST = 300
_SMALLEST_SHARE = 0.3
_LEAST_DICE = 0.4
# A rendering may be this much worse than the name's best.
_NEAR_BEST = 0.8
_RENDERINGS = 5
# A name's words, and words of a rendering: unspaced characters, or so many more than the name has.
_LONGEST_NAME = 6
_LONGEST_UNSPACED = 8
_MORE_WORDS = 2

_Gram = tuple[str, ...]


class Cooccurrence:
    """For each name the runs of words that are most associated with it."""

    def __init__(
        self, names: Iterable[str], pairs: Sequence[tuple[Sequence[str], Sequence[str]]], unspaced: bool
    ) -> None:
        """Counts names and runs of words.

        Args:
            names: whose renderings are sought
            pairs: the forms of the words of both texts
            unspaced: whether each character of the target texts is a word
        """
        sought = {forms for name in names if 0 < len(forms := word_forms(name)) <= _LONGEST_NAME}
        places: dict[_Gram, list[int]] = defaultdict(list)
        for number, (source, _) in enumerate(pairs):
            for name in set(_grams(source, range(1, _LONGEST_NAME + 1))) & sought:
                places[name].append(number)
        together: dict[_Gram, Counter[_Gram]] = {}
        for name, found in places.items():
            if len(found) >= _FEWEST:
                sizes = range(1, _LONGEST_UNSPACED + 1 if unspaced else len(name) + _MORE_WORDS + 1)
                counts: Counter[_Gram] = Counter()
                for number in found[:_MOST]:
                    counts.update(set(_grams(pairs[number][1], sizes)))
                fewest = max(_FEWEST, _SMALLEST_SHARE * min(len(found), _MOST))
                together[name] = Counter({gram: count for gram, count in counts.items() if count >= fewest})
        wanted = {gram for counts in together.values() for gram in counts}
        sizes = range(1, max(map(len, wanted), default=0) + 1)
        everywhere: Counter[_Gram] = Counter()
        for _, target in pairs:
            everywhere.update(set(_grams(target, sizes)) & wanted)
        self._renderings: dict[_Gram, list[tuple[float, _Gram]]] = {}
        for name, counts in together.items():
            share = min(1.0, _MOST / len(places[name]))
            scored = [
                (2 * count / (len(places[name]) * share + everywhere[gram] * share), gram)
                for gram, count in counts.items()
            ]
            # Of runs that always occur together the longest.
            scored.sort(key=lambda item: (-round(item[0], 6), -len(item[1]), item[1]))
            if scored and scored[0][0] >= _LEAST_DICE:
                self._renderings[name] = scored[:_RENDERINGS]

    def find(self, name: str, text: WordedText) -> Span | None:
        """The most associated run of words that a text holds; nothing if it holds that more than once."""
        scored = self._renderings.get(word_forms(name), [])
        for dice, gram in scored:
            if dice < max(_LEAST_DICE, _NEAR_BEST * scored[0][0]):
                return None
            if found := [span for span in text.find(gram) if _has_edges(text.part(span))]:
                return found[0] if len(found) == 1 else None
        return None


def _grams(forms: Sequence[str], sizes: Iterable[int]) -> Iterator[_Gram]:
    for size in sizes:
        yield from zip(*(forms[shift:] for shift in range(size)), strict=False)


def _has_edges(text: str) -> bool:
    """Whether a run begins and ends with ordinary words."""
    worded = WordedText.of(text)
    first, last = worded.words[0], worded.words[-1]
    return all(word_kind(text[start:end]) == ORDINARY for start, end in (first, last))
