"""The form in which texts are compared, with and without case; the texts themselves stay as they are.

Nothing here keeps offsets: a normal form is only ever compared with another one.
"""

import re
import unicodedata

# Written with a joiner before they had characters of their own: Malayalam chillu letters, Bengali khanda ta.
_JOINED = {
    "\u0d23\u0d4d\u200d": "\u0d7a",
    "\u0d28\u0d4d\u200d": "\u0d7b",
    "\u0d30\u0d4d\u200d": "\u0d7c",
    "\u0d32\u0d4d\u200d": "\u0d7d",
    "\u0d33\u0d4d\u200d": "\u0d7e",
    "\u0d15\u0d4d\u200d": "\u0d7f",
    "\u09a4\u09cd\u200d": "\u09ce",
}
# Keyboards, word processors and languages differ in which of them they use for the same.
_APOSTROPHES = (
    "\u0060\u00b4\u02b9\u02bb\u02bc\u02bd\u02c8\u0374\u055a\u05f3\u1fbd\u1fef\u1ffd"
    "\u2018\u2019\u201b\u2032\ua78b\ua78c\uff07\uff40"
)
_HYPHENS = "\u058a\u05be\u2010\u2011\ufe63\uff0d"
# Yeh and kaf as Persian and Arabic keyboards have them; the stroke that only stretches a word.
_ARABIC = {"\u06cc": "\u064a", "\u06a9": "\u0643", "\u0640": ""}
_ALIKE = str.maketrans(dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_HYPHENS, "-") | _ARABIC)
_JOINED_LETTER = re.compile("|".join(_JOINED))
# Soft hyphens, joiners, marks of direction, variation selectors: Default_Ignorable_Code_Point, which collation ignores.
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_IGNORED = re.compile(f"[{_IGNORABLE}]+")
_VARIANT = re.compile(f"[{_IGNORABLE}{_APOSTROPHES}{_HYPHENS}{''.join(_ARABIC)}]")


def normal_form(text: str) -> str:
    """A text in Unicode NFKC without invisible characters, apostrophes and hyphens alike, white space collapsed.

    Case stays, since a sentence in capitals is another example of names than the same in lower case. Joiners go as they
    do in collation: with and without them is one word to those who write it, but for the few letters of Malayalam and
    Bengali that are told by them, which become characters of their own.
    """
    if not text.isascii():
        text = _without_variants(text)
        compatible = unicodedata.normalize("NFKC", text)
        if compatible != text:
            # Once more, for what other characters turn into.
            text = unicodedata.normalize("NFKC", _without_variants(compatible))
    elif "`" in text:
        text = text.replace("`", "'")
    # No space but the usual one is printable.
    if text.isprintable() and "  " not in text and not text.startswith(" ") and not text.endswith(" "):
        return text
    return " ".join(text.split())


def _without_variants(text: str) -> str:
    if not _VARIANT.search(text):
        return text
    text = _JOINED_LETTER.sub(lambda match: _JOINED[match[0]], text)
    return _IGNORED.sub("", text).translate(_ALIKE)


def folded(text: str) -> str:
    """The normal form of a text without case, and with one i for all that Turkish has."""
    text = normal_form(text)
    if text.isascii():
        return text.lower()
    # Folding may leave characters taken apart; a dotted capital I becomes an i with a dot above.
    cased = unicodedata.normalize("NFKC", text.casefold())
    plain = cased.replace("i\u0307", "i").replace("\u0131", "i")
    return plain if plain == text else normal_form(plain)
