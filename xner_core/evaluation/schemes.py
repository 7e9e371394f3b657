"""Tag schemes, read as IOB2: IOB1, IOB2, IOE, BIOES, BILOU, BMES, with the letter before the type or after it."""

import re
from collections.abc import Iterable, Sequence

OUTSIDE = "O"
# Of all schemes: begin, inside, end, single, last, unit, middle, whole.
_BEFORE = re.compile(r"(?P<letter>[BIESLUMW])[-_](?P<type>[^|]+)")
_AFTER = re.compile(r"(?P<type>[^|]+)[-_](?P<letter>[BIESLUMW])")
_BEGINNINGS, _ENDS = frozenset("BSUW"), frozenset("ESLUW")
# What else is met where a tag should be, and what to do about it; the first that fits is said.
_OTHERS = (
    (
        re.compile(r"(?=.*[(*)])(\([^()\s]*)*\*?\)*"),
        "it looks like the bracket notation of CoNLL-2012, which is not read: write IOB2 tags",
    ),
    (re.compile(r".+\|.+"), "several tags in one cell are not read: keep the outer one"),
    (re.compile(r"[bi][-_].+"), "its letter is not in capitals: write B-, I- and O"),
    (re.compile(r"o|0"), "outside is the capital letter O"),
    (re.compile(r"[BIESLUMW][-_]?"), "it has no type"),
    (
        re.compile(r"(?!\w-)[^\W\d_][\w-]*"),
        "a type alone (scheme IO) does not tell neighbours apart: write B- before the type, or I- where it goes on",
    ),
)


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
        matches = {tag: pattern.fullmatch(tag) for tag in distinct}
        if all(matches.values()):
            return {OUTSIDE: ("", "")} | {tag: (match["letter"], match["type"]) for tag, match in matches.items()}
    wrong = next((tag for tag in distinct if not is_tag(tag)), None)
    if wrong is None:
        raise ValueError(f"of {', '.join(distinct)} some have the letter before the type and some after it")
    raise ValueError(f"{wrong!r} is no IOB2 tag, such as B-PER, I-PER and O{_looks(wrong)}")


def _looks(cell: str) -> str:
    said = next((what for pattern, what in _OTHERS if pattern.fullmatch(cell)), None)
    return f"; {said}" if said else ""


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
