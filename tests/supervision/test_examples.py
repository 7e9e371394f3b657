import pyarrow as pa
import pytest

from xner_core.errors import XnerError
from xner_core.storage.files import locate, write_table
from xner_core.supervision.examples import Example, Link, read_examples, read_metadata, write_examples
from xner_core.text.spans import Span

EXAMPLES = [
    Example(
        "a",
        "de",
        "news",
        "Anna saw \U0001f600 China",
        "Anna sah \U0001f600 die chinesische Mauer",
        (
            Link(Span(0, 4), Span(0, 4), True, 0.75, "PER", ("identical", "back")),
            Link(Span(11, 16), None, True, 0.5, "LOC", ("lower-case",)),
            Link(Span(5, 8), Span(5, 8), False, 0.25, None, ()),
        ),
    ),
    Example("b", "zh", "wiki", "Nothing here", "没有", ()),
]


def test_what_is_written_is_read(tmp_path):
    write_examples(tmp_path / "one.parquet", EXAMPLES, {"fingerprint": "f"})
    write_examples(tmp_path / "more" / "two.parquet", EXAMPLES[:1], {})
    assert read_examples(tmp_path) == EXAMPLES[:1] + EXAMPLES
    assert read_metadata(tmp_path / "one.parquet") == {"fingerprint": "f"}
    assert read_metadata(tmp_path / "more" / "two.parquet") == {}


def test_no_examples_are_a_file_of_none(tmp_path):
    write_examples(tmp_path / "none.parquet", [], {})
    assert read_examples(tmp_path) == []


def test_files_of_something_else_are_named(tmp_path):
    with pytest.raises(XnerError, match="no Parquet files"):
        read_examples(tmp_path)
    write_table(locate(tmp_path / "other.parquet"), pa.table({"a": [1]}))
    with pytest.raises(XnerError, match=r"other\.parquet: not a file of examples"):
        read_examples(tmp_path)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(XnerError, match="not a readable Parquet file"):
        read_metadata(tmp_path / "broken.parquet")
