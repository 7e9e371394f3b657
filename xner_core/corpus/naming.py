"""What the names of files and columns say: which language, which two languages in which order, which domain."""

import re
import unicodedata
from collections.abc import Collection
from contextlib import suppress
from functools import lru_cache

import langcodes

from xner_core.text.languages import find_language, takes

MAX_DOMAIN_LENGTH = 80
DEFAULT_DOMAIN = "default"
HIDDEN = (".", "_", "~$", "@eaDir", "$RECYCLE.BIN")
# How a name goes with a language that was asked for, best first.
EXACT, WIDER, NARROWER = range(3)

_MAX_CODE_LENGTH = 35
_CODE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
# In file names only subtags that are written as such count, for `de-en` is a pair and not German of some region En.
_CODE_IN_NAME = r"[A-Za-z]{2,3}(?:[-_](?:[A-Z][a-z]{3}|[A-Z]{2}|[0-9]{3})(?![A-Za-z0-9]))*"
_PAIR_IN_NAME = re.compile(
    rf"(?<![A-Za-z0-9])(?=({_CODE_IN_NAME})([-_]to[-_]|[-_.]|2)({_CODE_IN_NAME})(?![A-Za-z0-9]))"
)
# As in OPUS (Europarl.de-en, de-en), and as mtdata and Tatoeba have them, where words may look alike.
_SURE_PAIR_AT_END = re.compile(rf"(?:^|\.)({_CODE_IN_NAME})-({_CODE_IN_NAME})$")
_LIKELY_PAIR_AT_END = re.compile(rf"[-_]({_CODE_IN_NAME})[-_]({_CODE_IN_NAME})$")


def rank(name: str, wanted: str) -> int | None:
    """How a language's name in a file goes with the code that was asked for: EXACT, WIDER (`de` is asked for, `de-AT`
    is there), NARROWER (the other way round), or None if it is another language, or another variety of it."""
    if name == wanted:
        return EXACT
    return _rank(name, wanted) if len(name) <= _MAX_CODE_LENGTH else None


@lru_cache(maxsize=4096)
def _rank(name: str, wanted: str) -> int | None:
    if not _CODE.fullmatch(name):
        return None
    if takes(wanted, name):
        return EXACT if find_language(wanted) == find_language(name) else WIDER
    return NARROWER if takes(name, wanted) else None


def best_name(names: Collection[str], wanted: str) -> str | None:
    """The name among several that goes best with a language, None if none does; the very code before other forms."""
    if wanted in names:
        return wanted
    ranks = ((rank(name, wanted), name) for name in names)
    return min((found for found in ranks if found[0] is not None), default=(None, None))[1]


def is_hidden(path: str) -> bool:
    """Whether a path leads to what systems and programs keep beside a user's files: `._news.en`, `__MACOSX/`,
    `.ipynb_checkpoints/`, `_SUCCESS`, `_temporary/`."""
    return any(part.startswith(HIDDEN) for part in path.split("/"))


def order_in_name(stem: str, source: str, target: str) -> tuple[bool, str] | None:
    """Whether a file's name gives the two languages in the other order, and the rest of the name; None if it gives
    neither order. Of several pairs the last one counts.

    Args:
        stem: the last part of a path, without the endings of its format
        source: language of the source texts
        target: language of the target texts
    """
    found, end = None, 0
    for match in _PAIR_IN_NAME.finditer(stem):
        first, separator, second = match.groups()
        for turned, (one, other) in enumerate(((source, target), (target, source))):
            if match.start() >= end and rank(first, one) is not None and rank(second, other) is not None:
                end = match.start() + len(first + separator + second)
                found = bool(turned), _without(stem, match.start(), end)
    return found or _order_in_word(stem, source, target)


def _order_in_word(stem: str, source: str, target: str) -> tuple[bool, str] | None:
    """The same for `newstest2019-ende`, as WMT has it."""
    codes = [language.code for language in map(find_language, (source, target)) if language]
    if len(codes) == 2 and all(len(code) == 2 for code in codes):
        for turned, joined in enumerate(("".join(codes), "".join(reversed(codes)))):
            if match := re.search(rf"(?<![A-Za-z0-9]){joined}(?![A-Za-z0-9])", stem):
                return bool(turned), _without(stem, match.start(), match.end())
    return None


def _without(stem: str, start: int, end: int) -> str:
    parts = stem[:start].rstrip("._-"), stem[end:].lstrip("._-")
    return ".".join(filter(None, parts))


def names_other_pair(stem: str, source: str, target: str) -> bool:
    """Whether a name, which gives no order of these two languages, ends in a pair of others."""
    if match := _SURE_PAIR_AT_END.search(stem):
        codes = match.groups()
    elif match := _LIKELY_PAIR_AT_END.search(stem):
        codes = match.groups()
        # Words may look like codes, so one of the two must be asked for.
        if all(rank(code, wanted) is None for code in codes for wanted in (source, target)):
            return False
    else:
        return False
    one, other = (find_language(code) for code in codes)
    if one is None or other is None or one.code == other.code:
        return False
    return _SURE_PAIR_AT_END.search(stem) is not None or all(len(language.code) == 2 for language in (one, other))


def spellings(code: str) -> list[str]:
    """A language code as it was given, and its codes of two and three letters."""
    language = find_language(code)
    if language is None:
        return [code]
    found = [code, language.code]
    for variant in ("T", "B"):
        with suppress(LookupError):
            found.append(langcodes.Language.get(language.code).to_alpha3(variant))
    return list(dict.fromkeys(found))


def domain_name(text: str) -> str:
    """A text made safe as a folder's name and partition value; `default` if nothing of it can be kept.

    Letters and digits of any script, `.`, `_` and `-` stay, all else becomes `-`; a name starts with a letter or digit
    and has at most 80 characters. What readers of partitioned Parquet take for a number, a date or a truth value
    (`007`, `2019-01-01`, `1e5`, `true`) has `domain-` before it, so that all of them read a text.
    """
    name = re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFKC", text))
    name = name.lstrip("._-")[:MAX_DOMAIN_LENGTH].rstrip(".-") or DEFAULT_DOMAIN
    if _reads_as_value(name):
        name = f"domain-{name}"[:MAX_DOMAIN_LENGTH].rstrip(".-")
    return name


_WORDS_FOR_VALUES = frozenset("true false null none nil nan na inf infinity epoch".split())


def _reads_as_value(name: str) -> bool:
    """Whether pyarrow, Polars, DuckDB or Spark may read a partition's name as something else than a text.

    Numbers and times have no two letters in a row, but for the `0x` and `0b` of some bases.
    """
    if name.lower() in _WORDS_FOR_VALUES:
        return True
    if not (name[0].isdecimal() or name[0].isdigit()):
        return False
    return re.match(r"0[xXbBoO][0-9a-fA-F_]+$", name) is not None or not re.search(r"[^\W\d_]{2}", name)
