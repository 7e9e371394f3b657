"""Simplified and traditional Chinese characters."""

from functools import lru_cache

from opencc import OpenCC

_to_simplified = OpenCC("t2s")
_to_traditional = OpenCC("s2tw")


@lru_cache(maxsize=1 << 16)
def simplified(character: str) -> str:
    """A character's simplified form; any other character as it is."""
    return _to_simplified.convert(character)


def to_traditional(text: str) -> str:
    """A text in traditional characters as they are written in Taiwan."""
    return _to_traditional.convert(text)
