"""Traditional and simplified Chinese characters."""

import re
from functools import lru_cache

from opencc import OpenCC

_converter = OpenCC("t2s")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
# Texts with these are Japanese or Korean, whose Chinese characters are left alone.
_KANA_OR_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")


@lru_cache(maxsize=1 << 16)
def simplified(character: str) -> str:
    """A character's simplified form; any other character as it is."""
    form = _converter.convert(character)
    return form if len(form) == 1 else character


def to_simplified(text: str) -> str:
    """A Chinese text in simplified characters, of the same length; any other text as it is."""
    if not _HAN.search(text) or _KANA_OR_HANGUL.search(text):
        return text
    return "".join(map(simplified, text))
