import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xner_core.errors import XnerError
from xner_core.hashing import digest, file_digest, fingerprint, pair_id

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


@pytest.mark.parametrize("value", [object(), {1, 2}, math.nan, b"bytes", {"inner": [lambda: None]}])
def test_a_value_without_identity_has_no_fingerprint(value):
    with pytest.raises(XnerError, match="cannot take a fingerprint"):
        fingerprint(value=value)


def test_file_digest_is_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    assert file_digest(tmp_path / "file") == hashlib.sha256(b"content").hexdigest()
