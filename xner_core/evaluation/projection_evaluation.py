"""Scores the projection of entities on sentences whose two sides are annotated by hand."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from xner_core.alignment.aligner_kinds import SIMILARITY
from xner_core.corpus.layout import open_corpus
from xner_core.errors import XnerError
from xner_core.evaluation.entity_types import scored_types
from xner_core.evaluation.evaluation_settings import ProjectionEvaluation
from xner_core.evaluation.figures import EntityAligner, projection_figures
from xner_core.evaluation.gold import marked_types, read_gold
from xner_core.evaluation.rivals import LinkAligner, WordPair, eflomal_linker, require, simalign_linker, word_pair
from xner_core.evaluation.score_summary import warning_lines
from xner_core.evaluation.text_table import text_table
from xner_core.models.devices import local_device
from xner_core.models.model_settings import STARTER
from xner_core.storage.files import locate, read_table
from xner_core.tagging.tagger_check import check_tagger

logger = logging.getLogger(__name__)

# What makes an aligner, by its name.
Loaders = dict[str, Callable[[], EntityAligner]]
# Pairs that are aligned before the clock starts.
_WARM_UP = 8
# What keeps nothing of one call for the next gains nothing by it.
_NEVER_WARM = {"eflomal"}


def evaluate_projection(settings: ProjectionEvaluation) -> dict[str, Any]:
    """Scores an aligner on hand-annotated sentence pairs, as the entities that it projects onto the target side.

    `count_f1` is the F1 of the typed entity counts of the two sides: how far these agree on what to mark. It is no
    bound (see `gold.count_f1`); `share_of_count_f1` is f1 / count_f1. `share_null` is the share of source entities
    without a counterpart, and `pairs_per_second` counts the pairs with entities, for the others cost nothing.
    `calibration` compares the confidence of the projected entities with whether the gold has them. `null` is measured
    on entities that are the only ones of their type on both sides: the share of them said to have no counterpart
    (`aligned_null`), and that share once it is cut out of the text (`removed_null`).

    With `compare` these are figures of several aligners, as `rows`.
    """
    pairs = read_gold(settings.gold, settings.source, settings.target)
    loaders = _compared(settings) if settings.compare else {settings.aligner.model: settings.aligner.load}
    warnings: list[str] = []
    if settings.entities == "gold":
        entities = [source.entities() for source, _ in pairs]
    else:
        types = marked_types(side for pair in pairs for side in pair)
        name = settings.tagger.model
        known, of_map = check_tagger("tagger.model", name, settings.tagger.label_map)
        warnings += scored_types(settings.gold, types, {name: known}).warnings + of_map
        tagged = settings.tagger.load().tag([source.text for source, _ in pairs])
        entities = [[entity for entity in found if entity.type in types] for found in tagged]
    rows = []
    for name, load in loaders.items():
        logger.info("%s: %d pairs", name, len(pairs))
        warm_up = 0 if name in _NEVER_WARM else _WARM_UP
        rows.append({"aligner": name, **projection_figures(load(), pairs, entities, warm_up)})
    print("\n".join([as_table(rows), *warning_lines(warnings)]))
    return {
        "status": "done",
        "gold": settings.gold,
        "source": settings.source,
        "target": settings.target,
        "encoder": settings.aligner.encoder,
        "entities": settings.entities,
        "warnings": warnings,
        **({"rows": rows} if settings.compare else rows[0]),
    }


def _compared(settings: ProjectionEvaluation) -> Loaders:
    """xner's own aligners, then the rivals; before anything slow it is known that all of these can be had."""
    for rival in settings.rivals:
        require(rival)
    loaders: Loaders = {}
    for name in settings.aligners:
        encoder = settings.aligner.encoder if name == SIMILARITY else None
        loaders[name] = replace(settings.aligner, model=name, encoder=encoder).load
    if "simalign" in settings.rivals:
        loaders["simalign"] = lambda: LinkAligner(
            simalign_linker(settings.aligner.encoder or STARTER, local_device(settings.aligner.device))
        )
    if "eflomal" in settings.rivals:
        parallel = _word_pairs(settings)
        loaders["eflomal"] = lambda: LinkAligner(eflomal_linker(parallel))
    return loaders


def _word_pairs(settings: ProjectionEvaluation) -> list[WordPair]:
    assert settings.rival_corpus is not None, "the settings see to it"
    corpus = open_corpus(locate(settings.rival_corpus))
    if (corpus.source, corpus.target) != (settings.source, settings.target):
        raise XnerError(
            f"{settings.rival_corpus}: a corpus of {corpus.source}-{corpus.target}, "
            f"but rivals have to be trained on {settings.source}-{settings.target}"
        )
    tables = [read_table(locate(shard.path), ["source_text", "target_text"]) for shard in corpus.shards]
    return [word_pair(row["source_text"], row["target_text"]) for table in tables for row in table.to_pylist()]


def as_table(rows: Sequence[dict[str, Any]]) -> str:
    """The main figures of each aligner, as lines for people to read."""
    columns: dict[str, list[str]] = {
        "aligner": [row["aligner"] for row in rows],
        "F1": [f"{100 * row['f1']:.1f}" for row in rows],
        "F1 of counts": [f"{100 * row['count_f1']:.1f}" for row in rows],
        "share of it": [_percent(row["share_of_count_f1"]) for row in rows],
        "ECE": [_decimal(row["calibration"]["expected_calibration_error"]) for row in rows],
        "error ratio": [_decimal(row["calibration"]["error_ratio_90"]) for row in rows],
        "aligned null": [_percent(row["null"]["aligned_null"]) for row in rows],
        "removed null": [_percent(row["null"]["removed_null"]) for row in rows],
        "pairs/s": [f"{row['pairs_per_second']:.1f}" for row in rows],
    }
    return text_table(list(columns), list(zip(*columns.values(), strict=True)))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
