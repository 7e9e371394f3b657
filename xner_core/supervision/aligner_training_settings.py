"""What aligners are made from, and how: their examples, their training, or a fit without any."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from jsonargparse.typing import NonNegativeInt, PositiveFloat, PositiveInt

from xner_core.models.model_settings import STARTER, Device, TrainingPrecision
from xner_core.tagging.tagger_settings import TaggerSettings


@dataclass(frozen=True)
class AlignerTrainingSettings:
    """What an aligner is trained on, and how.

    Args:
        examples: folder that `xner train-aligner examples` wrote
        out: folder of the trained aligner, local or s3://
        kind: `span-query` reads a sentence pair once for all its entities, `marker` once for each
        encoder: a Hugging Face encoder like XLM-R, a local folder, or `starter`
        layers: hidden layers of it that are used, from the lowest; two thirds of them without it
        adapter_rank: rank of the low-rank adapter that is trained on them
        steps: optimiser steps of the first round
        rounds: rounds of self-training after it, each of a third as many steps
        batch_tokens: tokens of a step, padding included
        learning_rate: the highest learning rate, reached after 5 % of the steps; it then falls linearly to 0
        device: `cpu`, `cuda`, or `auto`, which is a GPU where the machine has one
        precision: of the arithmetic of the encoder; `auto` is bfloat16 where the hardware has it, else float32
        seed: of every random choice
    """

    examples: str
    out: str
    kind: Literal["span-query", "marker"] = "span-query"
    encoder: str = STARTER
    layers: PositiveInt | None = None
    adapter_rank: PositiveInt = 32
    steps: PositiveInt = 3600
    rounds: NonNegativeInt = 1
    batch_tokens: PositiveInt = 1024
    learning_rate: PositiveFloat = 5e-4
    device: Device = "auto"
    precision: TrainingPrecision = "auto"
    seed: int = 1


@dataclass
class ExampleSettings:
    """What examples are made from, and how many.

    Args:
        corpora: folders of ingested corpora, local or s3://, each of English and one other language
        out: folder of the examples, local or s3://: one Parquet file for each corpus, named like its folder
        lexicons: lists of names: tab-separated type, English name, other name and id; files named
            <name>.en-<language>.tsv or .tsv.gz
        pairs_per_corpus: pairs of each corpus, at most, in equal shares of its domains
        tagger: finds the names
        encoder: whose hidden states are compared: a Hugging Face encoder, a local folder, or `starter`
        longest: pairs with more words on a side are left out
        seed: of the choice of pairs
    """

    corpora: list[str]
    out: str
    lexicons: list[str] = field(default_factory=list)
    pairs_per_corpus: PositiveInt = 5000
    tagger: TaggerSettings = field(default_factory=TaggerSettings)
    encoder: str = STARTER
    longest: PositiveInt = 100
    seed: NonNegativeInt = 1

    def __post_init__(self) -> None:
        if not self.corpora:
            raise ValueError("corpora is empty; name at least one ingested corpus")
        names = Counter(PurePosixPath(each).name for each in self.corpora)
        repeated = [name for name, count in names.items() if count > 1]
        if repeated:
            raise ValueError(f"several corpora are in folders named {repeated[0]!r}; each needs a name of its own")


@dataclass(frozen=True)
class AlignerFitting:
    """What an aligner is fitted to.

    Args:
        corpus: an ingested corpus, local or s3://
        out: folder of the fitted aligner, local or s3://
        encoder: a Hugging Face encoder, a local folder, or `starter`
        names: names that both sides hold letter for letter, to be found in as many pairs; each gives four probes
        most_pairs: pairs to look through for them, at most
        device: `cpu`, `cuda`, or `auto`, which is a GPU where the machine has one
        batch_tokens: tokens, padding included, that the encoder reads at once
        seed: of the choice of pairs and names
    """

    corpus: str
    out: str
    encoder: str = STARTER
    names: PositiveInt = 400
    most_pairs: PositiveInt = 100_000
    device: Device = "auto"
    batch_tokens: PositiveInt = 4096
    seed: NonNegativeInt = 1
