"""Names as 64-bit keys of their normal forms, and where known names stand in texts, over many texts at once.

A key is a polynomial of the characters modulo 2^64, each a random number (Karp and Rabin 1987, IBM J. Res. Dev.), so
that the keys of all parts of a text come from one sum over it. Two given names have the same key with a chance of about
2^-64: among 10 million names, two do once in 400,000 corpora.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from xner_core.text.normal_form import normal_form
from xner_core.text.text_arrays import LONE, RUN, SPACE, TextArrays, character_tables
from xner_core.text.words import words

# Words of the longest name that is looked for (single characters in scripts without spaces).
_LONGEST = 12
# Arrays of so many texts stay in a processor's cache.
_TEXTS_AT_ONCE = 512
# One more than a multiple of 4, so that powers are all different; and what undoes it.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
# So many bits for each name make one false candidate in as many parts of texts.
_BITS_PER_NAME = 32


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Random numbers that go with some numbers, uint64 (the finaliser of SplitMix64, Steele et al. 2014, OOPSLA)."""
    numbers = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


@cache
def _of_character() -> np.ndarray:
    """The random number of each code point's normal form."""
    return mixed(character_tables().forms)


@cache
def _powers(base: int, length: int) -> np.ndarray:
    powers = np.full(length, base, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


_Segments = tuple[str, list[tuple[int, int]], list[tuple[int, int]]]


class _Sums(NamedTuple):
    """Sums over the characters of texts, of which the keys of all their parts come.

    Attributes:
        before: of all that stands before each place, uint64[characters + 1]
        undo: what takes the place within its text out of a sum that begins there, uint64[characters + 1]
    """

    before: np.ndarray
    undo: np.ndarray

    def keys(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Of the parts between some places; they neither begin nor end with white space."""
        return (self.before[ends] - self.before[starts]) * self.undo[starts]


def _sums(texts: TextArrays, left_out: np.ndarray | None = None) -> _Sums:
    """Of texts without context characters, but for those that are left out (bool[characters]), or in normal form."""
    tables = character_tables()
    counted = tables.classes[texts.codes] != SPACE
    # The last of a run of white space stands for all of it.
    spaces = np.flatnonzero(~counted[:-1] & counted[1:])
    counted[spaces] = True
    if left_out is not None:
        counted &= ~left_out
    place = np.zeros(len(counted) + 1, np.int64)
    np.cumsum(counted, out=place[1:])
    place -= np.append(np.repeat(place[texts.offsets[:-1]], np.diff(texts.offsets)), place[-1])
    length = 1 << int(place.max() + 1).bit_length()
    values = _of_character()[texts.codes] * _powers(_BASE, length)[place[:-1]]
    values *= counted
    before = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values, out=before[1:])
    return _Sums(before, _powers(_INVERSE, length)[place])


def name_keys(names: TextArrays) -> np.ndarray:
    """The keys of the normal forms of names, uint64[names]."""
    context = names.context()
    keys = _keys(names)
    if context.any():
        numbers = np.flatnonzero(context)
        keys[numbers] = _keys(TextArrays.of_strings([normal_form(names.text(number)) for number in numbers.tolist()]))
    return keys


def _keys(names: TextArrays) -> np.ndarray:
    starts, ends = names.offsets[:-1].copy(), names.offsets[1:]
    # At the beginnings of names, as nowhere else, white space may be of no account; at their ends it is not summed.
    black = np.flatnonzero(character_tables().classes[names.codes] != SPACE)
    place = np.searchsorted(black, starts)
    starts = np.minimum(np.append(black, len(names.codes))[place], ends)
    sums = _sums(names)
    last = np.append(0, black + 1)[np.searchsorted(black, ends)]
    return sums.keys(starts, np.maximum(starts, last))


class _Words(NamedTuple):
    """Words of several texts in order, an item each.

    Attributes:
        texts: the numbers of their texts
        starts, ends: where they stand in the code points of all texts
        before, after: sums up to their beginnings and ends
        undo: as of `_Sums`, at their beginnings
    """

    texts: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    before: np.ndarray
    after: np.ndarray
    undo: np.ndarray


class Found(NamedTuple):
    """Where names stand in texts, in order.

    Attributes:
        texts: the number of the text, int32[found]
        starts, ends: offsets in the code points of all texts, int64[found]
        names: the place of the name among all keys, int64[found]
    """

    texts: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    names: np.ndarray


class KeyIndex:
    """Where keys are among others, found from their first bits.

    Args:
        keys: in order, without doubles, uint64[keys]
    """

    def __init__(self, keys: np.ndarray) -> None:
        self.keys = keys
        bits = max(8, len(keys).bit_length())
        self._shift = np.uint64(64 - bits)
        self._first = np.searchsorted(keys, np.arange(1 << bits, dtype=np.uint64) << self._shift).astype(np.int32)

    def places(self, keys: np.ndarray) -> np.ndarray:
        """The places of some keys, -1 for those that are not there."""
        if not len(self.keys):
            return np.full(len(keys), -1)
        places = self._first[(keys >> self._shift).view(np.int64)].astype(np.int64)
        behind = np.arange(len(keys))
        while len(behind):
            at = np.minimum(places[behind], len(self.keys) - 1)
            behind = behind[(self.keys[at] < keys[behind]) & (at == places[behind])]
            places[behind] += 1
        places = np.minimum(places, len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)


class NameIndex:
    """Keys of names, and where these stand in texts.

    Args:
        keys: in order, without doubles, uint64[names]
    """

    def __init__(self, keys: np.ndarray) -> None:
        self.keys = keys
        self._index = KeyIndex(keys)
        bits = max(10, int(_BITS_PER_NAME * len(keys)).bit_length())
        self._shift = np.uint64(64 - bits)
        slots = (keys >> self._shift).view(np.int64)
        self._bits = np.zeros(1 << (bits - 3), np.uint8)
        np.bitwise_or.at(self._bits, slots >> 3, np.uint8(1) << (slots & 7).astype(np.uint8))

    def find(self, texts: TextArrays) -> Found:
        """Where names stand: from a text's start on the longest one at each word, none overlapping."""
        parts = []
        for first in range(0, len(texts), _TEXTS_AT_ONCE):
            part = texts.part(first, min(first + _TEXTS_AT_ONCE, len(texts)))
            numbers, starts, ends, names = self._find(part)
            moved = texts.offsets[first]
            parts.append(Found(numbers + np.int32(first), starts + moved, ends + moved, names))
        return Found(*map(np.concatenate, zip(*parts, strict=True))) if parts else Found(*[np.zeros(0, np.int64)] * 4)

    def _find(self, texts: TextArrays) -> Found:
        simple, others = _simple_words(texts), np.flatnonzero(texts.context())
        segments = [(number, _segments(texts.text(number))) for number in others.tolist()]
        candidates = [self._longest(simple)]
        if parted := [(number, parts) for number, parts in segments if parts is not None]:
            candidates.append(self._longest(_words_of_segments(texts, parted)))
        candidates += [self._longest_of_intertwined(texts, number) for number, parts in segments if parts is None]
        starts, ends, names = map(np.concatenate, zip(*candidates, strict=True))
        order = np.argsort(starts, kind="stable")
        starts, ends, names = starts[order], ends[order], names[order]
        taken = _without_overlaps(starts, ends)
        numbers = np.searchsorted(texts.offsets, starts[taken], side="right") - 1
        return Found(numbers.astype(np.int32), starts[taken], ends[taken], names[taken])

    def _longest(self, each: _Words) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Starts, ends and names of the longest name at each word that begins one."""
        longest, names = np.zeros(len(each.texts), np.int64), np.zeros(len(each.texts), np.int64)
        for length in range(1, min(_LONGEST, len(each.texts)) + 1):
            count = len(each.texts) - length + 1
            keys = (each.after[length - 1 :] - each.before[:count]) * each.undo[:count]
            slots = (keys >> self._shift).view(np.int64)
            begins = np.flatnonzero((self._bits.take(slots >> 3) >> (slots & 7).astype(np.uint8)) & 1)
            begins = begins[each.texts[begins] == each.texts[begins + length - 1]]
            places = self._index.places(keys[begins])
            begins, places = begins[places >= 0], places[places >= 0]
            longest[begins], names[begins] = length, places
        begins = np.flatnonzero(longest)
        return each.starts[begins], each.ends[begins + longest[begins] - 1], names[begins]

    def _longest_of_intertwined(self, texts: TextArrays, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same of a text whose normal form is not that of its words."""
        text = texts.text(number)
        spans = words(text)
        parts = [(start, end) for first, (start, _) in enumerate(spans) for _, end in spans[first : first + _LONGEST]]
        names = self._index.places(name_keys(TextArrays.of_strings([text[start:end] for start, end in parts])))
        found = {start: (end, name) for (start, end), name in zip(parts, names, strict=True) if name >= 0}
        starts = np.fromiter(found, np.int64) + texts.offsets[number]
        ends, places = np.array(list(found.values()), np.int64).reshape(-1, 2).T
        return starts, ends + texts.offsets[number], places


def _without_overlaps(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Which spans are taken, from the first on, where none may overlap the one taken before it, bool[spans]."""
    taken = np.ones(len(starts), bool)
    taken[1:] = starts[1:] >= np.maximum.accumulate(ends)[:-1]
    # Nothing reaches into those; the others follow one of them.
    before = last = -1
    for place in np.flatnonzero(~taken).tolist():
        if place != before + 1:
            last = ends[place - 1]
        if starts[place] >= last:
            taken[place], last = True, ends[place]
        before = place
    return taken


def _simple_words(texts: TextArrays) -> _Words:
    """The words of those texts that have no context characters."""
    context, rows = texts.context(), texts.rows()
    classes = character_tables().classes[texts.codes]
    left_out = context[rows] if context.any() else None
    if left_out is not None:
        classes[left_out] = SPACE
    run, lone = classes == RUN, classes == LONE
    after_run, before_run = np.zeros(len(run) + 1, bool), np.zeros(len(run) + 1, bool)
    after_run[1:], before_run[:-1] = run, run
    after_run[texts.offsets], before_run[texts.offsets] = False, False
    starts = np.flatnonzero(lone | (run & ~after_run[:-1]))
    ends = np.flatnonzero(lone | (run & ~before_run[1:])) + 1
    sums = _sums(texts, left_out)
    return _Words(rows[starts], starts, ends, sums.before[starts], sums.before[ends], sums.undo[starts])


def _words_of_segments(texts: TextArrays, segments: Sequence[tuple[int, _Segments]]) -> _Words:
    """The words of other texts, given by their numbers."""
    numbers, forms = [number for number, _ in segments], TextArrays.of_strings([form for _, (form, _, _) in segments])
    counts = [len(spans) for _, (_, spans, _) in segments]
    raw, in_form = (
        np.concatenate([np.array(places, np.int64).reshape(-1, 2) for places in several])
        for several in zip(*((spans, places) for _, (_, spans, places) in segments), strict=True)
    )
    raw += np.repeat(texts.offsets[numbers], counts)[:, None]
    in_form += np.repeat(forms.offsets[:-1], counts)[:, None]
    rows = np.repeat(np.array(numbers, np.int32), counts)
    starts, ends = in_form.T
    sums = _sums(forms)
    return _Words(rows, raw[:, 0], raw[:, 1], sums.before[starts], sums.before[ends], sums.undo[starts])


def _segments(text: str) -> _Segments | None:
    """A text's normal form, its words, and where their normal forms stand in it; None if these are not its parts."""
    spans, form = words(text), normal_form(text)
    pieces, places, last, end = [], [], 0, 0
    for start, stop in spans:
        piece = text[start:stop] if form == text else normal_form(text[start:stop])
        if end < start and pieces:
            pieces.append(" ")
            last += 1
        places.append((last, last + len(piece)))
        pieces.append(piece)
        last, end = last + len(piece), stop
    return (form, spans, places) if "".join(pieces) == form and all(pieces) else None
