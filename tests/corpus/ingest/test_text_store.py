import random

import numpy as np
import pytest

from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest import block_reading, writer
from xner_core.corpus.ingest.deduplication import find_duplicates
from xner_core.corpus.ingest.earlier import open_earlier
from xner_core.corpus.ingest.indexed_source import domain_rows
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.corpus.ingest.source_reading import SourceReader
from xner_core.corpus.ingest.text_store import TextStore
from xner_core.corpus.sources import find_sources
from xner_core.storage.files import locate
from xner_core.storage.tasks import InProcess

CLEANING = CleaningSettings(max_characters=40, identify_language=False)
# Some kept, some empty, some of them twice, within a file and across files.
A = [("One.", "Eins."), ("", "Leer."), ("Two.", "Zwei."), ("One.", "Eins."), ("x" * 41, "Lang."), ("Three.", "Drei.")]
B = [("Two.", "Zwei."), ("Four.", "Vier."), ("", "Nichts."), ("Five.", "Fünf.")]
NEW = [("Four.", "Vier."), ("", "Neu."), ("Six.", "Sechs."), ("Seven.", "Sieben.")]


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_every_text_is_found_by_the_place_of_its_pair(tmp_path, monkeypatch, batch):
    monkeypatch.setattr(block_reading, "BATCH_PAIRS", batch)
    monkeypatch.setattr(writer, "REJECTED_PART_ROWS", batch)
    (tmp_path / "text").mkdir()

    def write(name: str, rows: list[tuple[str, str]]) -> None:
        (tmp_path / "text" / f"{name}.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in rows))

    write("a", A)
    write("c", B)
    write("aa", NEW[:2])
    text, out = tmp_path / "text", tmp_path / "out"
    ingest_corpus(IngestSettings(str(text), str(out), "de", domain="news", shard_pairs=2, cleaning=CLEANING))
    (text / "aa.tsv").unlink()
    write("b", NEW)
    earlier = open_earlier(locate(str(out)), "en", "de")
    sources, _ = find_sources(locate(str(text)), "en", "de")
    reader = SourceReader(earlier, ("en", "de"), CLEANING, "news")
    spool = locate(str(tmp_path / "spool"))
    taken = reader.take([reader.look_up(source) for source in sources], InProcess(), spool)
    assert [source.earlier is None for source in taken] == [False, True, False]
    duplicates = find_duplicates(taken, InProcess(), spool)
    store = TextStore("news", taken, earlier)
    finders = [(source, store.finder(source)) for source in taken]
    places = [find(rows) for source, find in finders for rows in domain_rows("news", source, duplicates)]
    expected = [*A, *NEW, *B]
    order = random.Random(0).sample(range(len(expected)), len(expected))
    wanted = np.concatenate(places)[order]
    found = store.files.take(wanted).to_pylist()
    assert [(row["source_text"], row["target_text"]) for row in found] == [expected[number] for number in order]
    for some in (wanted[:1], wanted[2:5], wanted):
        files, moved = store.files.around(some)
        assert len(files.files) <= len(some)
        assert files.take(moved) == store.files.take(some)
