import pyarrow as pa
import pytest

from label_files import FINGERPRINT, row, sentences, write_labels
from xner_core.errors import XnerError
from xner_core.labels.consensus import CONSENSUS
from xner_core.labels.label_files import count_rows, find_label_files, last_pair_of_sample
from xner_core.labels.schema import LABELS
from xner_core.storage.files import locate, write_table
from xner_core.text.spans import Entity, Span
from xner_core.training.features import AnnotatedText
from xner_core.training.label_filter import COLUMNS, LabelCounts, LabelFilter, TrainingFile
from xner_core.training.student_settings import AugmentationSettings


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


def test_counts_add_up():
    counts = LabelCounts()
    entity = Entity(Span(0, 4), "PER")
    counts.add([AnnotatedText("Anna Ulm Ulm", [entity], [Span(5, 8), Span(9, 12)], frozenset({"ORG"}))])
    counts.add([AnnotatedText("Anna lacht", [entity]), AnnotatedText("Es regnet")])
    assert (counts.sentences, dict(counts.entities), counts.masked, dict(counts.open)) == (3, {"PER": 2}, 2, {"ORG": 1})
    assert counts.types == {"PER", "ORG"}


def _file(tmp_path, *rows) -> TrainingFile:
    (file,) = find_label_files([write_labels(tmp_path, rows)])
    return TrainingFile(file.location)


def test_samples_are_nested_and_of_the_size_that_is_asked(tmp_path):
    files = find_label_files([write_labels(tmp_path, *(sentences(50, seed) for seed in range(3)))])
    samples = []
    for size in (10, 40, 150, 200):
        chosen = LabelFilter(last_pair=last_pair_of_sample(files, size))
        samples.append({row["pair_id"] for file in files for row in chosen._rows(TrainingFile(file.location))})
    assert [len(sample) for sample in samples] == [10, 40, 150, 150]
    assert samples[0] < samples[1] < samples[2]


def test_domains_are_chosen_by_name(tmp_path):
    folder = write_labels(tmp_path, sentences(3), sentences(4), sentences(5))
    assert [file.domain for file in find_label_files([folder], ["wiki"])] == ["wiki"]
    with pytest.raises(XnerError, match="no labels of the domains sport; there are news, wiki"):
        find_label_files([folder], ["wiki", "sport"])


def test_pairs_on_which_a_stage_failed_are_dropped(tmp_path):
    assert list(LabelFilter().training(_file(tmp_path, row("Text", quarantine="Traceback")))) == []


def test_held_out_pairs_are_the_others_and_few(tmp_path):
    file = _file(tmp_path, *sentences(2000))
    held_out, rest = LabelFilter(held_out=0.1), LabelFilter()
    scored, trained = list(held_out.scoring(file)), list(held_out.training(file))
    assert len(scored) + len(trained) == 2000
    assert 150 < len(scored) < 250
    assert len(list(rest.training(file))) == 2000
    assert not list(rest.scoring(file))
    # A larger share keeps what a smaller one held out.
    ids = [row["pair_id"] for row in sentences(2000)]
    smaller = {id_ for id_ in ids if LabelFilter(held_out=0.05)._is_held_out(id_)}
    assert smaller < {id_ for id_ in ids if held_out._is_held_out(id_)}


def test_votes_are_read_beside_the_labels_that_they_are_on(tmp_path):
    labels, others = sentences(20), sentences(20, seed=2)
    (file,) = find_label_files([write_labels(tmp_path / "labels", labels)])
    votes = [{"pair_id": row["pair_id"], "votes": [], "recovered": []} for row in labels]
    location = locate(tmp_path / "votes.parquet")
    write_table(location, pa.Table.from_pylist(votes, schema=CONSENSUS))
    read = list(TrainingFile(file.location, location).read())
    assert [row["votes"] for row in read] == [[]] * 20
    (other,) = find_label_files([write_labels(tmp_path / "others", others)])
    with pytest.raises(XnerError, match="not the votes on"):
        TrainingFile(other.location, location).read()


def test_texts_to_train_on_are_augmented_and_those_held_out_are_not(tmp_path):
    file = _file(tmp_path, *sentences(200))
    plain = LabelFilter(held_out=0.2)
    capitals = LabelFilter(held_out=0.2, augmentation=AugmentationSettings(tokenised=0.0, capitals=1.0))
    assert [text.text for text in capitals.training(file)] == [text.text.upper() for text in plain.training(file)]
    assert list(capitals.scoring(file)) == list(plain.scoring(file))
