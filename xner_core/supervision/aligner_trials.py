"""The similarity aligner with each hidden layer and temperature, tried on probes whose answers are known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xner_core.alignment.confidence import Calibration
from xner_core.alignment.preparation import PreparedQueries, prepare
from xner_core.alignment.similarity import choose, compute
from xner_core.alignment.word_encoder import WordEncoder
from xner_core.supervision.probes import COPIED, NAMED, REMOVED, RENAMED, Probe

_TEMPERATURES = (0.05, 0.08, 0.12)


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
