"""How sure a trained aligner is: its scores turned into probabilities, by links that were held out."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xner_core.alignment.confidence import OddsCalibration
from xner_core.alignment.query import AlignmentQuery
from xner_core.alignment.recipe import TrainedRecipe
from xner_core.alignment.trained import TrainedAligner, log_odds
from xner_core.supervision.examples import Example
from xner_core.supervision.link_augmentation import remove_name


def calibrate(
    aligner: TrainedAligner, recipe: TrainedRecipe, examples: Sequence[Example], seed: int
) -> tuple[TrainedRecipe, dict[str, Any]]:
    """Fits the calibration to links that were held out, and to the same with the counterparts cut out.

    Returns:
        the recipe with it, and the figures
    """
    chance = random.Random(seed)
    removed = [cut for example in examples if (cut := remove_name(example, chance)) is not None]
    asked = [replace(e, links=tuple(link for link in e.links if link.agreed)) for e in [*examples, *removed]]
    chosen, prepared = aligner.choose(
        [AlignmentQuery(e.source_text, e.target_text, tuple(link.source for link in e.links)) for e in asked]
    )
    here, right = [], []
    for entity, (query, place) in enumerate(zip(prepared.entity_query, prepared.entity_place, strict=True)):
        link = asked[query].links[place]
        here.append(link.target is not None)
        right.append(link.target is not None and prepared.target_span(chosen, entity) == link.target)
    present, exact = np.array(here), np.array(right)
    calibration = OddsCalibration.fit(log_odds(chosen.score), log_odds(chosen.support), exact)
    figures = {
        "held_out_links": int(present.sum()),
        "exact": float(exact[present].mean()),
        "lost": int((chosen.support[present] < recipe.min_presence).sum()),
        "absent_links": int((~present).sum()),
        "absent_found": int((chosen.support[~present] < recipe.min_presence).sum()),
    }
    return replace(recipe, calibration=calibration), figures
