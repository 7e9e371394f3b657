"""The constants of an aligner, and the folder that holds them."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xner_core.alignment.aligner_kinds import MARKER, SIMILARITY, SPAN_QUERY
from xner_core.alignment.confidence import Calibration, OddsCalibration
from xner_core.errors import XnerError
from xner_core.storage.files import locate, read_json, write_json

ALIGNER_FILE = "aligner.json"
_FORMAT = "xner aligner"


@dataclass(frozen=True)
class AlignerRecipe:
    """All that determines a similarity aligner; the defaults were set on the development halves of gold projections.

    Attributes:
        encoder: name or folder of the encoder
        layer: hidden layer whose states are compared, from 1; None takes the one 7/12 of the way up
        temperature: of the softmax that makes link probabilities of cosine similarities
        min_confidence: entities whose best span has a lower confidence count as not there
        calibration: how scores become confidence
    """

    encoder: str
    layer: int | None = None
    temperature: float = 0.08
    min_confidence: float = 0.2
    calibration: Calibration = field(default_factory=Calibration)


@dataclass(frozen=True)
class TrainedRecipe:
    """What determines a trained aligner, apart from the weights that lie beside it.

    The default of `min_presence` was set on the development halves of gold projections.

    Attributes:
        kind: the scorer, `marker` or `span-query`
        encoder: name or folder of the encoder
        layers: hidden layers of it that are used, from the lowest
        min_presence: entities whose probability of being there at all is lower count as not there
        min_confidence: and so do those whose best span has a lower confidence
        calibration: how scores become confidence
    """

    kind: str
    encoder: str
    layers: int
    min_presence: float = 0.4
    min_confidence: float = 0.0
    calibration: OddsCalibration = field(default_factory=OddsCalibration)


_KINDS: dict[str, tuple[Any, Any]] = {
    SIMILARITY: (AlignerRecipe, Calibration),
    MARKER: (TrainedRecipe, OddsCalibration),
    SPAN_QUERY: (TrainedRecipe, OddsCalibration),
}


def read_recipe(folder: str | Path) -> AlignerRecipe | TrainedRecipe:
    """The recipe in a folder that `write_recipe` wrote.

    Raises:
        XnerError: no such folder, or not an aligner's.
    """
    file = locate(folder) / ALIGNER_FILE
    if not file.exists():
        raise XnerError(
            f"aligner {str(folder)!r}: there is no {file}; "
            "name 'starter', 'similarity', or a folder that xner train-aligner wrote"
        )
    held = read_json(file)
    try:
        if held["format"] != _FORMAT:
            raise ValueError(f"its format is {held['format']!r}")
        values = held["recipe"]
        recipe, calibration = _KINDS[values.get("kind", SIMILARITY)]
        return recipe(**{**values, "calibration": calibration(**values["calibration"])})
    except (KeyError, TypeError, ValueError) as error:
        raise XnerError(f"{file}: not the recipe of an aligner of this version ({error!r}); fit it again") from error


def write_recipe(folder: str | Path, recipe: AlignerRecipe | TrainedRecipe, evidence: dict[str, Any]) -> None:
    """Writes a recipe, and the figures it was chosen by."""
    held = {"format": _FORMAT, "recipe": dataclasses.asdict(recipe), "evidence": evidence}
    write_json(locate(folder) / ALIGNER_FILE, held)


def read_evidence(folder: str | Path) -> dict[str, Any]:
    """The figures that were written with a recipe."""
    return read_json(locate(folder) / ALIGNER_FILE)["evidence"]
