"""Scores a tagger or a student on a gold file."""

import time
from collections.abc import Collection, Sequence
from typing import Any

from tqdm import tqdm

from xner_core.evaluation.entity_types import scored_types
from xner_core.evaluation.evaluation_settings import TaggerEvaluation
from xner_core.evaluation.gold import GoldSentence, marked_types, read_sentences
from xner_core.evaluation.metrics import score
from xner_core.evaluation.schemes import OUTSIDE
from xner_core.evaluation.score_summary import tagger_summary
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_check import check_tagger
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
    gold, model = settings.gold, settings.tagger.model
    sentences = read_sentences(gold, settings.language)
    found, of_map = check_tagger("tagger.model", model, settings.tagger.label_map)
    scored = scored_types(gold, marked_types(sentences), {model: found}, settings.types)
    types = scored.types
    tagger = settings.tagger.load()
    started = time.monotonic()
    predicted = predict_tags(tagger, sentences, types)
    seconds = time.monotonic() - started
    result = score([sentence.of_types(types).tags for sentence in sentences], predicted)
    warnings = [*scored.warnings, *of_map]
    if types and not any(tag != OUTSIDE for tags in predicted for tag in tags):
        warnings.append(f"{model} finds no entity in {gold}")
    figures = {
        "status": "done",
        "model": model,
        "conll": gold,
        "labels": types,
        **result,
        "sentences": len(sentences),
        "sentences_per_second": round(len(sentences) / seconds, 2),
        "warnings": warnings,
    }
    print(tagger_summary(figures))
    return figures


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
