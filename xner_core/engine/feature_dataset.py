"""Labels as a Ray data set of features.

Its rows are first label files, in a random order; a task reads one file and makes features of it. Apart from the
training itself, so that the processes of Ray Data need not import all that a training needs.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa
import ray
from ray.data import DataIterator, Dataset
from transformers import PreTrainedTokenizerFast

from xner_core.models.units import TokenTokeniser
from xner_core.storage.files import locate
from xner_core.training.features import FeatureEncoder, Features, TargetScheme
from xner_core.training.label_filter import LabelFilter, TrainingFile

_ENCODED_AT_ONCE = 1024
_FEATURES = pa.schema({"input_ids": pa.list_(pa.list_(pa.int32())), "targets": pa.list_(pa.list_(pa.int64()))})


@dataclass(frozen=True)
class _Encoding:
    """How label files become features."""

    filter: LabelFilter
    types: tuple[str, ...]
    window: int
    tokenizer: ray.ObjectRef


def feature_dataset(
    files: Sequence[TrainingFile],
    label_filter: LabelFilter,
    types: Sequence[str],
    window: int,
    tokenizer: PreTrainedTokenizerFast,
    seed: int,
) -> Dataset:
    """The features of all texts to train on, one row each: `input_ids` and `targets`, lists of windows.

    Args:
        files: the labels
        label_filter: what to take from them
        types: entity types to learn
        window: tokens that the model reads at once
        tokenizer: of the model
        seed: of the order of the files
    """
    encoding = _Encoding(label_filter, tuple(types), window, ray.put(tokenizer))
    rows = [{"labels": str(file.labels), "votes": file.votes and str(file.votes)} for file in files]
    # They are sorted by domain, and domains would be learnt one after the other.
    random.Random(seed).shuffle(rows)
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows))
    dataset = dataset.map_batches(partial(_encode_files, encoding=encoding), batch_size=1, batch_format="pyarrow")
    dataset.context.enable_progress_bars = False
    dataset.context.print_on_execution_start = False
    # Workers may train for longer than the time-out on what they hold, and Ray Data stands still meanwhile.
    dataset.context.execution_no_progress_timeout_s = -1
    return dataset


def feature_texts(rows: DataIterator) -> Iterator[list[Features]]:
    """The windows of each text, in the order of the rows."""
    # None means whole blocks, which its annotation does not know.
    blocks: Iterable[Any] = rows.iter_batches(batch_size=None, batch_format="pyarrow")  # pyrefly: ignore[bad-argument-type]
    for block in blocks:
        for row in block.to_pylist():
            yield [Features(input_ids=i, targets=t) for i, t in zip(row["input_ids"], row["targets"], strict=True)]


def _encode_files(batch: pa.Table, encoding: _Encoding) -> Iterator[pa.Table]:
    encode = _encoder(encoding.tokenizer, encoding.window, encoding.types)
    for row in batch.to_pylist():
        file = TrainingFile(locate(row["labels"]), row["votes"] and locate(row["votes"]))
        texts = list(encoding.filter.training(file))
        for start in range(0, len(texts), _ENCODED_AT_ONCE):
            encoded: Sequence[Sequence[Mapping[str, Any]]] = encode(texts[start : start + _ENCODED_AT_ONCE])
            yield pa.table(
                {name: [[window[name] for window in windows] for windows in encoded] for name in _FEATURES.names},
                schema=_FEATURES,
            )


@lru_cache(maxsize=1)
def _encoder(tokenizer: ray.ObjectRef, window: int, types: tuple[str, ...]) -> FeatureEncoder:
    """Once for each process: a tokenizer takes a second to load."""
    return FeatureEncoder(TokenTokeniser(ray.get(tokenizer), window), TargetScheme(types))
