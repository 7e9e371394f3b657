from collections import Counter

import pyarrow as pa
import pytest

from label_files import FINGERPRINT, row, sentences, write_labels
from xner_core.errors import XnerError
from xner_core.labels.consensus import CONSENSUS
from xner_core.labels.label_files import count_rows, find_label_files, last_pair_of_sample
from xner_core.labels.schema import LABELS
from xner_core.storage.files import locate, write_table
from xner_core.training.annotations import LabelCounts
from xner_core.training.label_filter import COLUMNS, LabelFilter, TrainingFile
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
    assert count_rows(files, COLUMNS) == [3, 5, 4]
    partition = f"{folder}/language=de/domain=wiki"
    assert find_label_files([partition]) == files[2:]
    assert find_label_files([folder, partition]) == files


def test_files_in_an_object_store_are_found(s3_folder):
    target = locate(s3_folder) / "labels" / FINGERPRINT / "language=de" / "domain=news" / "1.parquet"
    write_table(target, _table(*sentences(3)))
    (file,) = find_label_files([f"{s3_folder}/labels/{FINGERPRINT}"])
    assert (file.fingerprint, count_rows([file], COLUMNS)) == (FINGERPRINT, [3])


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
        count_rows(find_label_files([str(tmp_path)]), COLUMNS)
    (folder / "1.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(XnerError, match="not a readable Parquet file"):
        count_rows(find_label_files([str(tmp_path)]), COLUMNS)


def test_counts_add_up():
    counts = LabelCounts(1, Counter(PER=1), 2, Counter(ORG=1))
    counts.add(LabelCounts(2, Counter(PER=1, LOC=3)))
    assert (counts.sentences, counts.masked) == (3, 2)
    assert (dict(counts.entities), dict(counts.open)) == ({"PER": 2, "LOC": 3}, {"ORG": 1})
    assert counts.types == {"PER", "LOC", "ORG"}


def _file(tmp_path, *rows) -> TrainingFile:
    (file,) = find_label_files([write_labels(tmp_path, rows)])
    return TrainingFile(file.location)


def test_samples_are_nested_and_of_the_size_that_is_asked(tmp_path):
    files = find_label_files(
        [write_labels(tmp_path, *([row(f"Satz {file} {n}") for n in range(50)] for file in range(3)))]
    )
    samples = []
    for size in (10, 40, 150, 200):
        chosen = LabelFilter(last_pair=last_pair_of_sample(files, size))
        samples.append({text.text for file in files for text in chosen.training(TrainingFile(file.location))})
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
    rows = [row(f"Satz {number}") for number in range(2000)]
    file = _file(tmp_path, *rows)
    trained, scored = LabelFilter(held_out=0.1).annotations(file)
    assert len(trained) + len(scored) == 2000
    assert 150 < len(scored) < 250
    # An id's end decides, and a larger share keeps what a smaller one held out.
    assert scored.texts == [row["target_text"] for row in rows if int(row["pair_id"][-8:], 16) < 0.1 * 2**32]
    _, fewer = LabelFilter(held_out=0.05).annotations(file)
    assert 50 < len(fewer) < 150
    assert set(fewer.texts) < set(scored.texts)
    everything, nothing = LabelFilter().annotations(file)
    assert (len(everything), len(nothing)) == (2000, 0)


def test_votes_are_read_beside_the_labels_that_they_are_on(tmp_path):
    labels, others = sentences(20), sentences(20, seed=2)
    (file,) = find_label_files([write_labels(tmp_path / "labels", labels)])
    votes = [{"pair_id": row["pair_id"], "votes": [], "recovered": []} for row in labels]
    location = locate(tmp_path / "votes.parquet")
    write_table(location, pa.Table.from_pylist(votes, schema=CONSENSUS))
    assert TrainingFile(file.location, location).read()["votes"].to_pylist() == [[]] * 20
    (other,) = find_label_files([write_labels(tmp_path / "others", others)])
    with pytest.raises(XnerError, match="not the votes on"):
        TrainingFile(other.location, location).read()


def test_texts_to_train_on_are_augmented_and_those_held_out_are_not(tmp_path):
    file = _file(tmp_path, *sentences(200))
    plain = LabelFilter(held_out=0.2)
    capitals = LabelFilter(held_out=0.2, augmentation=AugmentationSettings(tokenised=0.0, capitals=1.0))
    assert [text.text for text in capitals.training(file)] == [text.text.upper() for text in plain.training(file)]
    assert list(capitals.annotations(file)[1]) == list(plain.annotations(file)[1])
