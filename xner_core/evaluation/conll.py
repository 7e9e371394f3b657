"""CoNLL files: a token and its IOB2 tag on a line, separated by white space, and a blank line between sentences."""

import gzip
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from xner_core.errors import XnerError
from xner_core.spans import as_iob2


@dataclass(frozen=True)
class TaggedSentence:
    """Tokens and their IOB2 tags, one each."""

    tokens: list[str]
    tags: list[str]


def read_lines(path: str | Path) -> list[bytes]:
    """The lines of a file, plain or `.gz`, split at line feeds alone.

    Raises:
        XnerError: no such file, or a damaged one.
    """
    path = Path(path)
    if not path.is_file():
        raise XnerError(f"{path}: no such file")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise XnerError(f"{path}: damaged gzip file ({error})") from error
    return content.split(b"\n")


def read_conll(path: str | Path, types: Collection[str] | None = None) -> list[TaggedSentence]:
    """The sentences of a CoNLL file, plain or `.gz`; first column token, last column tag.

    Args:
        path: the file
        types: entity types to keep, the others become O; all if none are given

    Raises:
        XnerError: no such file, not UTF-8, or a line without a token and an IOB2 tag; names the line.
    """
    sentences: list[TaggedSentence] = []
    tokens: list[str] = []
    tags: list[str] = []
    for number, raw in enumerate([*read_lines(path), b""], start=1):
        try:
            line = raw.decode("utf-8").strip("\r")
        except UnicodeDecodeError as error:
            raise XnerError(f"{path}:{number}: not UTF-8 ({error.reason})") from error
        if not line.strip():
            if tokens:
                sentences.append(TaggedSentence(tokens, as_iob2(tags)))
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
        tokens.append(columns[0])
        tags.append(tag)
    return sentences
