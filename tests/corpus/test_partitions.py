"""Whatever a domain is called, the tools that read partitioned Parquet give it back as that text."""

import json

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.corpus.layout import open_corpus
from xner_core.corpus.naming import domain_name
from xner_core.storage.files import locate, write_table

NAMES = (
    "007 2019 2019-01-01 2019-1-1 20190101 1e5 1.5 1. true False null None nan NaN inf Infinity NA epoch no 0x1F 0b11 "
    "1_000 1-2-3 1.1.1 01.02.2019 2019-01-01T000000 20190101T000000Z 99999999999999999999 "
    "1e400 \u0662\u0660\u0661\u0669 "
    "\uff11\uff12 \u2460 5G 2019-news today news \u65b0\u95fb \u00e4-\u00f6"
).split()


def read_back(folder) -> dict[str, list]:
    pattern = f"{folder}/**/*.parquet"
    query = f"SELECT domain FROM read_parquet('{pattern}', hive_partitioning=true)"
    return {
        "polars": pl.scan_parquet(folder, hive_partitioning=True).collect()["domain"].to_list(),
        "polars, by pattern": pl.read_parquet(pattern, hive_partitioning=True)["domain"].to_list(),
        "pyarrow": ds.dataset(folder, partitioning="hive").to_table()["domain"].to_pylist(),
        "pyarrow, as a table": pq.read_table(folder)["domain"].to_pylist(),
        "duckdb": [row[0] for row in duckdb.sql(query).fetchall()],
    }


def write_partition(folder, domain: str) -> None:
    write_table(locate(folder) / f"language=no/domain={domain}/1.parquet", pa.table({"a": [1]}))


@pytest.mark.parametrize("name", NAMES)
def test_every_reader_takes_a_domain_for_the_same_text(tmp_path, name):
    domain = domain_name(name)
    write_partition(tmp_path, domain)
    assert {tool: values for tool, values in read_back(tmp_path).items() if values != [domain]} == {}


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.sampled_from("0123456789-._eEtTxXbZz:+ninfaNu"), min_size=1, max_size=12) | st.from_regex(r"[\d.eE+-]+")
)
def test_every_reader_takes_any_domain_for_the_same_text(tmp_path_factory, text):
    folder, domain = tmp_path_factory.mktemp("partition"), domain_name(text)
    write_partition(folder, domain)
    assert {tool: values for tool, values in read_back(folder).items() if values != [domain]} == {}


def test_a_corpus_of_domains_that_look_like_values(tmp_path):
    rows = [
        {"source": f"One {number}.", "target": f"Eins {number}.", "domain": domain}
        for number, domain in enumerate(("007", "2019", "true", "news"))
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    cleaning = CleaningSettings(identify_language=False)
    ingest_corpus(IngestSettings(str(tmp_path / "a.jsonl"), str(tmp_path / "out"), "de", cleaning=cleaning))
    corpus = open_corpus(locate(tmp_path / "out"))
    domains = ["domain-007", "domain-2019", "domain-true", "news"]
    assert corpus.domains == [shard.domain for shard in corpus.shards] == domains
    assert {tool: sorted(values) for tool, values in read_back(tmp_path / "out/pairs").items()} == dict.fromkeys(
        read_back(tmp_path / "out/pairs"), domains
    )
    files = str(tmp_path / "out/pairs/**/*.parquet")
    assert load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache")).num_rows == 4
