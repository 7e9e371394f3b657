"""A study for a terminal."""

from collections.abc import Mapping
from typing import Any

from xner_core.evaluation.score_summary import warning_lines
from xner_core.evaluation.text_table import text_table
from xner_core.study.results import FEW_ENTITIES, LEVEL

THIN = f"a result of one seed, or on fewer than {FEW_ENTITIES} gold entities"


def duration(seconds: float) -> str:
    """Seconds as people say it: `42 s`, `7 min`, `1 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def rule(comparisons: int) -> str:
    """When a student is called better or worse than direct transfer."""
    corrected = (
        f" after Holm's correction for the {comparisons} comparisons of this study, one for each gold file, domain, "
        "loss and size"
    )
    return (
        f"students are better or worse than direct transfer where p < {LEVEL:g}"
        f"{corrected if comparisons > 1 else ''}; elsewhere it is open"
    )


def verdict(kind: Mapping[str, Any]) -> str:
    """What the rule says of a row of `summarise`, with a sign if it is thin."""
    return f"{kind['verdict']}{' †' if kind['thin'] else ''}"


def too_few_draws(draws: int, comparisons: int, needed: int) -> str:
    """Why nothing can be better or worse."""
    return (
        f"{draws:,} draws of the bootstrap cannot tell anything apart in {comparisons} comparisons: "
        f"run it again with draws {needed:,} or more, which trains nothing"
    )


def summary(result: Mapping[str, Any]) -> str:
    """The scores of each gold file and kind of cell, what failed, and where everything lies."""
    lines = []
    for gold, baseline in result["direct_transfer"].items():
        rows = [_score_row(kind) for kind in result["scores"] if kind["gold"] == gold]
        header = [gold, "domain", "loss", "seeds", "F1", "lowest", "highest", "difference", "p", "p, Holm", "", "time"]
        lines += [f"direct transfer on {gold}: F1 {100 * baseline['f1']:.1f}"]
        lines += [text_table(header, rows), ""] if rows else []
    if result["comparisons"]:
        lines += [f"rule      {rule(result['comparisons'])}", f"thin (†)  {THIN}", ""]
    lines += warning_lines(result["warnings"])
    lines += [f"failed    {cell}: {reason}" for cell, reason in result["failed"].items()]
    lines += [f"left out  {reason}" for reason in result["left_out"]]
    lines += [f"cells     {result['done']} of {result['cells']} done", f"page      {result['page']}"]
    return "\n".join([*lines, f"table     {result['table']}"])


def _score_row(kind: Mapping[str, Any]) -> list[str]:
    return [
        f"{kind['pairs']:,} pairs",
        kind["domain"],
        kind["loss"],
        str(kind["seeds"]),
        *(f"{100 * kind[name]:.1f}" for name in ("f1", "f1_lowest", "f1_highest")),
        f"{100 * kind['difference']['f1']:+.1f}",
        f"{kind['difference']['p_value']:.4f}",
        f"{kind['p_holm']:.4f}",
        verdict(kind),
        duration(kind["seconds"]),
    ]
