import tempfile
from collections import Counter
from unittest import mock

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.corpus.ingest import deduplication, index
from xner_core.corpus.ingest.deduplication import find_duplicates
from xner_core.corpus.ingest.index import write_index
from xner_core.corpus.ingest.indexed_source import IndexedSource
from xner_core.corpus.ingest.spool import SCHEMA, SpoolFile
from xner_core.storage.files import Location, locate
from xner_core.storage.tasks import InProcess

# Few values, of which some differ in one half only.
digests = st.sampled_from(
    [high + low for high in (bytes(8), b"\x7f" * 8, b"\xff" * 8) for low in (bytes(8), b"\x80" * 8)]
)


def source(folder: Location, name: str, rows: list[bytes | None], first: int) -> IndexedSource:
    """A source whose pairs have these digests; those without one were rejected before."""
    columns = {"row": range(len(rows)), "normal": rows}
    arrays = [pa.array(columns.get(field.name, [None] * len(rows)), field.type) for field in SCHEMA]
    with SpoolFile(folder / f"{name}.arrow") as file:
        batch = file.add(pa.record_batch(arrays, SCHEMA))
    location = folder / f"{name}.parquet"
    domains = write_index(location, {"news": [batch]})
    return IndexedSource(name, [], name, location, domains, first, None, {}, Counter(), False)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(digests | st.none(), min_size=1, max_size=8), min_size=1, max_size=5), st.integers(1, 9))
def test_equals_a_set_in_memory(sources, size):
    seen: set[bytes] = set()
    expected = []
    made = []
    with (
        tempfile.TemporaryDirectory() as name,
        mock.patch.object(deduplication, "BUCKET_PAIRS", size),
        mock.patch.object(deduplication, "PART_GROUPS", 1),
        mock.patch.object(index, "GROUP_PAIRS", 3),
    ):
        folder = locate(name)
        for number, rows in enumerate(sources):
            made.append(source(folder, str(number), rows, len(expected)))
            for digest in rows:
                expected.append(digest in seen)
                if digest is not None:
                    seen.add(digest)
        assert find_duplicates(made, InProcess(), folder).tolist() == expected
