"""CoNLL files: a token and its IOB2 tag on a line, separated by white space, and a blank line between sentences."""

import gzip
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from xner_core.errors import XnerError


@dataclass(frozen=True)
class TaggedSentence:
    """Tokens and their IOB2 tags, one each."""

    tokens: list[str]
    tags: list[str]


def read_conll(path: str | Path, types: Collection[str] | None = None) -> list[TaggedSentence]:
    """The sentences of a CoNLL file, plain or `.gz`; first column token, last column tag.

    Args:
        path: the file
        types: entity types to keep, the others become O; all if none are given

    Raises:
        XnerError: no such file, not UTF-8, or a line without a token and an IOB2 tag; names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise XnerError(f"{path}: no such file")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise XnerError(f"{path}: damaged gzip file ({error})") from error
    sentences: list[TaggedSentence] = []
    tokens: list[str] = []
    tags: list[str] = []
    for number, raw in enumerate([*content.split(b"\n"), b""], start=1):
        try:
            line = raw.decode("utf-8").strip("\r")
        except UnicodeDecodeError as error:
            raise XnerError(f"{path}:{number}: not UTF-8 ({error.reason})") from error
        if not line.strip():
            if tokens:
                sentences.append(TaggedSentence(tokens, tags))
                tokens, tags = [], []
            continue
        if line.startswith("-DOCSTART-"):
            continue
        columns = line.split("\t") if "\t" in line else line.split()
        tag = columns[-1].strip()
        if len(columns) < 2 or not (tag == "O" or tag[:2] in ("B-", "I-")):
            raise XnerError(f"{path}:{number}: expected a token and an IOB2 tag, found {line!r}")
        if types is not None and tag[2:] not in types:
            tag = "O"
        if tag.startswith("I-") and (not tags or tags[-1][2:] != tag[2:]):
            # IOB1 begins entities with I-.
            tag = "B-" + tag[2:]
        tokens.append(columns[0])
        tags.append(tag)
    return sentences
