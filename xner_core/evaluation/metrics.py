"""Strict entity scores: exact span and type.

Of tags they are seqeval's. Where sentences are drawn again and again (bootstrap), they come from counts of each
sentence, without new predictions; a test holds both to the same scores. A count is a vector of three: entities that are
right, predicted, and in the gold.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from xner_core.text.spans import Entity

RIGHT, PREDICTED, GOLD = range(3)


def score(gold_tags: Sequence[Sequence[str]], predicted_tags: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Entity-level scores by seqeval, strict IOB2: `precision`, `recall`, `f1` (0 to 1, micro) and `per_type`."""
    report: Any = classification_report(
        list(map(list, gold_tags)),
        list(map(list, predicted_tags)),
        mode="strict",
        scheme=IOB2,
        output_dict=True,
        zero_division=0,
    )

    def figures(row: dict[str, Any]) -> dict[str, Any]:
        return {
            "precision": float(row["precision"]),
            "recall": float(row["recall"]),
            "f1": float(row["f1-score"]),
            "support": int(row["support"]),
        }

    per_type = {name: figures(row) for name, row in report.items() if not name.endswith(" avg")}
    micro = figures(report["micro avg"])
    return {name: micro[name] for name in ("precision", "recall", "f1")} | {"per_type": per_type}


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
