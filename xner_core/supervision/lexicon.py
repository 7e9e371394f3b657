"""Lists of names in English and other languages, and their occurrences in texts."""

import gzip
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Self

from xner_core.errors import XnerError
from xner_core.supervision.worded_text import WordedText, word_forms
from xner_core.text.spans import Span

_NAME = re.compile(r"\.en-(?P<language>[A-Za-z0-9_-]+)\.tsv(\.gz)?$")
_COLUMNS = 4
# An inflected form may lack the last letter of the listed one, and have so many letters more.
_INFLECTION_LETTERS = 3
# Shorter ones are beginnings of too many other words: they keep all letters and may have one or two more.
_SHORT_FORM = 5
_SHORT_INFLECTION_LETTERS = 2
_SHORTEST_INFLECTED = 3


def lexicon_language(path: str | Path) -> str:
    """The language of a list's other names, from its file name.

    Raises:
        XnerError: the name does not tell.
    """
    match = _NAME.search(Path(path).name)
    if match is None:
        raise XnerError(f"{path}: cannot tell its language; name lexicons <name>.en-<language>.tsv or .tsv.gz")
    return match["language"]


class Lexicon:
    """The listed renderings of English names in one language."""

    def __init__(self, renderings: Mapping[tuple[str, ...], Iterable[tuple[str, ...]]]) -> None:
        self._renderings = {name: sorted(set(found), key=lambda forms: (-_letters(forms), forms))
                            for name, found in renderings.items()}  # fmt: skip

    def __len__(self) -> int:
        return len(self._renderings)

    @classmethod
    def read(cls, paths: Iterable[str | Path]) -> Self:
        """Reads lists of one language: tab-separated type, English name, other name, id.

        Raises:
            XnerError: no such file, or a line that is not such.
        """
        renderings: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
        for path in paths:
            try:
                with (
                    gzip.open(path, "rt", encoding="utf-8")
                    if str(path).endswith(".gz")
                    else open(path, encoding="utf-8") as file
                ):
                    for number, line in enumerate(file, 1):
                        columns = line.rstrip("\r\n").split("\t")
                        if len(columns) != _COLUMNS or not all(column.strip() for column in columns[:3]):
                            raise XnerError(
                                f"{path}:{number}: expected type, English name, other name and id, separated by tabs"
                            )
                        name, other = word_forms(columns[1]), word_forms(columns[2])
                        if name and other:
                            renderings[name].add(other)
            except (OSError, EOFError, UnicodeDecodeError) as error:
                raise XnerError(f"{path}: not a readable lexicon ({error})") from error
        return cls(renderings)

    def __iter__(self) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """All English names with each of their renderings, as forms of words."""
        return ((name, other) for name, listed in self._renderings.items() for other in listed)

    def find(self, name: str, text: WordedText) -> Span | None:
        """The one occurrence of the longest listed rendering of a name, exact ones first, then inflected ones."""
        forms = word_forms(name)
        if forms[:1] == ("the",) and forms not in self._renderings:
            forms = forms[1:]
        listed = self._renderings.get(forms, ())
        for find in (WordedText.find, _find_inflected):
            for rendering in listed:
                if found := find(text, rendering):
                    return found[0] if len(found) == 1 else None
        return None


def _find_inflected(text: WordedText, forms: tuple[str, ...]) -> list[Span]:
    size = len(forms)
    return [
        text.span(first, first + size)
        for first in range(len(text.forms) - size + 1)
        if all(map(_is_inflected, text.forms[first : first + size], forms))
    ]


def _is_inflected(word: str, form: str) -> bool:
    if word == form:
        return True
    if len(form) < _SHORTEST_INFLECTED:
        return False
    if len(form) < _SHORT_FORM:
        return word.startswith(form) and len(word) <= len(form) + _SHORT_INFLECTION_LETTERS
    return word.startswith(form[:-1]) and len(word) <= len(form) + _INFLECTION_LETTERS


def _letters(forms: tuple[str, ...]) -> int:
    return sum(map(len, forms))
