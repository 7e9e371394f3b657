from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.study.charts import HEIGHT, WIDTH, Point, Reference, Series, line_chart

VALUES = st.integers(0, 1000).map(lambda share: share / 1000)


@st.composite
def series(draw):
    points = []
    for pairs in draw(st.sets(st.integers(1, 10**9), min_size=1, max_size=5)):
        low, value, high = sorted(draw(st.tuples(VALUES, VALUES, VALUES)))
        points.append(Point(pairs, value, low, high, "a point"))
    return Series(draw(st.text("a<&>\"'é ", max_size=40)), points)


def draw_chart(lines, **more) -> ElementTree.Element:
    return ElementTree.fromstring(line_chart("x", "Title", "Words", lines, "F1", lambda value: f"{value:.3g}", **more))


@settings(deadline=None, max_examples=30)
@given(st.lists(series(), min_size=1, max_size=8), VALUES)
def test_everything_is_drawn_inside_of_the_picture(lines, value):
    svg = draw_chart(lines, reference=Reference("direct", value, value * 0.9, value))
    markers = [each for each in svg.iter("path") if each.get("class") == "marker" and each.find("title") is not None]
    assert len(markers) == sum(len(one.points) for one in lines)
    for marker in markers:
        x, y = map(float, marker.get("transform").removeprefix("translate(").removesuffix(")").split())
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
    for line in svg.iter("line"):
        assert all(0 <= float(line.get(end)) <= max(WIDTH, HEIGHT) for end in ("x1", "x2", "y1", "y2"))
    if len(lines) > 1:
        legend = [text.text for text in svg.iter("text") if text.get("class") == "legend"]
        assert [name or None for name in (one.name for one in lines)] == legend[1:]


def test_a_better_score_is_higher_and_a_larger_corpus_further_right():
    svg = draw_chart([Series("a", [Point(1000, 0.5, 0.5, 0.5, "small"), Point(4000, 0.7, 0.6, 0.8, "large")])])
    small, large = (
        [float(v) for v in marker.get("transform")[10:-1].split()]
        for marker in svg.iter("path")
        if marker.get("class") == "marker"
    )
    assert small[0] < large[0]
    assert small[1] > large[1]
    assert svg.get("role") == "img"
    assert {svg.find("title").get("id"), svg.find("desc").get("id")} == set(svg.get("aria-labelledby").split())
    ticks = [text.text for text in svg.iter("text") if text.get("class") == "tick"]
    assert ticks == ["0.5", "0.6", "0.7", "0.8", "1,000", "4,000"]


def test_the_steps_of_a_logarithmic_axis_are_even():
    points = [Point(10**i, 10.0**i, 10.0**i, 10.0**i, str(i)) for i in range(4)]
    svg = draw_chart([Series("a", points)], round_numbers=[10.0**i for i in range(-2, 7)])
    heights = [float(each.get("transform")[10:-1].split()[1]) for each in svg.iter("path") if each.get("transform")]
    assert heights[0] - heights[1] == pytest.approx(heights[2] - heights[3], abs=0.3)
    assert [text.text for text in svg.iter("text") if text.get("class") == "tick"][:4] == ["1", "10", "100", "1e+03"]
