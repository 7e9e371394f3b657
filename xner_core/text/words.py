"""Words of a raw text, as half-open offsets in Unicode code points; the text itself is never changed.

No word ends within a grapheme cluster (Unicode Standard Annex 29): vowel signs, tone marks, points, accents and
variation selectors belong to the character before them, whatever the normal form.
"""

from collections.abc import Iterator

import regex
from icu4py.breakers import WordBreaker

from xner_core.text.scripts import CUT_BY_CHARACTER, CUT_BY_DICTIONARY, CUT_BY_MARK, LONG_VOWELS, characters

HYPHENS = "-\u2010\u2011"

_DICTIONARY_SCRIPTS = characters(CUT_BY_DICTIONARY)
_CHARACTER_SCRIPTS = characters(CUT_BY_CHARACTER) + LONG_VOWELS
_DICTIONARY = rf"[[{_DICTIONARY_SCRIPTS}]&&[\p{{L}}\p{{Nl}}\p{{M}}]]"
_CHARACTER = rf"[[{_CHARACTER_SCRIPTS}]&&[\p{{L}}\p{{Nl}}]]"
_UNSPACED = rf"[[{_DICTIONARY_SCRIPTS}{_CHARACTER_SCRIPTS}{characters(CUT_BY_MARK)}]&&[\p{{L}}\p{{Nl}}\p{{M}}]]"
_SPACED = rf"[[\p{{L}}\p{{N}}\p{{Pc}}]--[{_DICTIONARY}{_CHARACTER}]]"
_PREPENDED = r"\p{GCB=Prepend}"
_SPACE = r"\s\x1c-\x1f"
_MARK = r"[\p{M}\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}]"
# Nobody sees these within a word.
_INVISIBLE = "\u00ad\u180e\u2060\ufeff"
_ZERO_WIDTH = "\u200c\u200d"
# Signs that are written within words: Hebrew quotes before the last letter of an abbreviation and after letters of
# foreign sounds, Cyrillic apostrophes, colons before the endings of Swedish and Finnish abbreviations, Catalan l·l.
_SIGN = (
    r"(?<=\p{Hebrew}\p{M}*)(?:['״׳](?=\p{Hebrew})|\"(?=\p{Hebrew}\p{M}*+(?!\p{Hebrew})))"
    r"|(?<=\p{Cyrillic}\p{M}*)['’](?=\p{Cyrillic})|(?<=\p{Lu}):(?=\p{Ll})|(?<=[lL])·(?=[lL])"
)


def _clusters(first: str) -> str:
    """A pattern of a grapheme cluster with such a first character, and of marks that UAX 29 lets stand alone."""
    return rf"(?={_PREPENDED}*{first})(?!{_PREPENDED}+[{_SPACE}])\X(?:(?=\p{{M}})\X)*"


# Unicode lets a sign that is prepended take even a space.
_LAST_PREPENDED = rf"{_PREPENDED}+(?![^{_SPACE}])"
# The first is what most runs are, and found faster.
_RUN = (
    rf"(?:[{_SPACED}--{_PREPENDED}]++(?!{_MARK}|[{_PREPENDED}{_INVISIBLE}]|{_SIGN})"
    rf"|{_clusters(_SPACED)}(?:(?:[{_INVISIBLE}]+|{_SIGN})?{_clusters(_SPACED)}|{_LAST_PREPENDED})*)"
)
_DICTIONARY_RUN = rf"(?P<dictionary>(?:{_clusters(_DICTIONARY)})+)"
# A word: a run of letters, digits and marks, one unspaced character, or a single symbol.
_WORD = rf"{_RUN}|{_DICTIONARY_RUN}|{_clusters(_CHARACTER)}|{_LAST_PREPENDED}|(?![{_SPACE}])\X"
# A token: an abbreviation, words that hyphens, points or & join, a number, or what else is a word.
_TOKEN = (
    rf"(?:(?=[{_SPACED}&&\p{{L}}]){_clusters(_SPACED)}\.(?!{_MARK})){{2,}}"
    rf"|{_RUN}(?:[{HYPHENS}.&]{_RUN}|(?<=\d)[,:/]\d+(?!{_MARK}))*|{_WORD}"
)
# What no token of a model should reach beyond, as tokenizers (Oniguruma) take it: a word, or a run of unspaced ones.
UNBROKEN = (
    rf"(?:{_UNSPACED}\p{{M}}*)+"
    rf"|(?:(?!{_UNSPACED})[\p{{L}}\p{{N}}\p{{Pc}}][\p{{M}}{_ZERO_WIDTH}]*(?:[{_INVISIBLE}]+(?=\p{{L}}))?)+|\S\p{{M}}*"
)
_WORDS = regex.compile(f"(?V1){_WORD}")
_ASCII_WORDS = regex.compile(rf"\w+(?:(?<=[A-Z]):(?=[a-z])\w+)*|[^\w{_SPACE}]", regex.ASCII)
_TOKENS = regex.compile(f"(?V1){_TOKEN}")
_CLUSTERS = regex.compile(r"\X(?:(?=\p{M})\X)*")
_UNSPACED_CHARACTER = regex.compile(f"(?V1){_UNSPACED}")
# To ICU bindings, characters beyond the basic plane are two, and lone surrogates are none.
_NOT_BASIC = regex.compile("[\ud800-\udfff\U00010000-\U0010ffff]")


def words(text: str) -> list[tuple[int, int]]:
    """The words of a text in order: runs of letters, digits and marks, single symbols, words of unspaced scripts.

    Of Thai, Lao, Khmer, Burmese and their like they are those of ICU's dictionaries; Chinese and Japanese characters
    are single words. Everything but white space belongs to a word.
    """
    if text.isascii():
        return [match.span() for match in _ASCII_WORDS.finditer(text)]
    return list(_spans(_WORDS, text))


def tokens(text: str) -> list[tuple[int, int]]:
    """What a corpus of tokens has as such, in order: words, but abbreviations, numbers and hyphenated words whole."""
    return list(_spans(_TOKENS, text))


def _spans(pattern: regex.Pattern, text: str) -> Iterator[tuple[int, int]]:
    for match in pattern.finditer(text):
        start, end = match.span()
        if match["dictionary"] is None:
            yield start, end
        else:
            for boundary in _dictionary_boundaries(text[start:end]):
                yield start, match.start() + boundary
                start = match.start() + boundary


def _dictionary_boundaries(run: str) -> Iterator[int]:
    """Where words of a run of letters end."""
    clusters = {match.end() for match in _CLUSTERS.finditer(run)}
    for _, end in WordBreaker(_NOT_BASIC.sub("\u0e01", run), "th").segments():
        # A dictionary may err within a cluster that no writer would write.
        if end in clusters:
            yield end


def is_word(word: str) -> bool:
    """Whether one of the words of a text is more than a symbol: it has letters or digits."""
    return any(map(str.isalnum, word))


def has_case(text: str) -> bool:
    """Whether a text has letters that are written as capitals or small.

    Georgian has none: its capitals of Unicode 11 are for texts that are written in them throughout, and no name begins
    with one, which is what title case tells.
    """
    return text.lower() != text.title()


def is_lower_case(text: str) -> bool:
    """Whether a text has letters with case, and all of them are small."""
    return text == text.lower() != text.title()


def is_unspaced(text: str) -> bool:
    """Whether most letters of a text belong to a script that puts no spaces between words."""
    letters = [character for character in text if character.isalpha()]
    unspaced = sum(_UNSPACED_CHARACTER.match(character) is not None for character in letters)
    return 2 * unspaced > len(letters)


def is_within_unspaced(text: str, place: int) -> bool:
    """Whether the characters on both sides of a place are of scripts without spaces, and so perhaps of one word."""
    return 0 < place < len(text) and all(map(_UNSPACED_CHARACTER.match, text[place - 1 : place + 1]))
