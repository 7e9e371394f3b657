"""Entity scores from counts of each sentence, so that sentences can be drawn again (bootstrap) without new predictions.

A count is a vector of three: entities that are right (exact span and type), predicted, and in the gold.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from xner_core.text.spans import Entity

RIGHT, PREDICTED, GOLD = range(3)


def entity_counts(
    gold: Sequence[Iterable[Entity]], predicted: Sequence[Iterable[Entity]], types: Sequence[str]
) -> np.ndarray:
    """Counts of each sentence and type, int32 [sentences, types, 3]; entities of other types are left out."""
    column = {type_: index for index, type_ in enumerate(types)}
    counts = np.zeros((len(gold), len(types), 3), dtype=np.int32)
    for row, (own, found) in enumerate(zip(gold, predicted, strict=True)):
        own, found = ({(entity.span, entity.type) for entity in entities} for entities in (own, found))
        for kind, entities in ((RIGHT, own & found), (PREDICTED, found), (GOLD, own)):
            for _, type_ in entities:
                if type_ in column:
                    counts[row, column[type_], kind] += 1
    return counts


def precision(counts: np.ndarray) -> np.ndarray:
    """Of [..., 3] counts, [...]; 0 where nothing is predicted."""
    return counts[..., RIGHT] / np.maximum(counts[..., PREDICTED], 1)


def recall(counts: np.ndarray) -> np.ndarray:
    """Of [..., 3] counts, [...]; 0 where the gold has nothing."""
    return counts[..., RIGHT] / np.maximum(counts[..., GOLD], 1)


def f1(counts: np.ndarray) -> np.ndarray:
    """Of [..., 3] counts, [...]; 0 where there is nothing at all."""
    return 2 * counts[..., RIGHT] / np.maximum(counts[..., PREDICTED] + counts[..., GOLD], 1)
