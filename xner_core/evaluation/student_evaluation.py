"""Scores students against direct transfer: taggers applied to the target language as they are."""

import logging
import time
from functools import partial
from typing import Any

from transformers import AutoConfig

from xner_core.evaluation.comparison import DIRECT_TRANSFER, STUDENT, SYSTEMS, Predictions, compare
from xner_core.evaluation.entity_types import scored_types
from xner_core.evaluation.evaluation_settings import StudentEvaluation
from xner_core.evaluation.gold import marked_types, read_sentences
from xner_core.evaluation.score_summary import summary
from xner_core.evaluation.surfaces import seen_surfaces
from xner_core.evaluation.tagger_evaluation import predict_tags
from xner_core.labels.label_files import find_label_files, last_pair_of_sample
from xner_core.models.heads import head_labels
from xner_core.models.loading import tagger_folder
from xner_core.snapshots.repository import label_addresses
from xner_core.tagging.tagger_check import check_tagger
from xner_core.tagging.tagger_settings import TaggerSettings

logger = logging.getLogger(__name__)


def evaluate_student(settings: StudentEvaluation) -> dict[str, Any]:
    """Scores students of one or several seeds against direct transfer, strictly by entity span and type.

    Figures are means over the seeds, counts of mistakes too. `difference` is student less direct transfer, for all
    entities and by type, with the 95 % interval and the two-sided p-value of a paired bootstrap over sentences and, if
    there are several, seeds. With `labels`, precision, recall and F1 are also given apart for entities whose surface
    has been an entity in the labels (`seen`) and for the others (`unseen`). Mistakes are counted by type: `missed` and
    `invented` overlap nothing of the other side; the others overlap, and have a `wrong boundary`, a `wrong type`, or
    `both wrong`.
    """
    sentences = read_sentences(settings.gold, settings.language)
    models = {
        STUDENT: [(name, own_types(name)) for name in settings.students],
        DIRECT_TRANSFER: [(name, settings.label_map) for name in settings.baselines],
    }
    known = {
        f"{system.replace('_', ' ')} {name}": check_tagger(
            "students" if system == STUDENT else "baselines", name, types
        )
        for system, named in models.items()
        for name, types in named
    }
    found = {name: types for name, (types, _) in known.items()}
    scored = scored_types(settings.gold, marked_types(sentences), found, settings.types, shared=True)
    warnings = [*scored.warnings, *(warning for _, of_map in known.values() for warning in of_map)]
    seen = None
    if settings.labels:
        files = find_label_files(label_addresses(settings.labels), settings.domains)
        last_pair = last_pair_of_sample(files, settings.pairs) if settings.pairs else None
        seen = partial(seen_surfaces, files, last_pair=last_pair)
    predictions: dict[str, list[Predictions]] = {system: [] for system in SYSTEMS}
    speed: dict[str, float] = {}
    for system in SYSTEMS:
        started = time.monotonic()
        for name, label_map in models[system]:
            logger.info("%s: %d sentences", name, len(sentences))
            tagger = TaggerSettings(name, label_map, device=settings.device, precision=settings.precision).load()
            predictions[system].append(predict_tags(tagger, sentences, tagger.types))
        seconds = time.monotonic() - started
        speed[system] = round(len(sentences) * len(models[system]) / seconds, 2)
    result = {
        "status": "done",
        "gold": settings.gold,
        "students": settings.students,
        "baselines": settings.baselines,
        **compare(sentences, predictions, scored.types, seen, settings.draws, settings.examples, settings.seed),
        "sentences_per_second": speed,
        "warnings": warnings,
    }
    print(summary(result))
    return result


def own_types(student: str) -> dict[str, str]:
    """The label map of a student, whose types are what they are."""
    labels = head_labels(AutoConfig.from_pretrained(tagger_folder(student), trust_remote_code=False)).values()
    return {label[2:]: label[2:] for label in labels if label != "O"}
