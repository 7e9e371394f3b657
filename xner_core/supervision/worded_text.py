"""A text and its words, compared in normal form without regard to case, and to whether Chinese is simplified."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from xner_core.text.chinese import simplified
from xner_core.text.normal_form import folded
from xner_core.text.spans import Span
from xner_core.text.words import words


@dataclass(frozen=True, slots=True)
class WordedText:
    """A raw text, its words as half-open offsets, and the form by which each word is compared."""

    text: str
    words: list[tuple[int, int]]
    forms: list[str]

    @classmethod
    def of(cls, text: str) -> Self:
        """A text with its words."""
        found = words(text)
        return cls(text, found, [_form(text[start:end]) for start, end in found])

    def part(self, span: Span) -> str:
        """The string of a span."""
        return self.text[span.start : span.end]

    def span(self, first: int, last: int) -> Span:
        """The span of words `first` to `last`, half-open."""
        return Span(self.words[first][0], self.words[last - 1][1])

    def find(self, forms: Sequence[str]) -> list[Span]:
        """Every occurrence of a sequence of forms."""
        size, sought = len(forms), list(forms)
        if not size:
            return []
        return [
            self.span(first, first + size)
            for first in range(len(self.forms) - size + 1)
            if self.forms[first] == sought[0] and self.forms[first : first + size] == sought
        ]


def word_forms(text: str) -> tuple[str, ...]:
    """The forms of a text's words."""
    return tuple(_form(text[start:end]) for start, end in words(text))


@lru_cache(maxsize=1 << 16)
def _form(word: str) -> str:
    form = folded(word)
    return simplified(form) if len(form) == 1 else form
