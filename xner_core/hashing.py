"""Identities: of a sentence pair, of a file's content, and of all that determines an output."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from xner_core.errors import XnerError

DIGEST_BYTES = 16


def digest(parts: Iterable[bytes]) -> bytes:
    """The 128-bit BLAKE2b digest of a sequence of byte strings.

    Each part is preceded by its length, so that ("ab", "c") and ("a", "bc") differ.
    """
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.digest()


def pair_id(source_language: str, target_language: str, source_text: str, target_text: str) -> str:
    """The id of a sentence pair: 32 hex digits over the language pair and both raw texts."""
    parts = (source_language, target_language, source_text, target_text)
    return digest(part.encode("utf-8") for part in parts).hex()


def fingerprint(**values: Any) -> str:
    """The identity of an output: 32 hex digits over all the named values that determine it.

    Raises:
        XnerError: a value has no stable identity (anything that JSON cannot hold exactly).
    """
    try:
        canonical = json.dumps(values, sort_keys=True, ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise XnerError(
            f"cannot take a fingerprint of {values!r}: {error}; pass plain numbers, strings, lists and dicts"
        ) from error
    return digest([canonical.encode("ascii")]).hex()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
