"""Scripts, by their codes of ISO 15924: which characters they have, and which are written without spaces.

The characters are what Unicode's property Script says, as items of a set in a pattern of `regex` (or Oniguruma):
`regex.compile(f"[{HAN}{KANA}]")`.
"""

from collections.abc import Iterable

# Without spaces between words. Where even lines are broken by a dictionary (Unicode Standard Annex 14, class SA), ICU
# has one for words; in Tibetan a mark ends each syllable; of the others each character is a word of its own.
CUT_BY_DICTIONARY = ("Thai", "Laoo", "Khmr", "Mymr", "Tale", "Talu", "Lana", "Tavt", "Ahom")
CUT_BY_MARK = ("Tibt",)
CUT_BY_CHARACTER = ("Hani", "Hira", "Kana", "Bopo", "Java", "Bali", "Yiii")
_UNSPACED = frozenset((*CUT_BY_DICTIONARY, *CUT_BY_MARK, *CUT_BY_CHARACTER))
# What is no script to Unicode, but a way of writing in one or several.
_MIXED = {
    "Hans": ("Hani",),
    "Hant": ("Hani",),
    "Hanb": ("Hani", "Bopo"),
    "Hrkt": ("Hira", "Kana"),
    "Jpan": ("Hani", "Hira", "Kana"),
    "Kore": ("Hang", "Hani"),
}


def scripts_of(code: str) -> tuple[str, ...]:
    """The scripts of Unicode that letters of a text may be of whose script has this code: of `Jpan` three."""
    return _MIXED.get(code, (code,))


def is_unspaced_script(code: str) -> bool:
    """Whether texts of a script, or mixture of scripts, have no spaces between words."""
    return _UNSPACED.issuperset(scripts_of(code))


def characters(scripts: Iterable[str]) -> str:
    """The characters of some of Unicode's scripts."""
    return "".join(rf"\p{{{script}}}" for script in scripts)


# Marks of long vowels, of Hiragana and Katakana alike, so that Unicode has them in neither.
LONG_VOWELS = "\u30fc\uff70"
HAN = characters(["Hani"])
# Those of Han that are characters, rather than signs among them such as 々 and 〇, in their form of NFKC.
IDEOGRAPHS = r"\p{Unified_Ideograph}"
KANA = characters(["Hira", "Kana"]) + LONG_VOWELS
HANGUL = characters(["Hang"])
# Between words in Katakana; now and then in Chinese.
KATAKANA_DOT = "\u30fb"
