"""Scores a tagger or a student on a gold file."""

import time
from collections.abc import Collection, Sequence
from typing import Any

import torch
from tqdm import tqdm

from xner_core.evaluation.entity_types import parse_types, scored_types
from xner_core.evaluation.evaluation_settings import TaggerEvaluation
from xner_core.evaluation.gold import GoldSentence, marked_types, read_sentences
from xner_core.evaluation.metrics import score
from xner_core.evaluation.schemes import OUTSIDE
from xner_core.evaluation.score_summary import tagger_summary
from xner_core.models.model_settings import Precision
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_check import check_tagger
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import tags_of_entities

# Sentences that a tagger is given at once, which bounds memory.
_AT_ONCE = 1024


def evaluate_tagger(settings: TaggerEvaluation) -> dict[str, Any]:
    """Scores any tagger or student on a gold file, and prints its scores by type.

    Figures are strict, by entity span and type (seqeval). `warnings` are in words: types that the model does not find,
    or the gold does not mark, and what the label map has to do with it.

    Raises:
        XnerError: a gold file that cannot be read, or types that gold and model do not share.
    """
    sentences = read_sentences(settings.conll, settings.language)
    found, of_map = check_tagger("model", settings.model, settings.label_map)
    wanted = parse_types(settings.labels, "labels")
    scored = scored_types(settings.conll, marked_types(sentences), {settings.model: found}, wanted)
    types = scored.types
    tagger = load_tagger(settings.model, settings.label_map, settings.precision)
    started = time.monotonic()
    predicted = predict_tags(tagger, sentences, types)
    seconds = time.monotonic() - started
    result = score([sentence.of_types(types).tags for sentence in sentences], predicted)
    warnings = [*scored.warnings, *of_map]
    if types and not any(tag != OUTSIDE for tags in predicted for tag in tags):
        warnings.append(f"{settings.model} finds no entity in {settings.conll}")
    figures = {
        "status": "done",
        "model": settings.model,
        "conll": settings.conll,
        "labels": types,
        **result,
        "sentences": len(sentences),
        "sentences_per_second": round(len(sentences) / seconds, 2),
        "warnings": warnings,
    }
    print(tagger_summary(figures))
    return figures


def load_tagger(model: str, label_map: str | dict[str, str], precision: Precision = "float32") -> Tagger:
    """A tagger or a student, on a GPU if there is one."""
    settings = TaggerSettings(model, label_map, precision=precision)
    return settings.load("cuda" if torch.cuda.is_available() else "cpu")


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
