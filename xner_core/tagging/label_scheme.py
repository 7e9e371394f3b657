"""Which entity types a tagger's labels stand for."""

import logging
import re
from collections.abc import Mapping

import numpy as np

from xner_core.errors import XnerError

logger = logging.getLogger(__name__)

CONLL = {"PER": "PER", "LOC": "LOC", "ORG": "ORG", "MISC": "MISC"}
ONTONOTES = {
    "PERSON": "PER",
    "GPE": "LOC",
    "LOC": "LOC",
    "FAC": "LOC",
    "ORG": "ORG",
    "NORP": "MISC",
    "EVENT": "MISC",
    "LANGUAGE": "MISC",
    "LAW": "MISC",
    "PRODUCT": "MISC",
    "WORK_OF_ART": "MISC",
}
LABEL_MAPS: dict[str, dict[str, str]] = {"conll": CONLL, "ontonotes": ONTONOTES}

OUTSIDE = "O"
# BIO, BIOES and BILOU prefixes: those that begin an entity, and those that continue one.
_LABEL = re.compile(r"^(?:(?P<prefix>[BIESLU])[-_])?(?P<type>.+)$")
_BEGINNINGS = frozenset("BSU")


def label_map(name_or_map: str | Mapping[str, str]) -> dict[str, str]:
    """A map from a model's entity types to ours: a known name, or a map as it is.

    Raises:
        XnerError: no label map has this name.
    """
    if not isinstance(name_or_map, str):
        return dict(name_or_map)
    if name_or_map not in LABEL_MAPS:
        raise XnerError(f"no label map {name_or_map!r}; known: {', '.join(LABEL_MAPS)}, or give a map of types")
    return LABEL_MAPS[name_or_map]


class LabelScheme:
    """How a model's labels become typed begin and inside states.

    The states are O, then B and I of each type: `states[k]`. `matrix` is [labels, states] of 0 and 1, and takes label
    probabilities to state probabilities; labels whose type is not mapped count as O.
    """

    def __init__(self, labels: list[str], types_of: Mapping[str, str]) -> None:
        parsed = [self._parse(label) for label in labels]
        # The model's own types, mapped or not.
        self.found = known = {type_ for _, type_ in parsed if type_}
        if not known & set(types_of):
            raise XnerError(
                f"the tagger's types {sorted(known)} are not in the label map {sorted(types_of)}; "
                "set label_map to 'conll', 'ontonotes' or a map from the tagger's types"
            )
        if dropped := known - set(types_of):
            logger.warning("types of the tagger that the label map leaves out: %s", ", ".join(sorted(dropped)))
        self.types = sorted({types_of[type_] for type_ in known if type_ in types_of})
        self.states = [OUTSIDE] + [f"{prefix}-{type_}" for type_ in self.types for prefix in "BI"]
        self.matrix = np.zeros((len(labels), len(self.states)), dtype=np.float32)
        for row, (prefix, type_) in enumerate(parsed):
            mapped = types_of.get(type_) if type_ else None
            state = f"{'B' if prefix in _BEGINNINGS else 'I'}-{mapped}" if mapped else OUTSIDE
            self.matrix[row, self.states.index(state)] = 1

    @staticmethod
    def _parse(label: str) -> tuple[str, str]:
        if label == OUTSIDE:
            return "", ""
        match = _LABEL.match(label)
        assert match is not None, f"label {label!r}"
        return match["prefix"] or "I", match["type"]
