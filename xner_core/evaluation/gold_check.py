"""A gold file, looked at before anything is made that is to be scored on it."""

from collections.abc import Collection, Mapping
from pathlib import Path

from xner_core.errors import XnerError
from xner_core.evaluation.entity_types import scored_types
from xner_core.evaluation.gold import marked_types, read_sentences


def check_gold(
    name: str,
    path: str,
    language: str | None = None,
    types: Collection[str] | None = None,
    found: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Checks a gold file, and that something of it can be scored.

    Args:
        name: of the setting that holds it
        path: the file
        language: which side of JSON lines is read
        types: entity types to score; all that it marks if none are given
        found: types that each model finds, by what it is called in messages

    Raises:
        XnerError: no such file, one of another format, or types that nobody finds or marks.
    """
    if Path(path).is_dir():
        raise XnerError(f"{name} {path}: is a folder; name a CoNLL file, or JSON lines (.jsonl)")
    scored_types(f"{name} {path}", marked_types(read_sentences(path, language)), found or {}, types)
