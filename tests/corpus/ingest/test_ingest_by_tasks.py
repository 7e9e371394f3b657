"""One corpus, however its work is divided: by small blocks and buckets, out of order, in other processes, by Ray."""

import gzip
import json
import multiprocessing
import pickle
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xner_core.corpus import blocks
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest import block_reading, deduplication, shard_writing
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.engine.cluster_tasks import ClusterTasks
from xner_core.errors import XnerError
from xner_core.storage import file_identity
from xner_core.storage.tasks import InProcess, Tasks

WORDS = "Haus Baum Stadt Fluss Berg Straße Wasser 3 A".split()


@pytest.fixture(autouse=True)
def files_are_settled() -> Iterator[None]:
    """What is written is taken to be settled at once, however long a test takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_identity, "_SETTLED_SECONDS", -1)
        yield


class Shuffled:
    """Takes all items, does them in another order, and some twice; everything travels as between processes."""

    is_local = False

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def map(self, function: Callable, items: Iterator) -> Iterator:
        items = [pickle.dumps((function, item)) for item in items]
        order = [*range(len(items)), *self.random.choices(range(len(items)), k=len(items) // 3)] if items else []
        self.random.shuffle(order)
        results = {}
        for place in order:
            call, item = pickle.loads(items[place])
            results[place] = pickle.dumps(call(item))
        return (pickle.loads(results[place]) for place in range(len(items)))


class InPool:
    """In two other processes."""

    is_local = True

    def map(self, function: Callable, items: Iterator) -> Iterator:
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            yield from pool.map(function, items)


def write_sources(folder: Path, seed: int) -> None:
    """Sources of all formats, with duplicates within and between them, rows of several domains, and malformed ones."""
    chance = random.Random(seed)

    def text() -> str:
        return " ".join(chance.choices(WORDS, k=chance.randint(0, 3)))

    folder.mkdir()
    pairs = [*((text(), text()) for _ in range(60)), ("The end.", "Das Ende.")]
    for ending, side in (("en", 0), ("de", 1)):
        content = "".join(pair[side] + "\n" for pair in pairs).encode()
        (folder / f"moses.{ending}").write_bytes(content.replace(b"Fluss\n", b"Fluss\r\n"))
        (folder / f"packed.{ending}.gz").write_bytes(gzip.compress(content[: content.rfind(b"\n")], mtime=0))
    (folder / "a.tsv").write_bytes(b"\xef\xbb\xbf" + "".join(f"{text()}\t{text()}\n" for _ in range(40)).encode())
    (folder / "bad.tsv").write_bytes(b"no tab\n" + "".join(f"{text()}\t{text()}\t0.5\n" for _ in range(30)).encode())
    rows = [{"source": text(), "target": text(), "domain": chance.choice(["x", "y", None])} for _ in range(50)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pq.write_table(pa.Table.from_pylist(rows[::-1]), folder / "rows.parquet", row_group_size=7)
    units = "".join(
        f'<tu><tuv lang="en"><seg>{a}</seg></tuv><tuv lang="de"><seg>{b}</seg></tuv></tu>' for a, b in pairs
    )
    (folder / "units.tmx").write_text(f"<tmx><body>{units}</body></tmx>")


def ingest(corpus: Path, out: Path, tasks: Tasks) -> dict:
    cleaning = CleaningSettings(max_length_ratio=2, identify_language=False)
    settings = IngestSettings(str(corpus), str(out), "de", shard_pairs=5, malformed_limit=0.1, cleaning=cleaning)
    return ingest_corpus(settings, lambda _: tasks)


def content(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def make_small(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(blocks, "BLOCK_PAIRS", chance.randint(1, 9))
    monkeypatch.setattr(blocks, "BLOCK_BYTES", chance.choice([20, 1 << 20]))
    monkeypatch.setattr(block_reading, "BATCH_PAIRS", chance.randint(1, 9))
    monkeypatch.setattr(deduplication, "BUCKET_PAIRS", chance.randint(5, 200))
    monkeypatch.setattr(deduplication, "PART_GROUPS", 1)
    monkeypatch.setattr(shard_writing, "GROUP_PAIRS", chance.randint(1, 20))


@pytest.mark.parametrize("seed", range(6))
def test_small_blocks_in_any_order_make_the_same_corpus(tmp_path, monkeypatch, seed):
    write_sources(tmp_path / "text", seed)
    ingest(tmp_path / "text", tmp_path / "whole", InProcess())
    make_small(monkeypatch, seed)
    ingest(tmp_path / "text", tmp_path / "parts", Shuffled(seed))
    assert content(tmp_path / "parts") == content(tmp_path / "whole")
    # And so when most of it is there already.
    write_sources(tmp_path / "more", seed + 100)
    (tmp_path / "more" / "a.tsv").rename(tmp_path / "text" / "b.tsv")
    (tmp_path / "text" / "moses.en").unlink()
    ingest(tmp_path / "text", tmp_path / "parts", Shuffled(seed))
    monkeypatch.undo()
    ingest(tmp_path / "text", tmp_path / "fresh", InProcess())
    manifests = [json.loads(content(tmp_path / name).pop("manifest.json")) for name in ("parts", "fresh")]
    assert manifests[0] == manifests[1]
    assert content(tmp_path / "parts") == content(tmp_path / "fresh")


def test_other_processes_make_the_same_corpus(tmp_path):
    assert_same_corpus(tmp_path, InPool())


@pytest.mark.usefixtures("ray_session")
def test_a_cluster_makes_the_same_corpus(tmp_path):
    assert_same_corpus(tmp_path, ClusterTasks())


def assert_same_corpus(folder: Path, tasks: Tasks):
    write_sources(folder / "text", 7)
    ingest(folder / "text", folder / "whole", InProcess())
    ingest(folder / "text", folder / "parts", tasks)
    assert content(folder / "parts") == content(folder / "whole")


@pytest.mark.parametrize("fails", ["BlockReader", "_Partitioner", "_Finder", "ShardWriter"])
def test_nothing_remains_of_an_ingest_whose_tasks_fail(tmp_path, fails):
    class Failing(Shuffled):
        def map(self, function, items):
            found = list(super().map(function, items))
            if type(function).__name__ == fails:
                raise XnerError("a task failed")
            return iter(found)

    write_sources(tmp_path / "text", 8)
    ingest(tmp_path / "text", tmp_path / "out", InProcess())
    before = content(tmp_path / "out")
    (tmp_path / "text" / "a.tsv").write_text("Neu\tNew\n")
    with pytest.raises(XnerError, match="a task failed"):
        ingest(tmp_path / "text", tmp_path / "out", Failing(8))
    assert content(tmp_path / "out") == before
    with pytest.raises(XnerError, match="a task failed"):
        ingest(tmp_path / "text", tmp_path / "other", Failing(8))
    assert content(tmp_path / "other") == {}
