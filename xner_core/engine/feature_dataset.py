"""Labels as a Ray data set of features.

Its rows are first label files, in a random order; a task reads one file and makes features of it, which it keeps in a
file for later passes. Apart from the training itself, so that the processes of Ray Data need not import all that a
training needs.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from typing import Any

import pyarrow as pa
import ray
from ray.data import DataIterator, Dataset
from transformers import PreTrainedTokenizerFast

from xner_core.models.units import TokenTokeniser
from xner_core.storage.files import Location, locate, read_table, write_table
from xner_core.training.feature_tables import texts_of, to_table
from xner_core.training.features import FeatureEncoder, Features, TargetScheme
from xner_core.training.label_filter import LabelFilter, TrainingFile

_ENCODED_AT_ONCE = 1024


@dataclass(frozen=True)
class _Encoding:
    """How label files become features."""

    filter: LabelFilter
    types: tuple[str, ...]
    window: int
    tokenizer: ray.ObjectRef
    kept: Location | None


def feature_dataset(
    files: Sequence[TrainingFile],
    label_filter: LabelFilter,
    types: Sequence[str],
    window: int,
    tokenizer: PreTrainedTokenizerFast,
    seed: int,
    kept: Location | None = None,
) -> Dataset:
    """The features of all texts to train on, one row each: `input_ids` and `targets`, lists of windows.

    Args:
        files: the labels
        label_filter: what to take from them
        types: entity types to learn
        window: tokens that the model reads at once
        tokenizer: of the model
        seed: of the order of the files
        kept: folder that all nodes see, of these very features, where each file's are kept from the first pass on and
            read by later ones; without it, each pass makes them
    """
    encoding = _Encoding(label_filter, tuple(types), window, ray.put(tokenizer), kept)
    rows = [
        {"labels": str(file.labels), "votes": file.votes and str(file.votes), "kept": f"{number:08d}.parquet"}
        for number, file in enumerate(files)
    ]
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
        yield from texts_of(block)


def _encode_files(batch: pa.Table, encoding: _Encoding) -> Iterator[pa.Table]:
    for row in batch.to_pylist():
        file = TrainingFile(locate(row["labels"]), row["votes"] and locate(row["votes"]))
        kept = encoding.kept and encoding.kept / row["kept"]
        if kept and kept.exists():
            yield read_table(kept)
            continue
        made = []
        for table in _encoded(file, encoding):
            yield table
            made.append(table)
        if kept and made:
            write_table(kept, pa.concat_tables(made))


def _encoded(file: TrainingFile, encoding: _Encoding) -> Iterator[pa.Table]:
    encode = _encoder(encoding.tokenizer, encoding.window, encoding.types)
    texts = encoding.filter.training(file)
    while some := list(islice(texts, _ENCODED_AT_ONCE)):
        yield to_table(encode(some))


@lru_cache(maxsize=1)
def _encoder(tokenizer: ray.ObjectRef, window: int, types: tuple[str, ...]) -> FeatureEncoder:
    """Once for each process: a tokenizer takes a second to load."""
    return FeatureEncoder(TokenTokeniser(ray.get(tokenizer), window), TargetScheme(types))
