from ray.data import ExecutionOptions
from transformers import AutoTokenizer

from label_files import label, row, sentences, write_labels
from xner_core.engine.feature_dataset import feature_dataset, feature_texts
from xner_core.labels.label_files import find_label_files
from xner_core.models.units import TokenTokeniser
from xner_core.storage.files import locate, read_table, write_table
from xner_core.training.features import FeatureEncoder, TargetScheme
from xner_core.training.label_filter import LabelFilter, TrainingFile


def test_features_stream_in_one_order_and_leave_out_what_is_not_trained_on(ray_session, tiny_encoder, tmp_path):
    rows = [row("Anna", [label("PER", 0, 4)], id_=f"{number:032x}") for number in range(50)]
    broken = [row("kaputt", quarantine="Traceback")]
    folder = write_labels(tmp_path, rows, broken, sentences(60), [], sentences(40, seed=3))
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    label_filter = LabelFilter(held_out=0.2)
    files = [TrainingFile(file.location) for file in find_label_files([folder])]
    kept = locate(tmp_path / "kept")
    dataset = feature_dataset(files, label_filter, ["LOC", "PER"], 128, tokenizer, seed=1, kept=kept)
    dataset.context.execution_options = ExecutionOptions(preserve_order=True)
    (shard,) = dataset.streaming_split(1, equal=True)
    first, second = (_plain(feature_texts(shard)) for _ in range(2))
    assert first == second
    # Later passes read what the first one made; a file of labels without a text to train on has none.
    assert len(kept.files()) == 2
    for file in kept.files():
        write_table(file, read_table(file).slice(1))
    assert len(_plain(feature_texts(shard))) == len(first) - 2

    encode = FeatureEncoder(TokenTokeniser(tokenizer, 128), TargetScheme(["LOC", "PER"]))
    by_file = [_plain(encode(list(label_filter.training(file)))) for file in files]
    expected = [text for texts in by_file for text in texts]
    assert 80 < len(expected) < 150
    assert sorted(first) == sorted(expected)
    # Not one domain after the other, as they are stored.
    assert first != expected


def _plain(texts) -> list:
    return [[(list(window["input_ids"]), list(window["targets"])) for window in windows] for windows in texts]
