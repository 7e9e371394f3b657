"""Fits the similarity aligner to an encoder and a language pair, from parallel text alone."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.confidence import Calibration
from xner_core.alignment.preparation import PreparedQueries, prepare
from xner_core.alignment.recipe import AlignerRecipe, write_recipe
from xner_core.alignment.similarity import choose, compute
from xner_core.alignment.word_encoder import WordEncoder
from xner_core.corpus.layout import Corpus, open_corpus
from xner_core.errors import XnerError
from xner_core.models.devices import local_device
from xner_core.models.loading import encoder_folder, model_digest
from xner_core.storage.files import locate, read_table
from xner_core.storage.outputs import require_folder
from xner_core.supervision.aligner_training_settings import AlignerFitting
from xner_core.supervision.probes import COPIED, NAMED, REMOVED, RENAMED, Anchor, Probe, find_anchors, make_probes

logger = logging.getLogger(__name__)

_TEMPERATURES = (0.05, 0.08, 0.12)
# Fewer known answers than this say little about thirty-six candidates.
_FEWEST_ANCHORS = 50
# Characters of a side; very long segments take time and teach little.
_LONGEST_TEXT = 400


@dataclass(frozen=True)
class Trial:
    """How one hidden layer and temperature answer the probes; shares of 0 to 1.

    Attributes:
        copied: of the names that stand on both sides, aligned exactly
        renamed: likewise, where the source side had another name in the place
        told_apart: of all pairs of a name and one cut out of the target side, in which the former's score is higher
            (the area under the ROC curve)
        calibration: the curve that tells them apart best
    """

    layer: int
    temperature: float
    copied: float
    renamed: float
    told_apart: float
    calibration: Calibration

    @property
    def figure(self) -> float:
        """What trials are compared by."""
        return (self.copied + self.renamed + self.told_apart) / 3


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
        file.write(model_card(settings, recipe, best, evidence).encode())
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


def run_trials(encoder: WordEncoder, probes: Sequence[Probe]) -> list[Trial]:
    """One trial for each hidden layer and temperature, in their order."""
    prepared = prepare(encoder, [probe.query for probe in probes])
    layers = list(range(1, encoder.layers + 1))
    links = compute(encoder, prepared, layers, _TEMPERATURES)
    combinations = [(layer, temperature) for layer in layers for temperature in _TEMPERATURES]
    return [
        _trial(layer, temperature, probes, prepared, found)
        for (layer, temperature), found in zip(combinations, links, strict=True)
    ]


def _trial(layer: int, temperature: float, probes: Sequence[Probe], prepared: PreparedQueries, links: Any) -> Trial:
    chosen = choose(prepared, links)
    # Each probe has one entity; one without words on a side has none.
    asked = [probes[query] for query in prepared.entity_query]
    kinds = np.array([probe.kind for probe in asked])
    right = np.zeros(len(asked), dtype=bool)
    for entity, probe in enumerate(asked):
        right[entity] = probe.answer is not None and prepared.target_span(chosen, entity) == probe.answer
    here, gone = kinds == NAMED, kinds == REMOVED
    calibration = Calibration.fit(chosen.score[here | gone], chosen.support[here | gone], here[here | gone])
    confidence = calibration(chosen.score, chosen.support)
    return Trial(
        layer=layer,
        temperature=temperature,
        copied=float(right[kinds == COPIED].mean()),
        renamed=float(right[kinds == RENAMED].mean()),
        told_apart=float((confidence[here][:, None] > confidence[gone]).mean()),
        calibration=calibration,
    )


def _figures(trial: Trial) -> dict[str, Any]:
    figures = {name: round(getattr(trial, name), 4) for name in ("copied", "renamed", "told_apart", "figure")}
    return {"layer": trial.layer, "temperature": trial.temperature, **figures}


def model_card(settings: AlignerFitting, recipe: AlignerRecipe, best: Trial, evidence: dict[str, Any]) -> str:
    command = " ".join(
        f"--{name} {value}" for name, value in asdict(settings).items() if name not in ("batch_tokens", "out")
    )
    domains = ", ".join(f"{domain} ({shards} shards)" for domain, shards in evidence["domains"].items())
    return f"""# An aligner for {evidence["source"]}-{evidence["target"]}, fitted to {settings.encoder}

Finds the counterparts of entities by the similarity of hidden states; holds constants only, no weights.
Use it as `--aligner.model {settings.out}` (xner project, xner evaluate projection).

- Encoder: `{settings.encoder}`, digest `{evidence["encoder_digest"]}`, hidden layer {recipe.layer}
- Data: {evidence["names"]} names of the corpus `{settings.corpus}`, domains {domains}; no human labels
- Command: `xner train-aligner fit {command} --out {settings.out}`

Shares of these names aligned exactly: {best.copied:.3f} as they are, {best.renamed:.3f} with another name in their
place on the source side. Names cut out of the target side scored lower than names that were there in
{best.told_apart:.3f} of the comparisons; an entity with a confidence under {recipe.min_confidence} counts as not there.
`aligner.json` holds the figures of all layers and temperatures.
"""
