"""Entity scores."""

from collections.abc import Sequence
from typing import Any

from seqeval.metrics import classification_report
from seqeval.scheme import IOB2


def score(gold_tags: Sequence[Sequence[str]], predicted_tags: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Entity-level scores by seqeval, strict IOB2: `precision`, `recall`, `f1` (0 to 1, micro) and `per_type`."""
    report = classification_report(
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
