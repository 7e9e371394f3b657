import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.corpus.ingest.deduplication import DuplicateFinder

# Few values, of which some differ in one half only.
digests = st.sampled_from(
    [high + low for high in (bytes(8), b"\x7f" * 8, b"\xff" * 8) for low in (bytes(8), b"\x80" * 8)]
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(digests | st.none(), max_size=8), max_size=8))
def test_equals_a_set_in_memory(batches):
    seen: set[bytes] = set()
    expected = []
    with tempfile.TemporaryDirectory() as folder:
        finder = DuplicateFinder(Path(folder))
        for batch in batches:
            # Rows without a digest are those rejected before.
            first = len(expected)
            rows = [first + position for position, digest in enumerate(batch) if digest is not None]
            finder.add(b"".join(digest for digest in batch if digest is not None), rows)
            for digest in batch:
                expected.append(digest in seen)
                if digest is not None:
                    seen.add(digest)
        assert finder.duplicates(len(expected))[: len(expected)].tolist() == expected
