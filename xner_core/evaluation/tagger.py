"""Scores a tagger or a student on a CoNLL file."""

import time
from dataclasses import dataclass
from typing import Any

import torch

from xner_core.errors import XnerError
from xner_core.evaluation.conll import TaggedSentence, read_conll
from xner_core.evaluation.metrics import score
from xner_core.spans import Span, join_tokens, tags_of_entities
from xner_core.tagging.tagger import Tagger, TaggerSettings
from xner_core.text import is_unspaced


@dataclass(frozen=True)
class TaggerEvaluation:
    """What is scored on what.

    Args:
        model: a tagger or a student: a Hugging Face name, a local folder, or `starter`
        conll: CoNLL file (plain or .gz) with IOB2 tags
        labels: entity types to score, separated by commas; all that the file marks if none are given
        label_map: `conll`, `ontonotes`, or a map from the model's entity types to those of the file
    """

    model: str
    conll: str
    labels: str | None = None
    label_map: str | dict[str, str] = "conll"

    def __post_init__(self):
        if self.labels is not None and not all(self.labels.split(",")):
            raise ValueError(f"labels {self.labels!r}: give types separated by commas, as in PER,LOC,ORG")


def evaluate_tagger(settings: TaggerEvaluation) -> dict[str, Any]:
    """Scores any tagger or student on a CoNLL file."""
    types = set(settings.labels.split(",")) if settings.labels else None
    sentences = read_conll(settings.conll, types)
    if not sentences:
        raise XnerError(f"{settings.conll}: holds no sentence")
    types = types or {tag[2:] for sentence in sentences for tag in sentence.tags if tag != "O"}
    tagger = Tagger(TaggerSettings(settings.model, settings.label_map), "cuda" if torch.cuda.is_available() else "cpu")
    started = time.monotonic()
    predicted = predict_tags(tagger, sentences, types)
    seconds = time.monotonic() - started
    result = score([sentence.tags for sentence in sentences], predicted)
    return {
        "status": "done",
        "model": settings.model,
        "conll": settings.conll,
        "labels": sorted(types),
        **result,
        "sentences": len(sentences),
        "sentences_per_second": round(len(sentences) / seconds, 2),
    }


def predict_tags(tagger: Tagger, sentences: list[TaggedSentence], types: set[str]) -> list[list[str]]:
    """IOB2 tags of each sentence's tokens; the tokens are joined as the script of the whole file is written."""
    unspaced = is_unspaced("".join(token for sentence in sentences for token in sentence.tokens))
    joined: list[tuple[str, list[Span]]] = [
        join_tokens(sentence.tokens, "zh" if unspaced else "en") for sentence in sentences
    ]
    entities = tagger.tag([text for text, _ in joined])
    return [
        tags_of_entities([entity for entity in found if entity.type in types], spans)
        for found, (_, spans) in zip(entities, joined, strict=True)
    ]
