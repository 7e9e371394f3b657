"""No value of a Parquet file is unpickled, though Ray Data registers types whose values are pickles."""

import os
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ray.data._internal.object_extensions.arrow import ArrowPythonObjectType

from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.errors import XnerError
from xner_core.storage.files import locate, read_table


class Pickle:
    def __init__(self, trace: Path):
        self._trace = trace

    def __reduce__(self):
        return os.system, (f"touch {self._trace}",)


@pytest.fixture
def trace(tmp_path) -> Path:
    return tmp_path / "trace"


@pytest.fixture
def pickles(trace) -> pa.ExtensionArray:
    storage = pa.array([pickle.dumps(Pickle(trace))] * 2, pa.large_binary())
    return pa.ExtensionArray.from_storage(ArrowPythonObjectType(), storage)


def test_a_corpus_with_pickles_is_refused(pickles, trace, tmp_path):
    pq.write_table(pa.table({"source": pickles, "target": ["Hallo.", "Ja."]}), tmp_path / "news.parquet")
    with pytest.raises(XnerError, match=r"news\.parquet: column source is of the type .* may run code; write"):
        ingest_corpus(IngestSettings(corpus=str(tmp_path / "news.parquet"), out=str(tmp_path / "out"), target="de"))
    assert not trace.exists()


def test_columns_that_are_not_read_may_be_of_any_type(pickles, trace, tmp_path):
    table = pa.table(
        {"source": ["This is a sentence.", "Yes, it is."], "target": ["Das ist ein Satz.", "Ja, so ist es."]}
    )
    pq.write_table(table.append_column("more", pickles), tmp_path / "news.parquet")
    ingest_corpus(IngestSettings(corpus=str(tmp_path / "news.parquet"), out=str(tmp_path / "out"), target="de"))
    assert not trace.exists()


NESTS = [
    lambda array: array,
    lambda array: pa.StructArray.from_arrays([array], ["x"]),
    lambda array: pa.ListArray.from_arrays([0, 1, 2], array),
]


@pytest.mark.parametrize("nest", NESTS)
def test_a_table_of_a_projection_with_pickles_is_refused(pickles, trace, tmp_path, nest):
    pq.write_table(pa.table({"entities": nest(pickles)}), tmp_path / "labels.parquet")
    with pytest.raises(XnerError, match=r"labels\.parquet: column entities is of the type"):
        read_table(locate(tmp_path / "labels.parquet")).to_pylist()
    assert not trace.exists()
