import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonargparse.typing import PositiveFloat, PositiveInt
from tokenizers import Tokenizer, models

from xner_core.errors import XnerError
from xner_core.storage.hashing import digest, file_digest, fingerprint, pair_id

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.lists(st.binary(max_size=4)), st.lists(st.binary(max_size=4)))
def test_digests_are_equal_only_for_equal_sequences_of_parts(left, right):
    assert (digest(left) == digest(right)) == (left == right)


def test_digest_tells_where_one_part_ends():
    assert digest([b"ab", b"c"]) != digest([b"a", b"bc"]) != digest([b"abc"])
    assert len(digest([])) == 16


def test_pair_ids_never_change():
    # Shards and labels are named by them.
    assert pair_id("en", "de", "Berlin is big.", "Berlin ist groß.") == "ab3c9e3a76b0e57b6181cdb53c4211ce"


def test_pair_id_covers_languages_and_raw_texts():
    ids = {
        pair_id("en", "de", "a", "b"),
        pair_id("en", "nl", "a", "b"),
        pair_id("de", "en", "a", "b"),
        pair_id("en", "de", "b", "a"),
        pair_id("en", "de", "a ", "b"),
        pair_id("en", "de", "A", "b"),
    }
    assert len(ids) == 6


@given(st.dictionaries(st.text(st.characters(codec="ascii", categories=["L"]), min_size=1), json_values, max_size=4))
def test_fingerprint_does_not_depend_on_order(values):
    assert fingerprint(**values) == fingerprint(**dict(reversed(values.items())))


def test_fingerprint_tells_values_apart():
    assert fingerprint(a=1) != fingerprint(a="1") != fingerprint(a=1.5) != fingerprint(b=1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "of value: a object is known by its place in memory"),
        ({1, 2}, "of value: a set has no order; pass a sorted list"),
        (math.nan, "of value: nan is no number"),
        ([0.5, -math.inf], r"of value\[1\]: -inf is no number"),
        (b"bytes", "of value: bytes are not text; pass their digest"),
        (Path("model"), "of value: a PosixPath says where a file is, not what it holds"),
        ({"inner": ["fine", lambda: None]}, r"of value\['inner'\]\[1\]: the code of a function may change"),
        ({1: "one"}, "of the key 1 of value: only strings are keys"),
        (np.float32(0.5), "of value: a float32 is known by"),
        (Tokenizer(models.Unigram([("a", 0.0)], unk_id=0)), "of value: a Tokenizer is known by its place in memory"),
    ],
)
def test_a_value_without_identity_is_refused_with_the_reason(value, message):
    with pytest.raises(XnerError, match=f"cannot take a fingerprint {message}"):
        fingerprint(value=value)


def test_fingerprints_never_change():
    # Tags and labels lie under them.
    assert fingerprint(stage="tag", version=1, labels={"PER": "PER"}, share=0.5) == "ca6e2ec89fb71f805e212636d47bfbd6"
    assert fingerprint(a=(1, 2)) == fingerprint(a=[1, 2])


def test_numbers_of_a_command_line_are_numbers():
    assert fingerprint(a=PositiveInt(3), b=PositiveFloat(0.5)) == fingerprint(a=3, b=0.5)


def test_file_digest_is_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    assert file_digest(tmp_path / "file") == hashlib.sha256(b"content").hexdigest()
