"""Identities: of a sentence pair, of a file's content, and of all that determines an output."""

import hashlib
import json
import math
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

from xner_core.errors import XnerError

DIGEST_BYTES = 16
_PLAIN = (str, int, float, type(None))
_EXACT = {str, int, bool, type(None)}


def digest(parts: Iterable[bytes]) -> bytes:
    """The 128-bit BLAKE2b digest of a sequence of byte strings.

    Each part is preceded by its length, so that ("ab", "c") and ("a", "bc") differ.
    """
    content = b"".join([piece for part in parts for piece in (len(part).to_bytes(8, "little"), part)])
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()


def pair_id(source_language: str, target_language: str, source_text: str, target_text: str) -> str:
    """The id of a sentence pair: 32 hex digits over the language pair and both raw texts."""
    parts = (source_language, target_language, source_text, target_text)
    return digest(part.encode("utf-8") for part in parts).hex()


def fingerprint(**values: Any) -> str:
    """The identity of an output: 32 hex digits over all the named values that determine it.

    Values are those that JSON holds exactly: None, booleans, finite numbers, strings, lists (a tuple counts as one),
    and dicts with strings as keys. A model or a tokenizer goes in by the digest of its files, code by a version.

    Raises:
        XnerError: a value has no stable identity; the message says which, and why.
    """
    for name, value in values.items():
        _require_identity(value, name)
    return digest([json.dumps(values, sort_keys=True, ensure_ascii=True, allow_nan=False).encode("ascii")]).hex()


def _require_identity(value: Any, where: str) -> None:
    if isinstance(value, list | tuple):
        # Long columns of texts are common.
        if not set(map(type, value)) <= _EXACT:
            for number, each in enumerate(value):
                _require_identity(each, f"{where}[{number}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            if not isinstance(key, str):
                raise _no_identity(
                    f"the key {key!r} of {where}", "only strings are keys in JSON, where 1 and '1' agree"
                )
            _require_identity(each, f"{where}[{key!r}]")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _no_identity(
                where, f"{value} is no number, and NaN does not equal itself; pass None for what is not set"
            )
    elif not isinstance(value, _PLAIN):
        raise _no_identity(where, _reason(value))


def _reason(value: Any) -> str:
    kind = type(value).__name__
    if isinstance(value, set | frozenset):
        return f"a {kind} has no order; pass a sorted list"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{kind} are not text; pass their digest as hex"
    if isinstance(value, PurePath):
        return f"a {kind} says where a file is, not what it holds; pass its file_digest"
    if callable(value):
        return f"the code of a {kind} may change under the same name; pass a name and a version"
    return (
        f"a {kind} is known by its place in memory alone; pass the plain values or digests of files that it is made of"
    )


def _no_identity(what: str, reason: str) -> XnerError:
    return XnerError(f"cannot take a fingerprint of {what}: {reason}")


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
