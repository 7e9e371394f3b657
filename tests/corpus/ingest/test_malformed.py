"""One bad line costs one pair, wherever it stands and however it is wrong; and too many of them end the ingest."""

import gzip
import json
import lzma
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xner_core.corpus import inputs
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest import block_reading, writer
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.corpus.layout import open_corpus
from xner_core.errors import XnerError
from xner_core.storage.files import locate, read_table


def ingest(corpus, out, **changes):
    changes = {"cleaning": CleaningSettings(identify_language=False), "malformed_limit": 1.0} | changes
    return ingest_corpus(IngestSettings(str(corpus), str(out), "de", **changes))


def kept(out) -> list[tuple[str, str]]:
    rows = [row for shard in open_corpus(locate(out)).shards for row in read_table(locate(shard.path)).to_pylist()]
    return [(row["source_text"], row["target_text"]) for row in rows]


def rejected(out) -> list[dict]:
    return [row for file in open_corpus(locate(out)).rejected_files for row in read_table(file).to_pylist()]


GOOD = [(f"One {number}.".encode(), f"Ün {number}.".encode()) for number in range(1000)]
BAD_BYTES = [b"\xff", b"b\xe4d", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"ok \xfe\r", b"\xc0\xaf"]
BAD_TSV = [b"", b"no tab", b"a\tb\t1\t2", b"a\tb\thigh", b"\t\t\t\t", *(b"a\t" + each for each in BAD_BYTES)]
BAD_JSON = [
    b"",
    b"{",
    b"null",
    b"[1]",
    b'"text"',
    b"[" * 2000,
    b'{"en": "a"}',
    b'{"en": 1, "de": "b"}',
    b'{"en": "a", "de": "\\ud800"}',
    b'{"en": "a", "de": "b", "score": []}',
    *(b'{"en": "' + each + b'", "de": "b"}' for each in BAD_BYTES),
]


def line_of(kind: str, pair: tuple[bytes, bytes]) -> bytes:
    if kind == "jsonl":
        return json.dumps({"en": pair[0].decode(), "de": pair[1].decode()}, ensure_ascii=False).encode()
    return b"\t".join(pair)


@pytest.mark.parametrize("kind", ["tsv", "jsonl"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), ending=st.sampled_from(["", ".gz", ".xz"]), newline=st.sampled_from([b"\n", b"\r\n"]))
def test_malformed_lines_anywhere_cost_themselves_alone(tmp_path_factory, kind, data, ending, newline):
    bad = st.sampled_from(BAD_TSV if kind == "tsv" else BAD_JSON)
    lines = data.draw(st.lists(bad | st.sampled_from(GOOD), min_size=1, max_size=20, unique=True))
    folder = tmp_path_factory.mktemp("malformed")
    content = newline.join(line if isinstance(line, bytes) else line_of(kind, line) for line in lines) + newline
    compress = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[ending]
    (folder / f"a.{kind}{ending}").write_bytes(compress(content))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "CHUNK_BYTES", data.draw(st.integers(1, 40)))
        patch.setattr(block_reading, "BATCH_PAIRS", data.draw(st.integers(1, 6)))
        patch.setattr(writer, "REJECTED_PART_ROWS", data.draw(st.integers(1, 6)))
        result = ingest(folder, folder.with_name(folder.name + "-out"))
    out = folder.with_name(folder.name + "-out")
    good = [line for line in lines if not isinstance(line, bytes)]
    assert kept(out) == [(source.decode(), target.decode()) for source, target in good]
    reasons = Counter(row["reason"] for row in rejected(out))
    assert reasons == Counter({"malformed": len(lines) - len(good)}) - Counter()
    assert result["read"] == len(lines) == result["kept"] + sum(result["rejected"].values())
    where = {number for number, line in enumerate(lines, 1) if isinstance(line, bytes)}
    assert {(row["line"], row["origin"]) for row in rejected(out)} == {(line, f"a.{kind}{ending}") for line in where}
    assert all(row["fault"].startswith(f"a.{kind}{ending}, line {row['line']}: ") for row in rejected(out))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_moses_lines_stay_aligned(tmp_path_factory, data):
    side = st.sampled_from([None, *BAD_BYTES])
    damage = data.draw(st.lists(st.tuples(side, side), min_size=1, max_size=20))
    folder = tmp_path_factory.mktemp("moses")
    rows = [tuple(bad or text for bad, text in zip(*pair, strict=True)) for pair in zip(damage, GOOD, strict=False)]
    for number, language in enumerate(("en", "de")):
        (folder / f"a.{language}").write_bytes(b"".join(row[number] + b"\n" for row in rows))
    out = folder.with_name(folder.name + "-out")
    result = ingest(folder, out)
    good = [pair for pair, bad in zip(GOOD, damage, strict=False) if bad == (None, None)]
    assert kept(out) == [(source.decode(), target.decode()) for source, target in good]
    assert result["rejected"]["malformed"] == len(damage) - len(good)
    assert result["read"] == len(damage)


def write_lines(path, bad: dict[int, bytes], count: int = 200) -> None:
    """So many lines of a TSV file, some of them replaced, by their numbers from 1."""
    lines = [bad.get(number, b"One %d.\tEins %d." % (number, number)) for number in range(1, count + 1)]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def test_one_in_a_hundred_is_let_through_by_default(tmp_path, caplog):
    write_lines(tmp_path / "in/a.tsv", {7: b"b\xe4d\tb\xf6se", 150: b"a\tb\t0.5\tc"})
    settings_ = IngestSettings(
        str(tmp_path / "in"), str(tmp_path / "out"), "de", cleaning=CleaningSettings(identify_language=False)
    )
    result = ingest_corpus(settings_)
    assert (result["read"], result["kept"], result["rejected"]["malformed"]) == (200, 198, 2)
    rows = sorted(rejected(tmp_path / "out"), key=lambda row: row["line"])
    assert [tuple(row.values()) for row in rows] == [
        (
            "b\ufffdd",
            "b\ufffdse",
            "a.tsv",
            7,
            "malformed",
            "a.tsv, line 7: not UTF-8 (byte 0xe4 at byte 2 of the line)",
        ),
        (
            "a",
            "b\t0.5\tc",
            "a.tsv",
            150,
            "malformed",
            "a.tsv, line 150: 4 tab-separated columns; expected 2 (en text, de text) or 3 (a score after them)",
        ),
    ]
    (warning,) = result["warnings"]
    assert warning.startswith("2 of 200 lines are malformed, and rejected; the first: a.tsv, line 7: not UTF-8")
    assert warning in caplog.text
    # And is still said when there is nothing to do.
    again = ingest_corpus(settings_)
    assert (again["status"], again["warnings"]) == ("nothing to do", [warning])


def test_beyond_the_limit_the_first_ten_are_named(tmp_path):
    write_lines(tmp_path / "in/a.tsv", {100: b"\xff\t", 200: b"x"})
    write_lines(tmp_path / "in/b.tsv", {number: b"x" for number in range(1, 14)})
    with pytest.raises(XnerError) as error:
        ingest(tmp_path / "in", tmp_path / "out", malformed_limit=0.037)
    message = str(error.value)
    assert "in: 15 of 400 lines are malformed, more than the share of 0.037 that malformed_limit allows: " in message
    named = ["a.tsv, line 100: ", "a.tsv, line 200: ", *(f"b.tsv, line {number}: " for number in range(1, 9))]
    assert [each in message for each in named] == [True] * 10
    assert "b.tsv, line 9:" not in message
    assert "convert the file to UTF-8" in message
    assert "\n" not in message
    assert not (tmp_path / "out" / "manifest.json").exists()
    # The share is of all lines, and exactly the limit is allowed.
    result = ingest(tmp_path / "in", tmp_path / "out", malformed_limit=15 / 400)
    # b.tsv repeats a.tsv.
    assert (result["kept"], result["rejected"]["malformed"], result["rejected"]["duplicate"]) == (200, 15, 185)


def test_the_limit_is_looked_at_again_when_nothing_else_has_changed(tmp_path):
    write_lines(tmp_path / "in/a.tsv", {5: b"x"})
    ingest(tmp_path / "in", tmp_path / "out")
    with pytest.raises(XnerError, match=r"1 of 200 lines are malformed.*: a\.tsv, line 5: 1 tab-separated columns"):
        ingest(tmp_path / "in", tmp_path / "out", malformed_limit=0.001)
    assert len(kept(tmp_path / "out")) == 199


def test_an_ingest_that_follows_another_comes_out_as_one_from_scratch(tmp_path):
    write_lines(tmp_path / "in/a.tsv", {5: b"x", 9: b"\xff\t\xff"})
    write_lines(tmp_path / "in/b.tsv", {3: b"x"}, count=50)
    ingest(tmp_path / "in", tmp_path / "out")
    write_lines(tmp_path / "in/c.tsv", {1: b"y", 2: b"x"}, count=30)
    write_lines(tmp_path / "in/b.tsv", {4: b"\xfe\t"}, count=60)
    followed = ingest(tmp_path / "in", tmp_path / "out")
    fresh = ingest(tmp_path / "in", tmp_path / "fresh")
    assert followed["pairs_read"] == 90
    assert rejected(tmp_path / "out") == rejected(tmp_path / "fresh")
    assert kept(tmp_path / "out") == kept(tmp_path / "fresh")
    for name in ("read", "kept", "rejected", "warnings"):
        assert followed[name] == fresh[name]


def test_a_bad_parquet_value_costs_its_row(tmp_path):
    german = pa.array([b"Eins.", b"Zw\xe9i.", b"Drei."]).cast(pa.binary()).view(pa.string())
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"en": ["One.", "Two.", "Three."], "de": german}), tmp_path / "in/a.parquet")
    result = ingest(tmp_path / "in", tmp_path / "out")
    assert kept(tmp_path / "out") == [("One.", "Eins."), ("Three.", "Drei.")]
    assert (result["read"], result["rejected"]["malformed"]) == (3, 1)
    (row,) = rejected(tmp_path / "out")
    assert (row["line"], row["fault"]) == (2, "a.parquet, line 2: not UTF-8")
