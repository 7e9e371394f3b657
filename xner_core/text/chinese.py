"""Traditional and simplified Chinese characters."""

from functools import lru_cache

import regex
from opencc import OpenCC

from xner_core.text.scripts import HAN, HANGUL, KANA, KATAKANA_DOT

_converter = OpenCC("t2s")
_HAN = regex.compile(f"[{HAN}]")
# Texts with these are Japanese or Korean, whose Chinese characters are left alone.
_KANA_OR_HANGUL = regex.compile(f"[{KANA}{KATAKANA_DOT}{HANGUL}]")


@lru_cache(maxsize=1 << 16)
def simplified(character: str) -> str:
    """A character's simplified form; any other character as it is."""
    form = _converter.convert(character)
    return form if len(form) == 1 else character


def to_simplified(text: str) -> str:
    """A Chinese text in simplified characters, of the same length; any other text as it is."""
    if text.isascii() or not _HAN.search(text) or _KANA_OR_HANGUL.search(text):
        return text
    return "".join(map(simplified, text))
