"""What a model predicts on the gold files of a study, kept beside the model, so that no score needs it again."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa

from xner_core.evaluation.gold import GoldSentence, read_sentences
from xner_core.evaluation.tagger_evaluation import predict_tags
from xner_core.storage.files import Location, locate, read_table, write_table
from xner_core.storage.hashing import fingerprint
from xner_core.tagging.tagger_settings import VERSION, TaggerSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GoldFile:
    """A gold file of a study: its name in the results, its path, and the side that is read of JSON lines."""

    name: str
    path: str
    language: str | None

    def predictions(self, folder: Path) -> Location:
        """Where a model with this folder keeps its predictions on it."""
        return locate(folder / f"predictions-{_key(self)}.parquet")


@cache
def gold_sentences(gold: GoldFile) -> list[GoldSentence]:
    """The sentences of a gold file, read once."""
    return read_sentences(gold.path, gold.language)


@cache
def _key(gold: GoldFile) -> str:
    """The identity of predictions on a gold file: texts and tokens as they are read, and the version of the tagger."""
    return fingerprint(sentences=[(each.text, each.tokens) for each in gold_sentences(gold)], tagger=VERSION)


def are_there(folder: Path, golds: Sequence[GoldFile]) -> bool:
    """Whether a folder holds predictions on all these gold files."""
    return all(gold.predictions(folder).exists() for gold in golds)


def predict(folder: Path, model: str, types: str | Mapping[str, str], golds: Sequence[GoldFile]) -> None:
    """Writes a model's IOB2 tags on all gold files where they are not there yet."""
    missing = [gold for gold in golds if not gold.predictions(folder).exists()]
    if missing:
        tagger = TaggerSettings(model, types if isinstance(types, str) else dict(types), precision="float32").load()
        for gold in missing:
            tags = predict_tags(tagger, gold_sentences(gold), tagger.types)
            write_table(gold.predictions(folder), pa.table({"tags": pa.array(tags, pa.list_(pa.string()))}))


def read_predictions(folder: Path, gold: GoldFile) -> list[list[str]]:
    """IOB2 tags of each sentence's tokens."""
    return read_table(gold.predictions(folder))["tags"].to_pylist()
