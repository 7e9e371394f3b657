"""Words of a raw text, as half-open offsets in Unicode code points; the text itself is never changed."""

import re

# Scripts that put no spaces between words: each character is a word of its own.
_UNSPACED = (
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f\u0e00-\u0edf\u1000-\u109f\u1780-\u17ff"
)
HYPHENS = "-\u2010\u2011"
_SPACED = rf"(?![{_UNSPACED}])\w"
# A word: one unspaced character, a run of other letters, digits and marks, or a single symbol.
_WORD = re.compile(rf"[{_UNSPACED}]|(?:{_SPACED})+|[^\w\s]")
# A token: an abbreviation, words that hyphens, points or & join, a number, or what else is a word.
_TOKEN = re.compile(
    rf"(?:(?![{_UNSPACED}])[^\W\d_]\.){{2,}}|(?:{_SPACED})+(?:[{HYPHENS}.&](?:{_SPACED})+|(?<=\d)[,:/]\d+)*|{_WORD.pattern}"
)

# What no token of a model should reach beyond, for tokenizers as well (Oniguruma): a word, or a run of unspaced ones.
UNBROKEN = rf"[{_UNSPACED}]+|(?:{_SPACED})+|[^\w\s]"

_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")

_UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "km", "my"})


def words(text: str) -> list[tuple[int, int]]:
    """The words of a text in order: runs of letters and digits, single symbols, single unspaced characters."""
    return [match.span() for match in _WORD.finditer(text)]


def tokens(text: str) -> list[tuple[int, int]]:
    """What a corpus of tokens has as such, in order: words, but abbreviations, numbers and hyphenated words whole."""
    return [match.span() for match in _TOKEN.finditer(text)]


def is_unspaced(text: str) -> bool:
    """Whether most letters of a text belong to a script that puts no spaces between words."""
    letters = [character for character in text if character.isalpha()]
    unspaced = sum(_UNSPACED_CHARACTER.match(character) is not None for character in letters)
    return 2 * unspaced > len(letters)


def is_within_unspaced(text: str, place: int) -> bool:
    """Whether the characters on both sides of a place are of scripts without spaces, and so perhaps of one word."""
    return 0 < place < len(text) and all(map(_UNSPACED_CHARACTER.match, text[place - 1 : place + 1]))


def is_unspaced_language(language: str) -> bool:
    """Whether a language, by its code (zh, zh-Hant, zh_TW), is written in such a script."""
    return language.replace("_", "-").split("-")[0] in _UNSPACED_LANGUAGES
