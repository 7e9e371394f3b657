"""Many texts as one array of code points, and what is known of each code point by itself.

Most texts are made of characters whose words and normal form do not depend on their neighbours. Of these all is found
with array operations over many texts at once; a *context* character sends its text to `words` and `normal_form`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import regex

from xner_core.text.normal_form import normal_form
from xner_core.text.scripts import CUT_BY_CHARACTER, CUT_BY_DICTIONARY, LONG_VOWELS, characters
from xner_core.text.words import is_within_unspaced

CONTEXT, SPACE, RUN, LONE = range(4)
_CODES = 0x110000
# Beyond, no character is of a script without spaces; nor are there many letters beyond the basic plane.
_UNSPACED_CODES, _BASIC_CODES = 0x40000, 0x10000

_CHARACTER = rf"[[{characters(CUT_BY_CHARACTER)}{LONG_VOWELS}]&&[\p{{L}}\p{{Nl}}]]"
_BY_THEMSELVES = (
    r"[\p{L}\p{N}\p{P}\p{S}]--[\p{M}\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=Prepend}\p{GCB=ZWJ}\p{GCB=Control}"
    rf"\p{{GCB=L}}\p{{GCB=V}}\p{{GCB=T}}\p{{GCB=Regional_Indicator}}{characters(CUT_BY_DICTIONARY)}]"
)
_CLASSES = {
    RUN: rf"[[{_BY_THEMSELVES}]&&[\p{{L}}\p{{N}}\p{{Pc}}]]",
    LONE: rf"[[{_BY_THEMSELVES}]--[\p{{L}}\p{{N}}\p{{Pc}}]]",
}
# Between two of these, some signs belong to a word; see `words`.
_SIGNS = (
    (r"['’״׳\"]", r"[\p{Hebrew}\p{Cyrillic}]", r"[\p{Hebrew}\p{Cyrillic}]"),
    (":", r"\p{Lu}", r"\p{Ll}"),
    ("·", "[lL]", "[lL]"),
)


class CharacterTables(NamedTuple):
    """Of each code point: its class, the code point of its normal form, and whether it is of a script without spaces.

    Those of the class `CONTEXT` are their own form here. `signs` has a bit for each set of characters of `_SIGNS`.
    """

    classes: np.ndarray
    forms: np.ndarray
    unspaced: np.ndarray
    signs: np.ndarray


@cache
def character_tables() -> CharacterTables:
    """Made once in a process, in some tenths of a second."""
    classes = np.zeros(_CODES, np.uint8)
    forms = np.arange(_CODES, dtype=np.uint32)
    basic = "".join(map(chr, range(_BASIC_CODES)))
    for class_, pattern in _CLASSES.items():
        classes[:_BASIC_CODES][_matching(pattern, basic)] = class_
    classes[:_BASIC_CODES][_matching(_CHARACTER, basic) & (classes[:_BASIC_CODES] == RUN)] = LONE
    for code in np.flatnonzero(classes):
        form = normal_form(chr(code))
        if len(form) == 1 and classes[ord(form)]:
            forms[code] = ord(form)
        else:
            classes[code] = CONTEXT
    for code in np.flatnonzero(_matching(r"[\s\x1c-\x1f]", basic)):
        if chr(code).isspace() and not normal_form(chr(code)):
            classes[code], forms[code] = SPACE, ord(" ")
    signs = np.zeros(_CODES, np.uint16)
    for bit, pattern in enumerate(pattern for patterns in _SIGNS for pattern in patterns):
        signs[:_BASIC_CODES] |= _matching(pattern, basic).astype(np.uint16) << bit
    unspaced = np.zeros(_CODES, bool)
    for code in range(_UNSPACED_CODES):
        unspaced[code] = is_within_unspaced(chr(code) * 2, 1)
    return CharacterTables(classes, forms, unspaced, signs)


def _matching(pattern: str, characters_: str) -> np.ndarray:
    found = np.zeros(len(characters_), bool)
    for match in regex.finditer(f"(?V1)(?:{pattern})+", characters_):
        found[match.start() : match.end()] = True
    return found


@dataclass(frozen=True)
class TextArrays:
    """Texts one after the other.

    Attributes:
        codes: the code points of all texts, uint32[characters]
        offsets: where each text begins, and the last one ends, int64[texts + 1]
    """

    codes: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of_column(cls, column: pa.Array | pa.ChunkedArray) -> "TextArrays":
        """The texts of a column of strings without nulls."""
        array = column.cast(pa.large_string())
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        if not len(array):
            return cls.of_strings([])
        _, offsets, content = array.buffers()
        offsets = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
        content = memoryview(content)[offsets[0] : offsets[-1]] if content else b""
        # Where characters begin: each byte of UTF-8 that continues none.
        begins = np.zeros(len(content) + 1, np.int64)
        np.cumsum((np.frombuffer(content, np.uint8) & 0xC0) != 0x80, out=begins[1:])
        return cls(_codes(str(content, "utf-8")), begins[offsets - offsets[0]])

    @classmethod
    def of_strings(cls, texts: Sequence[str]) -> "TextArrays":
        """Some texts."""
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        return cls(_codes("".join(texts)), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def text(self, number: int) -> str:
        """One of the texts."""
        return self.string(self.offsets[number], self.offsets[number + 1])

    def string(self, start: int, end: int) -> str:
        """The characters at some places of `codes`."""
        return self.codes[start:end].tobytes().decode("utf-32-le", "surrogatepass")

    def part(self, first: int, last: int) -> "TextArrays":
        """The texts from the first one to before the last one."""
        offsets = self.offsets[first : last + 1]
        return TextArrays(self.codes[offsets[0] : offsets[-1]], offsets - offsets[0])

    def spans(self, starts: np.ndarray, ends: np.ndarray) -> "TextArrays":
        """What stands at some places of `codes`, as texts of their own."""
        lengths = ends - starts
        offsets = np.zeros(len(starts) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        return TextArrays(self.codes[places], offsets)

    def rows(self) -> np.ndarray:
        """The number of the text of each character, int32[characters]."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.offsets))

    def context(self) -> np.ndarray:
        """Whether a text has characters that only its neighbours tell the words or the normal form of, bool[texts]."""
        tables = character_tables()
        found = tables.classes[self.codes] == CONTEXT
        signs = tables.signs[self.codes]
        for number in range(len(_SIGNS)):
            sign, before, after = ((signs >> (3 * number + place)) & 1 for place in range(3))
            found[1:-1] |= (sign[1:-1] & before[:-2] & after[2:]).astype(bool)
        count = np.zeros(len(found) + 1, np.int64)
        np.cumsum(found, out=count[1:])
        return count[self.offsets[1:]] > count[self.offsets[:-1]]


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
