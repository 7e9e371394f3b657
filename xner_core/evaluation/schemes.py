"""Tag schemes, read as IOB2: IOB1, IOB2, IOE, BIOES, BILOU, BMES, with the letter before the type or after it."""

import re
from collections.abc import Iterable, Sequence

from xner_core.evaluation.entity_types import is_common

OUTSIDE = "O"
# Of all schemes: begin, inside, end, single, last, unit, middle, whole.
_BEFORE = re.compile(r"(?P<letter>[BIESLUMW])[-_](?P<type>[^|]+)")
_AFTER = re.compile(r"(?P<type>[^|]+)[-_](?P<letter>[BIESLUMW])")
_BEGINNINGS, _ENDS = frozenset("BSUW"), frozenset("ESLUW")
# What else is met where a tag should be, and what to do about it; the first that fits is said.
_OTHERS = (
    (
        re.compile(r"(.*\|)?(name|ner|ne)=.+", re.IGNORECASE),
        "names in the last column of CoNLL-U are not read: write their tags into a column of their own",
    ),
    (
        re.compile(r"(?=.*[(*)])(\([^()\s]*)*\*?\)*"),
        "the bracket notation of CoNLL-2012 is not read: write IOB2 tags",
    ),
    (re.compile(r".*[BIESLUMW][-_].*\|.+"), "several tags in one cell are not read: keep the outer one"),
    (re.compile(r"[bi][-_].+"), "the letter of a tag is a capital: write B-, I- and O"),
    (re.compile(r"[o0]"), "outside is the capital letter O"),
    (re.compile(r"[BIESLUMW][-_]?"), "a tag has a type"),
)
_ALONE = "a type alone (scheme IO) does not tell neighbours apart: write B- before it, or I- where an entity goes on"


def is_tag(cell: str) -> bool:
    """Whether it is O, or a letter and a type in one of the schemes."""
    return cell == OUTSIDE or type_of(cell) is not None


def type_of(cell: str) -> str | None:
    """The type of a tag; None for O and for what is no tag."""
    match = _BEFORE.fullmatch(cell) or _AFTER.fullmatch(cell)
    return match and match["type"]


def parse_tags(tags: Iterable[str]) -> dict[str, tuple[str, str]]:
    """The letter and the type of each distinct tag, both empty for O; all have their letter on the same side.

    Raises:
        ValueError: one that is no tag; says what it looks like.
    """
    distinct = dict.fromkeys(tags)
    distinct.pop(OUTSIDE, None)
    for pattern in (_BEFORE, _AFTER):
        matches = {tag: match for tag in distinct if (match := pattern.fullmatch(tag))}
        if len(matches) == len(distinct):
            return {OUTSIDE: ("", "")} | {tag: (match["letter"], match["type"]) for tag, match in matches.items()}
    wrong = [tag for tag in distinct if not is_tag(tag)]
    if not wrong:
        raise ValueError(f"of {', '.join(distinct)} some have the letter before the type and some after it")
    said = next((cell for cell in wrong if looks_like(cell)), wrong[0])
    hint = looks_like(said)
    raise ValueError(f"{said!r} is no IOB2 tag, such as B-PER, I-PER and O{f'; {hint}' if hint else ''}")


def looks_like(cell: str) -> str | None:
    """What a cell that is no tag seems to be, and what to do about it."""
    if said := next((what for pattern, what in _OTHERS if pattern.fullmatch(cell)), None):
        return said
    return _ALONE if is_common(cell) else None


def scheme_name(letters: Iterable[str]) -> str:
    """What tags with these letters are called."""
    letters = set(letters)
    for name, own in (("IOB", "BI"), ("IOE", "IE"), ("BIOES", "BIES"), ("BILOU", "BILU"), ("BMES", "BMESW")):
        if letters <= set(own):
            return name
    return "BIOES or BILOU"


def as_iob2(tags: Sequence[str]) -> list[str]:
    """The tags of one sentence, in any of the schemes, with a B- wherever an entity begins and an I- where it goes on.

    Raises:
        ValueError: one that is no tag.
    """
    return to_iob2(tags, parse_tags(tags))


def to_iob2(tags: Sequence[str], parsed: dict[str, tuple[str, str]]) -> list[str]:
    """As `as_iob2`, with what `parse_tags` says of all tags of a file."""
    written = []
    before = ("", "")
    for tag in tags:
        letter, type_ = parsed[tag]
        begins = letter in _BEGINNINGS or type_ != before[1] or before[0] in _ENDS
        written.append(f"{'B' if begins else 'I'}-{type_}" if type_ else OUTSIDE)
        before = (letter, type_)
    return written
