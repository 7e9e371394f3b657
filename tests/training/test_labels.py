import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from label_files import FINGERPRINT, label, row, sentences, write_labels

from xner_core.errors import XnerError
from xner_core.files import locate, write_table
from xner_core.projection.label_files import count_rows, find_label_files
from xner_core.projection.schema import LABELS
from xner_core.spans import Span
from xner_core.training.labels import COLUMNS, LabelCounts, LabelFilter, TrustSettings, last_pair_of_sample


def _table(*rows) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=LABELS)


def test_finds_files_of_a_projection_and_of_a_partition(tmp_path):
    folder = write_labels(tmp_path, sentences(3), sentences(4), sentences(5))
    (tmp_path / "labels" / FINGERPRINT / "_projection.json").write_text("{}")
    files = find_label_files([folder])
    assert [(file.fingerprint, file.language, file.domain) for file in files] == [
        (FINGERPRINT, "de", "news"),
        (FINGERPRINT, "de", "news"),
        (FINGERPRINT, "de", "wiki"),
    ]
    assert sum(count_rows(file, COLUMNS) for file in files) == 12
    partition = f"{folder}/language=de/domain=wiki"
    assert find_label_files([partition]) == files[2:]
    assert find_label_files([folder, partition]) == files


def test_files_in_an_object_store_are_found(s3_folder):
    target = locate(s3_folder) / "labels" / FINGERPRINT / "language=de" / "domain=news" / "1.parquet"
    write_table(target, _table(*sentences(3)))
    (file,) = find_label_files([f"{s3_folder}/labels/{FINGERPRINT}"])
    assert (file.fingerprint, count_rows(file, COLUMNS)) == (FINGERPRINT, 3)


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(XnerError, match="no label files"):
        find_label_files([str(tmp_path)])
    write_table(locate(tmp_path / "other" / "1.parquet"), _table())
    with pytest.raises(XnerError, match="language="):
        find_label_files([str(tmp_path)])


def test_a_file_that_holds_no_labels_is_refused(tmp_path):
    folder = tmp_path / FINGERPRINT / "language=de" / "domain=news"
    write_table(locate(folder / "1.parquet"), pa.table({"pair_id": ["00"]}))
    with pytest.raises(XnerError, match="no column entities, mentions, quarantine, target_text"):
        count_rows(find_label_files([str(tmp_path)])[0], COLUMNS)
    (folder / "1.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(XnerError, match="not a readable Parquet file"):
        count_rows(find_label_files([str(tmp_path)])[0], COLUMNS)


def test_sure_labels_are_entities_unsure_ones_masked_and_failed_ones_leave_their_type_open():
    labels = [
        label("PER", 0, 4, tagger=0.9, aligner=0.8),
        label("LOC", 5, 8, tagger=0.4, aligner=0.9),
        label("LOC", 9, 12, tagger=0.9, aligner=0.4),
        label("ORG", None, None),
    ]
    (text,) = LabelFilter(TrustSettings(0.5, 0.5)).training(_table(row("Anna Ulm Ulm und mehr", labels)))
    assert [(entity.span, entity.type) for entity in text.entities] == [(Span(0, 4), "PER")]
    assert text.entities[0].confidence == pytest.approx(0.72)
    assert text.masked == [Span(5, 8), Span(9, 12)]
    assert text.missed == {"ORG"}
    (everything,) = LabelFilter().training(_table(row("Anna Ulm Ulm und mehr", labels)))
    assert [entity.type for entity in everything.entities] == ["PER", "LOC", "LOC"]

    counts = LabelCounts()
    counts.add(text)
    assert (counts.sentences, dict(counts.entities), counts.masked, dict(counts.open)) == (1, {"PER": 1}, 2, {"ORG": 1})
    assert counts.types == {"PER", "ORG"}


def _mention(type_: str, start: int, end: int, confidence: float) -> dict:
    return {"type": type_, "start": start, "end": end, "confidence": confidence}


def test_mentions_that_no_entity_explains_are_masked_or_learnt():
    labels = [label("PER", 0, 4), label("LOC", 8, 11)]
    mentions = [
        _mention("PER", 0, 4, 0.9),
        _mention("ORG", 8, 11, 0.8),
        _mention("LOC", 16, 20, 0.7),
        _mention("LOC", 25, 29, 0.95),
    ]
    table = _table(row("Anna in Ulm und Bonn und Kiel", labels, mentions=mentions))

    def read(**trust):
        (text,) = LabelFilter(TrustSettings(**trust)).training(table)
        return [(entity.type, entity.span.start) for entity in text.entities], [span.start for span in text.masked]

    assert read() == ([("PER", 0), ("LOC", 8)], [])
    assert read(unexplained=0.69) == ([("PER", 0), ("LOC", 8)], [16, 25])
    assert read(unexplained=0.8) == ([("PER", 0), ("LOC", 8)], [25])
    assert read(unexplained=0.5, adopted=0.9) == ([("PER", 0), ("LOC", 8), ("LOC", 25)], [16])
    assert read(contradicted=0.8) == ([("PER", 0)], [8])
    assert read(contradicted=0.85) == ([("PER", 0), ("LOC", 8)], [])


def test_samples_are_nested_and_of_the_size_that_is_asked(tmp_path):
    files = find_label_files([write_labels(tmp_path, *(sentences(50, seed) for seed in range(3)))])
    samples = []
    for size in (10, 40, 150, 200):
        chosen = LabelFilter(last_pair=last_pair_of_sample(files, size))
        tables = [pq.read_table(file.location.path, partitioning=None) for file in files]
        samples.append({row["pair_id"] for table in tables for row in chosen._rows(table)})
    assert [len(sample) for sample in samples] == [10, 40, 150, 150]
    assert samples[0] < samples[1] < samples[2]


def test_domains_are_chosen_by_name(tmp_path):
    folder = write_labels(tmp_path, sentences(3), sentences(4), sentences(5))
    assert [file.domain for file in find_label_files([folder], ["wiki"])] == ["wiki"]
    with pytest.raises(XnerError, match="no labels of the domains sport; there are news, wiki"):
        find_label_files([folder], ["wiki", "sport"])


def test_pairs_on_which_a_stage_failed_are_dropped():
    assert list(LabelFilter().training(_table(row("Text", quarantine="Traceback")))) == []


def test_held_out_pairs_are_the_others_and_few():
    table = _table(*sentences(2000))
    held_out, rest = LabelFilter(held_out=0.1), LabelFilter()
    scored, trained = list(held_out.scoring(table)), list(held_out.training(table))
    assert len(scored) + len(trained) == 2000
    assert 150 < len(scored) < 250
    assert len(list(rest.training(table))) == 2000
    assert not list(rest.scoring(table))
    # A larger share keeps what a smaller one held out.
    ids = [row["pair_id"] for row in sentences(2000)]
    smaller = {id_ for id_ in ids if LabelFilter(held_out=0.05)._is_held_out(id_)}
    assert smaller < {id_ for id_ in ids if held_out._is_held_out(id_)}
