"""Scores a tagger or a student on a gold file."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tqdm import tqdm

from xner_core.evaluation.gold import GoldSentence, read_sentences
from xner_core.evaluation.metrics import score
from xner_core.models.precision import Precision
from xner_core.spans import tags_of_entities
from xner_core.tagging.checks import check_tagger
from xner_core.tagging.tagger import Tagger, TaggerSettings

# Sentences that a tagger is given at once, which bounds memory.
_AT_ONCE = 1024


@dataclass(frozen=True)
class TaggerEvaluation:
    """What is scored on what.

    Args:
        model: a tagger or a student: a Hugging Face name, a local folder, or `starter`
        conll: CoNLL file with IOB2 tags, or JSON lines as in `projection` (.jsonl); plain or .gz
        labels: entity types to score, separated by commas; all that the file marks if none are given
        label_map: `conll`, `ontonotes`, or a map from the model's entity types to those of the file
        language: which side of JSON lines is scored
        precision: of the model's arithmetic; bfloat16 is faster where the hardware has it, and moves scores slightly
    """

    model: str
    conll: str
    labels: str | None = None
    label_map: str | dict[str, str] = "conll"
    language: str | None = None
    precision: Precision = "float32"

    def __post_init__(self):
        if self.labels is not None and not all(self.labels.split(",")):
            raise ValueError(f"labels {self.labels!r}: give types separated by commas, as in PER,LOC,ORG")


def evaluate_tagger(settings: TaggerEvaluation) -> dict[str, Any]:
    """Scores any tagger or student on a gold file."""
    sentences = read_sentences(settings.conll, settings.language)
    types = set(settings.labels.split(",")) if settings.labels else marked_types(sentences)
    tagger = load_tagger(settings.model, settings.label_map, settings.precision)
    started = time.monotonic()
    predicted = predict_tags(tagger, sentences, types)
    seconds = time.monotonic() - started
    result = score([sentence.of_types(types).tags for sentence in sentences], predicted)
    return {
        "status": "done",
        "model": settings.model,
        "conll": settings.conll,
        "labels": sorted(types),
        **result,
        "sentences": len(sentences),
        "sentences_per_second": round(len(sentences) / seconds, 2),
    }


def load_tagger(model: str, label_map: str | dict[str, str], precision: Precision = "float32") -> Tagger:
    """A tagger or a student, on a GPU if there is one."""
    check_tagger("model", model, label_map)
    settings = TaggerSettings(model, label_map, precision=precision)
    return settings.load("cuda" if torch.cuda.is_available() else "cpu")


def marked_types(sentences: Sequence[GoldSentence]) -> set[str]:
    return {tag[2:] for sentence in sentences for tag in sentence.tags if tag != "O"}


def predict_tags(tagger: Tagger, sentences: Sequence[GoldSentence], types: Collection[str]) -> list[list[str]]:
    """IOB2 tags of each sentence's tokens; entities of other types are O."""
    tags = []
    with tqdm(total=len(sentences), unit="sentence", desc="tagged", leave=False, disable=None) as progress:
        for start in range(0, len(sentences), _AT_ONCE):
            part = sentences[start : start + _AT_ONCE]
            for sentence, found in zip(part, tagger.tag([sentence.text for sentence in part]), strict=True):
                tags.append(tags_of_entities([entity for entity in found if entity.type in types], sentence.tokens))
            progress.update(len(part))
    return tags
