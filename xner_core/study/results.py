"""The results of a study: a row for each cell and gold file, and what the seeds of a kind of cell have in common."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from xner_core.evaluation.bootstrap import Difference, holm, paired_bootstrap
from xner_core.evaluation.comparison import system_figures
from xner_core.evaluation.metrics import entity_counts
from xner_core.study.grid import Cell
from xner_core.study.predictions import GoldFile, gold_sentences, read_predictions
from xner_core.text.spans import entities_of_tags

DONE, FAILED, WAITING = "done", "failed", "waiting"
# In a cell's folder.
STUDENT = "student"
# Less F1 than this below the best is as good.
NEAR_BEST = 0.01
# A difference with a smaller p-value, corrected for all comparisons of the study, is taken for one.
LEVEL = 0.05
BETTER, WORSE, OPEN = "better", "worse", "open"
# A result of fewer gold entities is thin.
FEW_ENTITIES = 100


@dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    Attributes:
        cell: the cell
        folder: where its student and its predictions are
        training: what `train_student` said; None unless it is done
        reason: why it failed, if it did
    """

    cell: Cell
    folder: Path
    training: Mapping[str, Any] | None = None
    reason: str | None = None

    @property
    def status(self) -> str:
        return DONE if self.training else FAILED if self.reason else WAITING


class Scorer:
    """Scores predictions on one gold file against those of direct transfer; keeps what it has counted.

    Args:
        gold: the gold file
        types: entity types to score
        baselines: folders of the predictions of direct transfer, one for each of its seeds
        draws: of the bootstrap
    """

    def __init__(self, gold: GoldFile, types: Sequence[str], baselines: Sequence[Path], draws: int) -> None:
        self.gold = gold
        self.types = sorted(types)
        self._entities = [sentence.entities() for sentence in gold_sentences(gold)]
        self._baselines = tuple(baselines)
        self._draws = draws
        self.counts = cache(self._counts)
        self.difference = cache(self._difference)
        self.direct_transfer = self.figures(*baselines)
        self.entities = sum(of_type["support"] for of_type in self.direct_transfer["per_type"].values())

    def _counts(self, folder: Path) -> np.ndarray:
        """Of a model's predictions, [sentences, types, 3]."""
        found = [
            entities_of_tags(tags, sentence.tokens)
            for tags, sentence in zip(read_predictions(folder, self.gold), gold_sentences(self.gold), strict=True)
        ]
        return entity_counts(self._entities, found, self.types)

    def figures(self, *folders: Path) -> dict[str, Any]:
        """Of students of one or several seeds, as `system_figures`."""
        return system_figures(np.stack([self.counts(folder) for folder in folders]), self.types)

    def _difference(self, *folders: Path) -> Difference:
        """F1 of students of several seeds less that of direct transfer."""
        one, other = (np.stack([self.counts(folder).sum(axis=1) for folder in of]) for of in (folders, self._baselines))
        return paired_bootstrap(one, other, self._draws, seed=1)


def result_rows(
    outcomes: Sequence[Outcome], scorers: Sequence[Scorer], kinds: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """A row for each cell and gold file, and what `summarise` says of its kind; what is not known is None."""
    by_kind = {(kind["gold"], kind["domain"], kind["loss"], kind["pairs"]): kind for kind in kinds}
    return [
        _row(outcome, scorer, by_kind.get((scorer.gold.name, *outcome.cell.kind)), len(kinds))
        for outcome in outcomes
        for scorer in scorers
    ]


def _row(outcome: Outcome, scorer: Scorer, kind: Mapping[str, Any] | None, comparisons: int) -> dict[str, Any]:
    cell, training = outcome.cell, outcome.training or {}
    compared = kind if kind and training else None
    figures = scorer.figures(outcome.folder) if training else {}
    return {
        "cell": cell.key,
        "gold": scorer.gold.name,
        "domain": cell.domain,
        "loss": cell.loss,
        "pairs": cell.pairs,
        "seed": cell.recipe.seed,
        "status": outcome.status,
        "reason": outcome.reason,
        **{name: figures.get(name) for name in ("f1", "precision", "recall")},
        **{f"f1_{type_}": figures["per_type"][type_]["f1"] if figures else None for type_ in scorer.types},
        "direct_transfer_f1": scorer.direct_transfer["f1"],
        "kind_p_value": compared and compared["difference"]["p_value"],
        **{f"kind_{name}": compared and compared[name] for name in ("p_holm", "verdict", "seeds")},
        "kind_thin": "; ".join(compared["thin"]) if compared else None,
        "comparisons": comparisons,
        "gold_entities": scorer.entities,
        "sentences": training.get("train_sentences"),
        "entities": sum(training["entities"].values()) if training else None,
        "steps": training.get("steps"),
        "best_step": training.get("best_step"),
        "dev_f1": training["dev"]["f1"] if training else None,
        **(cost(cell.pairs, training["seconds"]) if training else dict.fromkeys(cost(1, 1))),
        "loss_settings": asdict(cell.recipe.loss),
        "student": str(outcome.folder / STUDENT) if (outcome.folder / STUDENT).is_dir() else None,
    }


def cost(pairs: int, seconds: float) -> dict[str, float]:
    """What so many pairs took, start-up included."""
    hours = seconds / 3600
    return {
        "seconds": seconds,
        "hours": hours,
        "pairs_per_second": pairs / seconds,
        "hours_per_1000_pairs": 1000 * hours / pairs,
    }


def summarise(outcomes: Sequence[Outcome], scorers: Sequence[Scorer]) -> list[dict[str, Any]]:
    """A row for each gold file and kind of cell: means over its seeds, and its difference from direct transfer.

    Each is a comparison; `p_holm` is its p-value corrected for all of them, and `verdict` says whether the students are
    `better` or `worse` than direct transfer (below `LEVEL`), or whether that is `open`. `thin` says why a result stands
    on little: one seed, or fewer than `FEW_ENTITIES` gold entities.
    """
    kinds: dict[tuple[str, str, int], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.training:
            kinds.setdefault(outcome.cell.kind, []).append(outcome)
    rows: list[dict[str, Any]] = []
    for scorer in scorers:
        for (domain, loss, pairs), of_kind in sorted(kinds.items()):
            folders = [outcome.folder for outcome in of_kind]
            trainings = [outcome.training for outcome in of_kind if outcome.training]
            figures, difference = scorer.figures(*folders), scorer.difference(*folders)
            rows.append(
                {
                    "gold": scorer.gold.name,
                    "domain": domain,
                    "loss": loss,
                    "pairs": pairs,
                    "seeds": len(of_kind),
                    "f1": figures["f1"],
                    "f1_lowest": min(figures["f1_by_seed"]),
                    "f1_highest": max(figures["f1_by_seed"]),
                    "per_type": {name: of_type["f1"] for name, of_type in figures["per_type"].items()},
                    "difference": asdict(difference),
                    "entities": scorer.entities,
                    "thin": _thin(len(of_kind), scorer.entities),
                    "sentences": round(np.mean([training["train_sentences"] for training in trainings])),
                    **cost(pairs, float(np.mean([training["seconds"] for training in trainings]))),
                }
            )
    for row, corrected in zip(rows, holm([row["difference"]["p_value"] for row in rows]), strict=True):
        better = BETTER if row["difference"]["f1"] > 0 else WORSE
        row |= {"p_holm": corrected, "verdict": better if corrected < LEVEL else OPEN}
    return rows


def _thin(seeds: int, entities: int) -> list[str]:
    few = f"{entities} gold entities" if entities != 1 else "1 gold entity"
    return ["one seed"] * (seeds == 1) + [few] * (entities < FEW_ENTITIES)


def draws_needed(comparisons: int) -> int:
    """The fewest draws of a bootstrap with which the smallest p-value it can give is below `LEVEL` when corrected."""
    return math.ceil(2 * comparisons / LEVEL)


def read_off(kinds: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What each curve says: rows of `summarise` of one gold file, domain and loss, as one row.

    `best` is the size with the best F1; `level` the smallest size from which on F1 is nowhere further than `NEAR_BEST`
    below it; `beats` the smallest size from which on the students are better than direct transfer, None if there is
    none; `better` and `worse` are the sizes at which they are. `enough` is the smallest size from which on both hold,
    None if there is none, or if it is the largest one and the curve `rises` there: the last enlargement brought more
    than `NEAR_BEST`. `last_step` is what it brought, None for a single size. `thin` is why the result at `enough`, or
    at `best`, stands on little.
    """
    curves: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for kind in kinds:
        curves.setdefault((kind["gold"], kind["domain"], kind["loss"]), []).append(kind)
    rows = []
    for (gold, domain, loss), curve in curves.items():
        curve = sorted(curve, key=lambda kind: kind["pairs"])
        best = max(curve, key=lambda kind: kind["f1"])
        level = _from_on(curve, lambda kind, best=best: kind["f1"] >= best["f1"] - NEAR_BEST) or best
        beats = _from_on(curve, lambda kind: kind["verdict"] == BETTER)
        last_step = curve[-1]["f1"] - curve[-2]["f1"] if len(curve) > 1 else None
        rises = last_step is not None and last_step > NEAR_BEST
        enough = beats and max(level, beats, key=lambda kind: kind["pairs"])
        if rises and enough is curve[-1]:
            enough = None
        rows.append(
            {
                "gold": gold,
                "domain": domain,
                "loss": loss,
                "best": best["pairs"],
                "best_f1": best["f1"],
                "level": level["pairs"],
                "level_f1": level["f1"],
                "beats": beats and beats["pairs"],
                **{name: [kind["pairs"] for kind in curve if kind["verdict"] == name] for name in (BETTER, WORSE)},
                "enough": enough and enough["pairs"],
                "enough_f1": enough and enough["f1"],
                "last_step": last_step,
                "rises": rises,
                "thin": (enough or best)["thin"],
            }
        )
    return rows


def _from_on(
    curve: Sequence[Mapping[str, Any]], holds: Callable[[Mapping[str, Any]], bool]
) -> Mapping[str, Any] | None:
    """The first of the points from which on something holds for all."""
    first = None
    for point in reversed(curve):
        if not holds(point):
            break
        first = point
    return first
