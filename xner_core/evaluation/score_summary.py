"""Scores of a tagger, and a comparison of students with direct transfer, for a terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xner_core.evaluation.comparison import ALL, DIRECT_TRANSFER, STUDENT, SYSTEMS
from xner_core.evaluation.text_table import text_table

_HEADER = "F1 in %,entities,student,P,R,direct transfer,P,R,difference,95 % interval,p".split(",")
# Characters of a sentence on either side of an example.
_CONTEXT = 40
# The scores of a type that neither side has.
_NOTHING = {"support": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0}


def tagger_summary(result: Mapping[str, Any]) -> str:
    """What `evaluate_tagger` returns, as lines for people to read."""
    entities = sum(scores["support"] for scores in result["per_type"].values())
    figures = {ALL: {**result, "support": entities}} | {
        type_: result["per_type"].get(type_, _NOTHING) for type_ in result["labels"]
    }
    rows = [
        [name, str(scores["support"]), *(f"{100 * scores[figure]:.1f}" for figure in ("precision", "recall", "f1"))]
        for name, scores in figures.items()
    ]
    return "\n".join(
        [
            f"{result['model']} on {Path(result['conll']).name}: {result['sentences']} sentences, {entities} entities",
            text_table(["in %", "entities", "precision", "recall", "F1"], rows),
            *warning_lines(result["warnings"]),
        ]
    )


def warning_lines(warnings: Sequence[str]) -> list[str]:
    """What a user should know of a result, a line each."""
    return [f"warning   {warning}" for warning in warnings]


def summary(result: Mapping[str, Any]) -> str:
    """What `evaluate_student` returns, as lines for people to read."""
    systems = {"student": result[STUDENT], "direct transfer": result[DIRECT_TRANSFER]}
    lines = [
        f"{Path(result['gold']).name}: {result['sentences']} sentences, {result['entities']} entities",
        *(f"{title}: {_seeds(system['f1_by_seed'])}" for title, system in systems.items()),
        "",
        text_table(_HEADER, [*_score_rows(result), *_surface_rows(result)]),
    ]
    for title, system in systems.items():
        mistakes = [
            [kind, *(f"{counts[name]:.1f}".removesuffix(".0") for name in (ALL, *result["types"]))]
            for kind, counts in system["mistakes"].items()
        ]
        lines += ["", text_table([f"mistakes of {title}", ALL, *result["types"]], mistakes)]
    if examples := [
        f"{kind}, sentence {example['sentence']}: {_example(example)}"
        for kind, of_kind in result[STUDENT]["examples"].items()
        for example in of_kind
    ]:
        lines += ["", *examples]
    if result["warnings"]:
        lines += ["", *warning_lines(result["warnings"])]
    return "\n".join(lines)


def _seeds(by_seed: list[float]) -> str:
    values = " ".join(f"{100 * value:.1f}" for value in by_seed)
    if len(by_seed) == 1:
        return f"F1 {values}"
    return f"F1 {values} by seed, standard deviation {100 * np.std(by_seed, ddof=1):.1f}"


def _score_rows(result: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for name in (ALL, *result["types"]):
        own, other = (result[system] if name == ALL else result[system]["per_type"][name] for system in SYSTEMS)
        difference = result["difference"][name]
        support = result["entities"] if name == ALL else own["support"]
        interval = f"{100 * difference['low']:+.1f} to {100 * difference['high']:+.1f}"
        rows.append([name, str(support), *_scores(own, other), interval, f"{difference['p_value']:.4f}"])
    return rows


def _surface_rows(result: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            f"{name} in labels",
            str(result[STUDENT][name]["support"]),
            *_scores(*(result[s][name] for s in SYSTEMS)),
            "",
            "",
        ]
        for name in ("seen", "unseen")
        if name in result[STUDENT]
    ]


def _scores(own: Mapping[str, float], other: Mapping[str, float]) -> list[str]:
    figures = [f"{100 * scores[name]:.1f}" for scores in (own, other) for name in ("f1", "precision", "recall")]
    return [*figures, f"{100 * (own['f1'] - other['f1']):+.1f}"]


def _example(example: Mapping[str, Any]) -> str:
    """The sentence around the entities, and both of them."""
    text, gold, predicted = example["text"], example["gold"], example["predicted"]
    there = [entity for entity in (gold, predicted) if entity]
    start = max(0, min(entity["start"] for entity in there) - _CONTEXT)
    end = max(entity["end"] for entity in there) + _CONTEXT
    context = f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
    named = [
        f"[{text[entity['start'] : entity['end']]}] {entity['type']}" if entity else "nothing"
        for entity in (gold, predicted)
    ]
    return f"gold {named[0]}, predicted {named[1]}, in: {context}"
