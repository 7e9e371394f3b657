import random

import numpy as np
import pytest

from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest import spool, writer
from xner_core.corpus.ingest.earlier import open_earlier
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.corpus.ingest.source_reading import SourceReader
from xner_core.corpus.ingest.text_store import TextStore
from xner_core.corpus.ingest.writer import CorpusWriter
from xner_core.corpus.sources import find_sources
from xner_core.storage.files import locate

CLEANING = CleaningSettings(max_characters=40, identify_language=False)
# Some kept, some empty, some of them twice, within a file and across files.
A = [("One.", "Eins."), ("", "Leer."), ("Two.", "Zwei."), ("One.", "Eins."), ("x" * 41, "Lang."), ("Three.", "Drei.")]
B = [("Two.", "Zwei."), ("Four.", "Vier."), ("", "Nichts."), ("Five.", "Fünf.")]
NEW = [("Four.", "Vier."), ("", "Neu."), ("Six.", "Sechs."), ("Seven.", "Sieben.")]


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_every_text_is_found_by_the_number_of_its_pair(tmp_path, monkeypatch, batch):
    monkeypatch.setattr(spool, "BATCH_PAIRS", batch)
    monkeypatch.setattr(writer, "REJECTED_PART_ROWS", batch)
    for folder in ("text", "spool"):
        (tmp_path / folder).mkdir()

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
    with CorpusWriter(earlier, "en", "de", shard_pairs=2) as new:
        reader = SourceReader(new, CLEANING, "news", tmp_path / "spool")
        taken = [reader.take(source) for source in sources]
        assert [source.earlier is None for source in taken] == [False, True, False]
        assert reader.pairs_read == len(NEW)
        store = TextStore("news", taken, earlier, tmp_path)
        expected = [*A, *NEW, *B]
        numbers = random.Random(0).sample(range(len(expected)), len(expected))
        found = store.take(np.array(numbers)).to_pylist()
    assert [(row["source_text"], row["target_text"]) for row in found] == [expected[number] for number in numbers]
