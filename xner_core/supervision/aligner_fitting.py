"""Fits the similarity aligner to an encoder and a language pair, from parallel text alone."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.recipe import AlignerRecipe, write_recipe
from xner_core.alignment.word_encoder import WordEncoder
from xner_core.corpus.layout import Corpus, open_corpus
from xner_core.errors import XnerError
from xner_core.models.devices import local_device
from xner_core.models.loading import encoder_folder, model_digest
from xner_core.storage.files import locate, read_table
from xner_core.storage.outputs import require_folder
from xner_core.supervision.aligner_cards import fitted_aligner_card
from xner_core.supervision.aligner_training_settings import AlignerFitting
from xner_core.supervision.aligner_trials import Trial, run_trials
from xner_core.supervision.probes import Anchor, find_anchors, make_probes

logger = logging.getLogger(__name__)

# Fewer known answers than this say little about thirty-six candidates.
_FEWEST_ANCHORS = 50
# Characters of a side; very long segments take time and teach little.
_LONGEST_TEXT = 400


def fit_aligner(settings: AlignerFitting) -> dict[str, Any]:
    """Fits the similarity aligner to an encoder and a language pair: hidden layer, temperature, confidence."""
    require_folder("out", settings.out)
    corpus = open_corpus(locate(settings.corpus))
    anchors = sample_anchors(corpus, settings.names, settings.most_pairs, settings.seed)
    if len(anchors) < _FEWEST_ANCHORS:
        raise XnerError(
            f"{settings.corpus}: only {len(anchors)} pairs hold a name that is the same on both sides; the fit needs "
            f"{_FEWEST_ANCHORS}: give a larger corpus or more most_pairs, or use the aligner 'similarity' unfitted"
        )
    probes = make_probes(anchors, settings.seed)
    logger.info("%d probes of %d names", len(probes), len(anchors))
    encoder = WordEncoder(settings.encoder, local_device(settings.device), settings.batch_tokens)
    trials = run_trials(encoder, probes)
    best = max(trials, key=lambda trial: trial.figure)
    recipe = AlignerRecipe(
        settings.encoder, layer=best.layer, temperature=best.temperature, calibration=best.calibration
    )
    evidence = {
        "corpus": settings.corpus,
        "source": corpus.source,
        "target": corpus.target,
        "domains": dict(sorted(Counter(shard.domain for shard in corpus.shards).items())),
        "encoder_digest": model_digest(encoder_folder(settings.encoder)),
        "names": len(anchors),
        "seed": settings.seed,
        "trials": [_figures(trial) for trial in trials],
    }
    write_recipe(settings.out, recipe, evidence)
    with (locate(settings.out) / "README.md").open_output() as file:
        file.write(fitted_aligner_card(settings, recipe, best, evidence).encode())
    return {
        "status": "done",
        "out": settings.out,
        "recipe": asdict(recipe),
        "chosen": _figures(best),
        "fingerprint": AlignerSettings(settings.out).fingerprint(),
        **evidence,
    }


def sample_anchors(corpus: Corpus, names: int, most_pairs: int, seed: int) -> list[Anchor]:
    """Names from random pairs of random shards, one a pair."""
    generator = np.random.default_rng(seed)
    anchors: list[Anchor] = []
    for source, target in _random_pairs(corpus, most_pairs, generator):
        if max(len(source), len(target)) <= _LONGEST_TEXT and (found := find_anchors(source, target)):
            anchors.append(found[generator.integers(len(found))])
            if len(anchors) == names:
                break
    return anchors


def _random_pairs(corpus: Corpus, most: int, generator: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Random pairs of random shards, no more from one shard than its share."""
    seen = 0
    for number in generator.permutation(len(corpus.shards)).tolist():
        table = read_table(locate(corpus.shards[number].path), ["source_text", "target_text"])
        rows = generator.permutation(table.num_rows)[: max(1, most // len(corpus.shards))]
        for row in rows.tolist():
            yield table["source_text"][row].as_py(), table["target_text"][row].as_py()
            seen += 1
            if seen == most:
                return


def _figures(trial: Trial) -> dict[str, Any]:
    figures = {name: round(getattr(trial, name), 4) for name in ("copied", "renamed", "told_apart", "figure")}
    return {"layer": trial.layer, "temperature": trial.temperature, **figures}
