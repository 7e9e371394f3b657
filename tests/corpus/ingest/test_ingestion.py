import gzip
import json
import random
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from collections import Counter
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xner_core.corpus import blocks
from xner_core.corpus.cleaning import Cleaner
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest import block_reading, index, shard_writing, writer
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.corpus.layout import PAIR_SCHEMA, REJECTED_SCHEMA, open_corpus
from xner_core.corpus.naming import domain_name
from xner_core.errors import XnerError
from xner_core.storage.files import locate, read_table
from xner_core.storage.hashing import pair_id
from xner_core.text.normal_form import normal_form

REPOSITORY = Path(__file__).parents[3]
WITHOUT_LANGUAGES = CleaningSettings(identify_language=False)


def ingest(corpus, out, target="de", cleaning=WITHOUT_LANGUAGES, **changes):
    return ingest_corpus(IngestSettings(str(corpus), str(out), target, cleaning=cleaning, **changes))


def pairs(out) -> list[dict]:
    return [
        {"domain": shard.domain} | row
        for shard in open_corpus(locate(out)).shards
        for row in read_table(locate(shard.path)).to_pylist()
    ]


def rejected(out) -> list[dict]:
    location = locate(out)
    return [row for file in open_corpus(location).rejected_files for row in read_table(file).to_pylist()]


def files(out) -> set[str]:
    location = locate(out)
    return {file.relative_to(location) for file in location.files()}


def pair_files(out) -> set[str]:
    return {path for path in files(out) if path.startswith("pairs/")}


def write_moses(folder, name: str, rows: list[tuple[str, str]], target="de") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for side, language in enumerate(("en", target)):
        content = "".join(f"{row[side]}\n" for row in rows).encode()
        (folder / f"{name}.{language}.gz").write_bytes(gzip.compress(content))


def sentences(count: int, seed: int = 0) -> list[tuple[str, str]]:
    numbers = random.Random(seed).sample(range(10**9), count)
    return [(f"The number is {number}.", f"Die Zahl ist {number}.") for number in numbers]


def write_all_formats(folder) -> None:
    """Six formats with three pairs each, all in different domains, and one pair that is in every one of them."""
    common = ("It rains in Berlin.", "Es regnet in Berlin.")
    rows = {name: [*sentences(2, seed), common] for seed, name in enumerate(("a", "b", "c", "d", "e", "f"))}
    write_moses(folder, "a", rows["a"])
    (folder / "b.tsv").write_text("".join(f"{source}\t{target}\t0.25\n" for source, target in rows["b"]))
    units = [
        f'<tu><tuv xml:lang="de"><seg>{target}</seg></tuv><tuv xml:lang="en"><seg>{source}</seg></tuv></tu>'
        for source, target in rows["c"]
    ]
    (folder / "c.tmx").write_text("<tmx><body>" + "".join(units) + "</body></tmx>")
    lines = [json.dumps({"translation": {"en": source, "de": target}}) for source, target in rows["d"]]
    (folder / "d.jsonl").write_text("\n".join(lines))
    columns = dict(zip(("source", "target"), map(list, zip(*rows["e"], strict=True)), strict=True))
    pl.DataFrame(columns | {"score": [1, 2, 3]}).write_parquet(folder / "e.parquet")
    with zipfile.ZipFile(folder / "f.zip", "w") as archive:
        for side, language in enumerate(("en", "de")):
            archive.writestr(f"F.de-en.{language}", "\n".join(row[side] for row in rows["f"]))


@pytest.fixture(params=["local", "s3"])
def place(request, tmp_path):
    """Addresses of a folder to read and of one to write, with a function that puts local files into the first."""
    if request.param == "local":
        return tmp_path / "in", tmp_path / "out", lambda folder: shutil.copytree(folder, tmp_path / "in")
    address = request.getfixturevalue("s3_folder")

    def upload(folder):
        for file in locate(folder).files():
            with (locate(address) / "in" / file.relative_to(locate(folder))).open_output() as stream:
                stream.write(Path(file.path).read_bytes())

    return f"{address}/in", f"{address}/out", upload


def test_all_formats_on_disk_and_in_an_object_store(place, tmp_path):
    corpus, out, put = place
    (tmp_path / "made").mkdir()
    write_all_formats(tmp_path / "made")
    put(tmp_path / "made")
    result = ingest(corpus, out)
    assert (result["status"], result["read"], result["kept"]) == ("done", 18, 13)
    assert {reason: count for reason, count in result["rejected"].items() if count} == {"duplicate": 5}
    assert result["shards"] == 6
    # The first in reading order is kept.
    common = [row for row in pairs(out) if row["source_text"] == "It rains in Berlin."]
    assert [(row["domain"], row["origin"]) for row in common] == [("a", "a.en.gz")]
    assert {(row["domain"], row["origin"], row["score"]) for row in pairs(out) if row["domain"] != "a"} == {
        ("b", "b.tsv", 0.25),
        ("c", "c.tmx", None),
        ("d", "d.jsonl", None),
        ("e", "e.parquet", 1.0),
        ("e", "e.parquet", 2.0),
        ("F", "f.zip/F.de-en.en", None),
    }
    assert [(row["origin"], row["line"], row["reason"]) for row in rejected(out)] == [
        ("f.zip/F.de-en.en", 3, "duplicate"),
        ("b.tsv", 3, "duplicate"),
        ("c.tmx", 1, "duplicate"),
        ("d.jsonl", 3, "duplicate"),
        ("e.parquet", 3, "duplicate"),
    ]
    again = ingest(corpus, out)
    assert again["files_written"] == 0
    assert (again["status"], again["pairs_read"]) == ("nothing to do", 0)
    same = ("out", "source", "target", "read", "kept", "rejected", "shards")
    assert {name: again[name] for name in same} == {name: result[name] for name in same}


def test_one_file_by_itself_on_both(place, tmp_path):
    corpus, out, put = place
    write_moses(tmp_path / "made", "news", sentences(5))
    put(tmp_path / "made")
    assert ingest(f"{corpus}/news.de.gz", out)["kept"] == 5
    assert {row["origin"] for row in pairs(out)} == {"news.en.gz"}


def test_a_failure_leaves_no_file_on_both(place, tmp_path):
    corpus, out, put = place
    write_moses(tmp_path / "made", "a", sentences(5))
    (tmp_path / "made" / "b.tsv").write_bytes(b"good\tgut\nb\xe4d\tb\xf6se\n")
    put(tmp_path / "made")
    with pytest.raises(XnerError, match=r"b\.tsv, line 2: not UTF-8"):
        ingest(corpus, out)
    assert files(out) == set()
    with pytest.raises(XnerError, match="not a corpus"):
        open_corpus(locate(out))


def test_layout(tmp_path):
    write_moses(
        tmp_path / "in", "news", [("It rains.", "Es regnet."), ("", "Leer."), ("It snows.\u2028", "Es\x0cschneit.")]
    )
    ingest(tmp_path / "in", tmp_path / "out")
    corpus = open_corpus(locate(tmp_path / "out"))
    assert (corpus.source, corpus.target, corpus.domains) == ("en", "de", ["news"])
    (shard,) = corpus.shards
    assert (shard.source, shard.target, shard.domain, shard.pairs) == ("en", "de", "news", 2)
    assert shard.path == str(tmp_path / f"out/pairs/source=en/target=de/domain=news/{shard.name}.parquet")
    assert len(shard.name) == 32
    table = read_table(locate(shard.path))
    assert table.schema.remove_metadata() == PAIR_SCHEMA
    assert table.to_pylist() == [
        {
            "pair_id": pair_id("en", "de", source, target),
            "source_text": source,
            "target_text": target,
            "score": None,
            "origin": "news.en.gz",
        }
        for source, target in [("It rains.", "Es regnet."), ("It snows.\u2028", "Es\x0cschneit.")]
    ]
    manifest = corpus.manifest
    (file,) = manifest["rejected_files"]
    assert file.startswith("rejected/source=en/target=de/domain=news/part-")
    assert read_table(corpus.rejected_files[0]).schema.remove_metadata() == REJECTED_SCHEMA
    assert manifest["domains"]["news"] == {
        "read": 3,
        "kept": 2,
        "rejected": dict.fromkeys(manifest["rejected"], 0) | {"empty": 1},
        "shards": 1,
    }
    assert manifest["sources"] == [{"name": "news.en.gz", "pairs": 3}]
    shard_file = shard.path.removeprefix(f"{tmp_path}/out/")
    assert files(tmp_path / "out") == {"manifest.json", file, shard_file, *manifest["index"]["files"]}


def test_other_tools_read_it(tmp_path):
    write_moses(tmp_path / "in", "news", sentences(10))
    write_moses(tmp_path / "in", "talks", sentences(5, seed=1))
    ingest(tmp_path / "in", tmp_path / "out")
    pattern = str(tmp_path / "out/pairs/**/*.parquet")
    assert pl.read_parquet(pattern, hive_partitioning=True)["domain"].value_counts(sort=True).rows() == [
        ("news", 10),
        ("talks", 5),
    ]
    query = f"SELECT source, target, count(*) FROM read_parquet('{pattern}', hive_partitioning=true) GROUP BY ALL"
    assert duckdb.sql(query).fetchall() == [("en", "de", 15)]


texts = st.text(st.sampled_from('aAäß .1\u00a0\u2028中ｶ\u200b\r"'), max_size=8)
rows = st.lists(st.tuples(texts, texts, st.sampled_from(["news", "a/b", "_", None])), max_size=20)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, min_size=1, max_size=3), st.integers(1, 6), st.integers(1, 7))
def test_equals_the_same_in_memory(tmp_path_factory, sources, shard_pairs, batch):
    folder = tmp_path_factory.mktemp("corpus")
    cleaning = CleaningSettings(max_characters=6, max_length_ratio=1.2, identify_language=False)
    cleaner = Cleaner(cleaning, "en", "de")
    expected: dict[str, list[dict]] = {}
    reasons: Counter[str] = Counter()
    seen = set()
    (folder / "in").mkdir()
    for number, source in enumerate(sources):
        with open(folder / "in" / f"{number}.jsonl", "w", newline="") as file:
            for source_text, target_text, domain in source:
                file.write(json.dumps({"source": source_text, "target": target_text, "domain": domain}) + "\n")
                normal = (normal_form(source_text), normal_form(target_text))
                reason = cleaner.reason((source_text, target_text), normal) or ("duplicate" if normal in seen else None)
                if reason:
                    reasons[reason] += 1
                    continue
                seen.add(normal)
                name = domain_name(domain or str(number))
                row = {"domain": name, "source_text": source_text, "target_text": target_text}
                expected.setdefault(name, []).append(row)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_reading, "BATCH_PAIRS", batch)
        patch.setattr(writer, "REJECTED_PART_ROWS", batch)
        if not any(sources):
            with pytest.raises(XnerError, match="hold no pair"):
                ingest(folder / "in", folder / "out", cleaning=cleaning, shard_pairs=shard_pairs)
            return
        result = ingest(folder / "in", folder / "out", cleaning=cleaning, shard_pairs=shard_pairs)
    kept = [{key: row[key] for key in ("domain", "source_text", "target_text")} for row in pairs(folder / "out")]
    assert kept == [row for name in sorted(expected) for row in expected[name]]
    assert {reason: count for reason, count in result["rejected"].items() if count} == reasons
    assert Counter(row["reason"] for row in rejected(folder / "out")) == reasons
    assert result["read"] == result["kept"] + sum(reasons.values()) == sum(map(len, sources))
    assert all(shard.pairs <= shard_pairs for shard in open_corpus(locate(folder / "out")).shards)


def test_wrong_languages_are_told_apart(tmp_path):
    english, german = "The train to Hamburg leaves at noon today.", "Der Zug nach Hamburg fährt heute Mittag ab."
    rows = [(english, german), (german, german + "!"), (english, "Le train pour Hambourg part à midi aujourd'hui.")]
    write_moses(tmp_path / "in", "news", rows)
    result = ingest(tmp_path / "in", tmp_path / "out", cleaning=CleaningSettings())
    assert {reason: count for reason, count in result["rejected"].items() if count} == {
        "wrong_source_language": 1,
        "wrong_target_language": 1,
    }


def test_an_inserted_line_makes_at_most_two_new_files(tmp_path):
    rows = sentences(400)
    write_moses(tmp_path / "in", "news", rows)
    ingest(tmp_path / "in", tmp_path / "out", shard_pairs=20)
    for position in range(0, 400, 37):
        before = pair_files(tmp_path / "out")
        rows.insert(position, (f"Line {position} is new.", f"Zeile {position} ist neu."))
        write_moses(tmp_path / "in", "news", rows)
        result = ingest(tmp_path / "in", tmp_path / "out", shard_pairs=20)
        assert 1 <= result["files_written"] <= 2
        assert len(pair_files(tmp_path / "out") - before) == result["files_written"]


def test_a_second_corpus_in_the_same_folder_replaces_the_first(tmp_path):
    write_moses(tmp_path / "one", "news", [*sentences(10), ("", "leer")])
    write_moses(tmp_path / "two", "talks", sentences(5, seed=1))
    ingest(tmp_path / "one", tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("not ours")
    ingest(tmp_path / "two", tmp_path / "out")
    ingest(tmp_path / "two", tmp_path / "fresh")
    assert files(tmp_path / "out") == files(tmp_path / "fresh") | {"notes.txt"}


def test_what_a_killed_run_left_is_removed(tmp_path):
    stale = tmp_path / "out/pairs/source=en/target=de/domain=news" / f"{'0' * 32}.parquet"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"half")
    write_moses(tmp_path / "in", "news", sentences(5))
    ingest(tmp_path / "in", tmp_path / "out")
    assert not stale.exists()


def test_files_of_equal_content_are_not_rewritten(tmp_path):
    write_moses(tmp_path / "in", "news", sentences(50))
    ingest(tmp_path / "in", tmp_path / "out", shard_pairs=10)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}
    manifest = (tmp_path / "out/manifest.json").read_bytes()
    ingest(tmp_path / "in", tmp_path / "out", shard_pairs=10)
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}
    assert manifest == (tmp_path / "out/manifest.json").read_bytes()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_while_writing_keeps_the_earlier_corpus(tmp_path, monkeypatch, error):
    write_moses(tmp_path / "in", "news", sentences(50))
    ingest(tmp_path / "in", tmp_path / "out", shard_pairs=10)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    write_moses(tmp_path / "in", "news", sentences(50, seed=1))
    write_table, calls = shard_writing.write_table, []

    def fail(location, table):
        calls.append(location)
        if len(calls) == 3:
            raise error
        write_table(location, table)

    monkeypatch.setattr(shard_writing, "write_table", fail)
    with pytest.raises(type(error)):
        ingest(tmp_path / "in", tmp_path / "out", shard_pairs=10)
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}


def test_another_pair_does_not_go_into_the_same_folder(tmp_path):
    write_moses(tmp_path / "in", "news", sentences(5))
    write_moses(tmp_path / "in", "news", sentences(5), target="nl")
    ingest(tmp_path / "in", tmp_path / "out")
    with pytest.raises(XnerError, match="holds a corpus of en and de; choose another --out for en and nl"):
        ingest(tmp_path / "in", tmp_path / "out", target="nl")


def test_out_inside_the_corpus_is_refused(tmp_path):
    write_moses(tmp_path / "in", "news", sentences(5))
    for out in (tmp_path / "in", tmp_path / "in/corpus"):
        with pytest.raises(XnerError, match="lies in the folder that is read"):
            ingest(tmp_path / "in", out)
    assert ingest(tmp_path / "in", tmp_path / "in2")["kept"] == 5


def test_one_domain_for_everything(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"en": "One.", "de": "Eins.", "domain": "a"}\n{"en": "Two.", "de": "Zwei."}\n')
    ingest(tmp_path / "in.jsonl", tmp_path / "out", domain="mine")
    assert {row["domain"] for row in pairs(tmp_path / "out")} == {"mine"}


def test_a_document_for_a_domain_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(block_reading, "MAX_DOMAINS", 10)
    lines = [json.dumps({"en": f"{n}.", "de": f"{n}", "domain": f"document {n}"}) for n in range(11)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    with pytest.raises(XnerError, match="more than 10 domains"):
        ingest(tmp_path / "in.jsonl", tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "German"}, "target: 'German' is no language code such as en, deu"),
        ({"target": "../x"}, "target: '../x' is no language code"),
        ({"target": "jp"}, "target: 'jp' is no language code .*; did you mean ja?"),
        ({"target": "en"}, "source and target are both en"),
        ({"target": "eng_Latn"}, "source and target are both en"),
        ({"domain": "a/b"}, "domain 'a/b' cannot name a folder; 'a-b' could"),
    ],
)
def test_impossible_settings(changes, message):
    with pytest.raises(ValueError, match=message):
        IngestSettings(**{"corpus": "x", "out": "y", "target": "de"} | changes)


def test_memory_does_not_grow_with_the_corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_PAIRS", 500)
    monkeypatch.setattr(index, "GROUP_PAIRS", 500)
    monkeypatch.setattr(shard_writing, "GROUP_PAIRS", 500)
    monkeypatch.setattr(writer, "REJECTED_PART_ROWS", 500)

    def peak(count: int) -> int:
        write_moses(tmp_path / "in", "news", [*sentences(count), *sentences(count)])
        tracemalloc.start()
        pool = pa.total_allocated_bytes()
        try:
            assert ingest(tmp_path / "in", tmp_path / "out", shard_pairs=200)["kept"] == count
            return tracemalloc.get_traced_memory()[1] + pa.total_allocated_bytes() - pool
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(20_000) < peak(2_000) + 1_500_000


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "jobs/ingest_corpus.py", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)


def test_job(tmp_path):
    write_moses(tmp_path / "in", "news", [*sentences(5), ("", "leer")])
    common = ("--corpus", f"{tmp_path}/in", "--target", "de", "--json", f"{tmp_path}/result.json")
    done = run(*common, "--out", f"{tmp_path}/out", "--cleaning.identify_language", "false")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["status"], result["kept"], result["rejected"]["empty"]) == ("done", 5, 1)
    assert "6 pairs read" in done.stderr
    (tmp_path / "in" / "news.de.gz").write_bytes(b"no gzip")
    failed = run(*common, "--out", f"{tmp_path}/out2")
    assert failed.returncode == 2
    assert "news.de.gz" in failed.stderr
    assert json.loads((tmp_path / "result.json").read_text())["status"] == "failed"
    # The record of the lease that the run held.
    assert {path.partition("/")[0] for path in files(tmp_path / "out2")} == {"snapshots"}
