"""The page of a study: curves and the numbers beside them, in one file that needs no network and no script."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from xner_core.storage.plain_yaml import to_yaml
from xner_core.study.charts import Point, Reference, Series, line_chart
from xner_core.study.results import BETTER, NEAR_BEST, WORSE
from xner_core.study.study_settings import ALL, StudySettings
from xner_core.study.study_summary import THIN, duration, rule, verdict

_Kinds = Sequence[Mapping[str, Any]]
# A picture, its title, and what the table beside it needs.
Figure = dict[str, Any]
# Seconds that an axis of times may be marked with.
_TIMES = [
    number * unit
    for unit, numbers in ((1, (1, 2, 5, 10, 20)), (60, (0.5, 1, 2, 5, 10, 20)), (3600, (0.5, 1, 2, 5, 10, 20, 50, 100)))
    for number in numbers
]


def render_page(settings: StudySettings, result: Mapping[str, Any]) -> str:
    """The page, as HTML, of the results of `run_study`."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "percent": percent,
        "points": points,
        "duration": duration,
        "count": "{:,}".format,
        "domain": domain_name,
        "verdict": verdict,
        "standing": standing,
    }
    template = environment.from_string((files("xner_core") / "study" / "page.html").read_text("utf-8"))
    kinds = result["scores"]
    golds = {
        name: {
            "direct_transfer": baseline,
            "figures": _score_figures(f"gold-{number}", name, baseline, [k for k in kinds if k["gold"] == name]),
            "scores": [kind for kind in kinds if kind["gold"] == name],
            "path": settings.gold[name],
            "chosen_on": settings.student.dev is not None and Path(settings.student.dev) == Path(settings.gold[name]),
        }
        for number, (name, baseline) in enumerate(result["direct_transfer"].items())
    }
    one_gold = [kind for kind in kinds if kind["gold"] == next(iter(golds))]
    return template.render(
        result=result,
        golds=golds,
        matrix=_matrix(kinds),
        costs=_mean_costs(one_gold),
        cost_figures=_cost_figures(_mean_costs(one_gold)),
        near_best=NEAR_BEST,
        rule=rule(result["comparisons"]),
        thin=THIN,
        rate=settings.projection_speed,
        settings=to_yaml(asdict(settings)),
    )


def percent(value: float) -> str:
    """A share of 0 to 1 in percent, as 72.0."""
    return f"{100 * value:.1f}"


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{100 * value:+.1f}".replace("-", "−")


def domain_name(domain: str) -> str:
    """A domain as a reader is told of it."""
    return "all domains" if domain == ALL else domain.replace("+", " and ")


def standing(curve: Mapping[str, Any]) -> str:
    """How a curve of `read_off` stands against direct transfer, in words."""
    if curve["beats"]:
        return f"beaten from {curve['beats']:,} pairs on"
    for name, beaten in ((BETTER, "beaten"), (WORSE, "better than the students")):
        if curve[name]:
            sizes = " and ".join(f"{pairs:,}" for pairs in curve[name])
            return f"{beaten} with {sizes} pairs{', but not from a size on' if name == BETTER else ''}"
    return "no difference is shown at any size"


def _score_figures(id_: str, gold: str, baseline: Mapping[str, Any], kinds: _Kinds) -> list[Figure]:
    """Curves by domain for each loss, and by loss for each domain, where there is more than one; the best first."""
    best_first = sorted(kinds, key=lambda kind: -kind["f1"])
    domains, losses = ([*dict.fromkeys(kind[name] for kind in best_first)] for name in ("domain", "loss"))
    figures = []
    for series, shown, others, values in (("domain", domains, "loss", losses), ("loss", losses, "domain", domains)):
        if len(shown) > 1 or (len(values) == 1 and series == "domain"):
            for number, value in enumerate(values):
                chosen = [kind for kind in kinds if kind[others] == value]
                figure = _score_figure(f"{id_}-{series}-{number}", gold, baseline, series, value, chosen)
                figures.append(figure | {"main": number == 0})
    return [figure for figure in figures if len(figure["sizes"]) > 1]


def _score_figure(id_: str, gold: str, baseline: Mapping[str, Any], series: str, other: str, kinds: _Kinds) -> Figure:
    names = [*dict.fromkeys(kind[series] for kind in kinds)]
    other = other if series == "domain" else domain_name(other)
    title = (
        f"F1 on {gold} by {series}: {other}" if len(names) > 1 else f"F1 on {gold}: {domain_name(names[0])}, {other}"
    )
    shown = {name: name if series == "loss" else domain_name(name) for name in names}
    lines = [
        Series(
            shown[name],
            [
                Point(
                    kind["pairs"],
                    kind["f1"],
                    kind["f1_lowest"],
                    kind["f1_highest"],
                    f"{kind['pairs']:,} pairs, {shown[name]}: F1 {percent(kind['f1'])} "
                    f"({percent(kind['f1_lowest'])} to {percent(kind['f1_highest'])}, seeds: {kind['seeds']})",
                )
                for kind in kinds
                if kind[series] == name
            ],
        )
        for name in names
    ]
    by_seed = baseline["f1_by_seed"]
    reference = Reference(f"direct transfer {percent(baseline['f1'])}", baseline["f1"], min(by_seed), max(by_seed))
    description = "F1 in percent against corpus size on a logarithmic axis, with direct transfer as a line."
    cells = {(kind["pairs"], kind[series]): kind for kind in kinds}
    return {
        "title": title,
        "svg": Markup(line_chart(id_, title, description, lines, "F1, %", lambda v: f"{100 * v:.3g}", reference)),
        "names": shown,
        "sizes": sorted({kind["pairs"] for kind in kinds}),
        "cells": cells,
    }


def _matrix(kinds: _Kinds) -> dict[str, Any] | None:
    """F1 of all domains and losses on all gold files, for the largest sample that they share; None if it is one row."""
    rows = [*dict.fromkeys((kind["domain"], kind["loss"]) for kind in kinds)]
    sizes = [{kind["pairs"] for kind in kinds if (kind["domain"], kind["loss"]) == row} for row in rows]
    if len(rows) < 2 or not (shared := set.intersection(*sizes)):
        return None
    pairs = max(shared)
    cells = {(kind["domain"], kind["loss"], kind["gold"]): kind for kind in kinds if kind["pairs"] == pairs}
    golds = [*dict.fromkeys(kind["gold"] for kind in kinds)]
    spans = {}
    for gold in golds:
        values = [cells[*row, gold]["f1"] for row in rows]
        spans[gold] = (min(values), max(values))
    # How dark a cell is, within its column.
    shades = {
        key: round(100 * (kind["f1"] - spans[key[2]][0]) / ((spans[key[2]][1] - spans[key[2]][0]) or 1))
        for key, kind in cells.items()
    }
    varied = [name for place, name in enumerate(("domain", "loss")) if len({row[place] for row in rows}) > 1]
    return {"pairs": pairs, "varied": varied, "rows": rows, "golds": golds, "cells": cells, "shades": shades}


def _mean_costs(kinds: _Kinds) -> list[dict[str, Any]]:
    """What a training cost, by domain and size, over all losses and seeds."""
    groups: dict[tuple[str, int], list[float]] = {}
    for kind in kinds:
        groups.setdefault((kind["domain"], kind["pairs"]), []).append(kind["seconds"])
    return [
        {
            "domain": domain,
            "pairs": pairs,
            "seconds": sum(seconds) / len(seconds),
            "range": (min(seconds), max(seconds)),
        }
        for (domain, pairs), seconds in sorted(groups.items())
    ]


def _cost_figures(costs: _Kinds) -> list[Figure]:
    if len({cost["pairs"] for cost in costs}) < 2:
        return []
    domains = [*dict.fromkeys(cost["domain"] for cost in costs)]

    def chart(id_: str, title: str, tick: Callable[[float], str], value: Callable[..., float], *more: Any) -> Figure:
        series = [
            Series(
                domain_name(domain),
                [
                    Point(
                        cost["pairs"],
                        value(cost["pairs"], cost["seconds"]),
                        min(value(cost["pairs"], seconds) for seconds in cost["range"]),
                        max(value(cost["pairs"], seconds) for seconds in cost["range"]),
                        f"{cost['pairs']:,} pairs: {tick(value(cost['pairs'], cost['seconds']))}",
                    )
                    for cost in costs
                    if cost["domain"] == domain
                ],
            )
            for domain in domains
        ]
        description = f"{title} against corpus size on a logarithmic axis."
        return {"title": title, "svg": Markup(line_chart(id_, title, description, series, title.lower(), tick, *more))}

    return [
        chart("cost-time", "Time of a training", duration, lambda pairs, seconds: seconds, None, _TIMES),
        chart("cost-speed", "Pairs per second", "{:.3g}".format, lambda pairs, seconds: pairs / seconds, None, (), 0),
    ]
