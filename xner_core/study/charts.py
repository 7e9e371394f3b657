"""Line charts as SVG, for a page whose style sheet colours them: class `series-0` and so on, `grid`, `reference`."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

WIDTH, HEIGHT = 640, 380
COLOURS = 7
_RIGHT, _TOP, _BOTTOM = 18, 14, 46
_LEGEND_ROW = 22
_CHARACTER = 6.8
# Pixels that the label of a tick takes at least.
_TICK = 44
# Markers around (0, 0), so that series are told apart without their colours.
_MARKERS = (
    "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0",
    "M-4,-4H4V4H-4Z",
    "M0,-5.2L5,3.8H-5Z",
    "M0,-5.6L5.6,0L0,5.6L-5.6,0Z",
    "M0,5.2L5,-3.8H-5Z",
    "M-1.6,-5H1.6V-1.6H5V1.6H1.6V5H-1.6V1.6H-5V-1.6H-1.6Z",
    "M-5,-2.5H5V2.5H-5Z",
)


@dataclass(frozen=True)
class Point:
    """A value of a series, its range over the seeds, and what it says when it is pointed at."""

    x: float
    y: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class Series:
    """A line of a chart, by its name in the legend."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Reference:
    """A horizontal line with its range."""

    name: str
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Scale:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (math.log(v) if self.logarithmic else v for v in (self.low, self.high, value))
        return self.start + (value - low) / ((high - low) or 1) * (self.end - self.start)


def line_chart(
    id_: str,
    title: str,
    description: str,
    series: Sequence[Series],
    axis: str,
    tick: Callable[[float], str],
    reference: Reference | None = None,
    round_numbers: Sequence[float] = (),
    from_: float | None = None,
) -> str:
    """Values against corpus size, which is on a logarithmic axis.

    Args:
        id_: of the picture in the page
        title: for those who do not see it
        description: likewise
        series: the lines, each with a band for the range of its points
        axis: what the y axis shows
        tick: how its values are written
        reference: a horizontal line
        round_numbers: what a logarithmic y axis may be marked with; without them the axis is linear
        from_: where the y axis begins at the latest
    """
    points = [point for one in series for point in one.points]
    xs = sorted({point.x for point in points})
    ends = [end for point in [*points, *([reference] if reference else [])] for end in (point.low, point.high)]
    ends += [] if from_ is None else [from_]
    low, high, ticks = _logarithmic_ticks(ends, round_numbers) if round_numbers else _ticks(ends)
    left = 32 + _CHARACTER * max(len(tick(value)) for value in ticks)
    rows = list(_legend_rows([one.name for one in series], left)) if len(series) > 1 else []
    across = Scale(xs[0], xs[-1], left + 16, WIDTH - _RIGHT - 16, logarithmic=True)
    up = Scale(low, high, HEIGHT - _BOTTOM, _TOP + _LEGEND_ROW * len(rows), logarithmic=bool(round_numbers))

    svg = ElementTree.Element(
        "svg",
        {
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "role": "img",
            "aria-labelledby": f"{id_}-title {id_}-description",
            "id": id_,
        },
    )
    _add(svg, "title", title, id=f"{id_}-title")
    _add(svg, "desc", description, id=f"{id_}-description")
    for value in ticks:
        _add(svg, "line", class_="grid", x1=left, x2=WIDTH - _RIGHT, y1=up(value), y2=up(value))
        _add(svg, "text", tick(value), class_="tick", x=left - 8, y=up(value) + 4, text_anchor="end")
    for value in _apart(xs, across):
        _add(svg, "line", class_="notch", x1=across(value), x2=across(value), y1=up.start, y2=up.start + 5)
        _add(svg, "text", f"{value:,.0f}", class_="tick", x=across(value), y=up.start + 19, text_anchor="middle")
    _add(svg, "text", "pairs", class_="axis", x=(left + WIDTH - _RIGHT) / 2, y=HEIGHT - 8, text_anchor="middle")
    middle = (up.start + up.end) / 2
    _add(svg, "text", axis, class_="axis", transform=f"translate(14 {middle:g}) rotate(-90)", text_anchor="middle")
    if reference:
        _draw_reference(svg, reference, up, left, _is_clear_at_end(series, reference.y))
    for number, one in enumerate(series):
        _draw_series(svg, number, one, across, up)
    for row, names in enumerate(rows):
        for number, name, x in names:
            entry = _add(svg, "g", class_=f"series-{number % COLOURS}")
            y = _TOP + _LEGEND_ROW * row + 2
            _add(entry, "line", class_="line", x1=x, x2=x + 22, y1=y, y2=y)
            _marker(entry, number, x + 11, y)
            _add(entry, "text", name, class_="legend", x=x + 28, y=y + 4)
    return ElementTree.tostring(svg, encoding="unicode")


def _is_clear_at_end(series: Sequence[Series], y: float) -> bool:
    """Whether the lines are further from a height where they end than where they begin."""
    start, end = (min(abs(pick(one.points, key=lambda point: point.x).y - y) for one in series) for pick in (min, max))
    return end >= start


def _draw_reference(svg: ElementTree.Element, reference: Reference, up: Scale, left: float, at_end: bool) -> None:
    group = _add(svg, "g", class_="reference")
    if reference.high > reference.low:
        height = up(reference.low) - up(reference.high)
        _add(group, "rect", class_="band", x=left, width=WIDTH - _RIGHT - left, y=up(reference.high), height=height)
    _add(group, "line", class_="line", x1=left, x2=WIDTH - _RIGHT, y1=up(reference.y), y2=up(reference.y))
    x, anchor = (WIDTH - _RIGHT - 4, "end") if at_end else (left + 4, "start")
    _add(group, "text", reference.name, class_="legend", x=x, y=up(reference.y) - 6, text_anchor=anchor)


def _draw_series(svg: ElementTree.Element, number: int, series: Series, across: Scale, up: Scale) -> None:
    points = sorted(series.points, key=lambda point: point.x)
    group = _add(svg, "g", class_=f"series-{number % COLOURS}")
    above = [(across(point.x), up(point.high)) for point in points]
    below = [(across(point.x), up(point.low)) for point in reversed(points)]
    _add(group, "path", class_="band", d=_path([*above, *below]) + "Z")
    _add(group, "path", class_="line", d=_path([(across(point.x), up(point.y)) for point in points]))
    for point in points:
        _add(_marker(group, number, across(point.x), up(point.y)), "title", point.text)


def _marker(group: ElementTree.Element, number: int, x: float, y: float) -> ElementTree.Element:
    shape = _MARKERS[number % len(_MARKERS)]
    return _add(group, "path", class_="marker", d=shape, transform=f"translate({x:.1f} {y:.1f})")


def _add(
    parent: ElementTree.Element, tag: str, text: str | None = None, **attributes: str | float
) -> ElementTree.Element:
    values = {
        name.rstrip("_").replace("_", "-"): value if isinstance(value, str) else f"{value:.1f}"
        for name, value in attributes.items()
    }
    element = ElementTree.SubElement(parent, tag, values)
    element.text = text
    return element


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _legend_rows(names: Sequence[str], left: float) -> Iterator[list[tuple[int, str, float]]]:
    """The number, name and place of each series, in as many rows as they need."""
    row: list[tuple[int, str, float]] = []
    x = left
    for number, name in enumerate(names):
        width = 28 + _CHARACTER * len(name) + 18
        if row and x + width > WIDTH:
            yield row
            row, x = [], left
        row.append((number, name, x))
        x += width
    yield row


def _apart(values: Sequence[float], scale: Scale) -> Iterator[float]:
    """Values whose labels do not touch; the last one in any case."""
    taken = scale(values[-1]) + _TICK
    kept = []
    for value in reversed(values):
        if taken - scale(value) >= _TICK:
            kept.append(value)
            taken = scale(value)
    yield from reversed(kept)


def _ticks(values: Sequence[float]) -> tuple[float, float, list[float]]:
    """The ends of an axis for some values, and round numbers between them."""
    spread = max(values) - min(values) or abs(max(values)) or 1.0
    step = next(
        step
        for exponent in range(math.floor(math.log10(spread)) - 1, 20)
        for step in (factor * 10.0**exponent for factor in (1, 2, 2.5, 5))
        if spread / step <= 6
    )
    low, high = math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step
    return low, high, [low + step * i for i in range(round((high - low) / step) + 1)]


def _logarithmic_ticks(values: Sequence[float], allowed: Sequence[float]) -> tuple[float, float, list[float]]:
    low = max((number for number in allowed if number <= min(values)), default=min(values))
    high = min((number for number in allowed if number >= max(values) and number > low), default=max(values))
    inside = [number for number in allowed if low <= number <= high]
    return low, high, inside[:: 1 + len(inside) // 8]
