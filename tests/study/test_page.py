"""The page of made-up results, in a real browser."""

import random
import re
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from xner_core.study.page import render_page
from xner_core.study.results import cost, read_off
from xner_core.study.study_settings import StudySettings
from xner_core.training.student_settings import StudentRecipe

HOSTILE = '<script>document.title="broken"</script>&"<b>'
GOLDS = {"news.conll": 0.72, HOSTILE: 0.66}
DOMAINS = ["all", "europarl", "news+wiki"]
LOSSES = ["cross entropy", "reverse focal γ=2, differentiable weight"]
SIZES = [500, 1000, 2000, 4000, 54732]


def results(domains: list[str], losses: list[str], sizes: list[int], verdict: str = "better", seeds: int = 3) -> dict:
    """What `run_study` would say of a grid of which one cell failed."""
    chance = random.Random(1)
    kinds = []
    for gold, base in GOLDS.items():
        for domain in domains:
            for loss in losses:
                for pairs in sizes:
                    f1 = base - 0.02 + 0.06 * (1 - (500 / pairs) ** 0.5) + chance.uniform(0, 0.02)
                    kinds.append(
                        {
                            **{"gold": gold, "domain": domain, "loss": loss, "pairs": pairs, "seeds": seeds},
                            **{"f1": f1, "f1_lowest": f1 - 0.004, "f1_highest": f1 + 0.005, "sentences": pairs},
                            "per_type": {"LOC": f1 + 0.03, "PER": f1 - 0.02},
                            "difference": {
                                **{"f1": f1 - base, "low": f1 - base - 0.01, "high": f1 - base + 0.01},
                                "p_value": 0.0021,
                            },
                            **{"p_holm": 0.0321, "verdict": verdict, "entities": 900},
                            "thin": ["one seed"] if seeds == 1 else [],
                            **cost(pairs, 20 + pairs * chance.uniform(0.1, 0.15)),
                        }
                    )
    direct = {
        gold: {"f1": base, "f1_by_seed": [base - 0.003, base + 0.003]}
        | {"per_type": {"LOC": {"f1": base}, "PER": {"f1": base}}}
        for gold, base in GOLDS.items()
    }
    return {
        **{"scores": kinds, "curves": read_off(kinds), "direct_transfer": direct, "cells": 3, "done": 2},
        "failed": {f"500 pairs of {HOSTILE}": f"XnerError: {HOSTILE}"},
        "languages": ["de"],
        "left_out": ["8,000 pairs of wiki: there are 20"],
        "comparisons": len(kinds),
        "warnings": [f"{HOSTILE} marks no entity"],
    }


@pytest.fixture
def page(tmp_path) -> Path:
    return write(tmp_path, results(DOMAINS, LOSSES, SIZES))


def write(folder: Path, result: dict) -> Path:
    golds = {gold: f"{number}.conll" for number, gold in enumerate(GOLDS)}
    recipe = StudentRecipe("0.conll")
    settings = StudySettings(["labels"], golds, "out", student=recipe, projection_speed=25.0)
    path = folder / "study.html"
    path.write_text(render_page(settings, result))
    return path


def visible_text(browser) -> str:
    browser.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    return browser.find_element(By.TAG_NAME, "body").text


@pytest.mark.parametrize("width", [420, 1280])
def test_curves_and_numbers_are_there(browser, page, width):
    browser.set_window_size(width, 900)
    browser.get(page.as_uri())
    assert browser.get_log("browser") == []
    assert browser.title == "How much corpus is enough?"
    text = visible_text(browser)
    for kind in results(DOMAINS, LOSSES, SIZES)["scores"]:
        assert f"{100 * kind['f1']:.1f}" in text
    assert "news and wiki" in text
    assert "made at 25.0 pairs per second, 0.0111 hours per 1,000 pairs" in text
    assert "54,732 pairs" in text
    assert "direct transfer 72.0, beaten from 500 pairs on." in text
    assert "p < 0.05 after Holm's correction for the 60 comparisons of this study" in text
    assert f"{HOSTILE} marks no entity" in text
    assert "The checkpoints were chosen on this very file" in text
    assert text.count(HOSTILE) > 4
    boxes = browser.execute_script(
        "return [...document.querySelectorAll('svg path.line')].map(each => each.getBoundingClientRect().toJSON())"
    )
    # By domain for each loss and by loss for each domain, for each gold file; and what it costs, twice.
    assert len(boxes) == len(GOLDS) * 2 * len(DOMAINS) * len(LOSSES) + 2 * len(DOMAINS)
    assert all(box["width"] > 100 and box["height"] > 5 and box["right"] <= width for box in boxes)
    # Nothing sticks out, and labels of an axis do not touch.
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    overlaps = browser.execute_script(
        "return [...document.querySelectorAll('svg')].filter(svg => {"
        "  const boxes = [...svg.querySelectorAll('.tick')].map(each => each.getBoundingClientRect());"
        "  return boxes.some((a, i) => boxes.slice(i + 1).some(b =>"
        "    a.left < b.right && b.left < a.right && a.top < b.bottom - 1 && b.top < a.bottom - 1));"
        "}).length"
    )
    assert overlaps == 0


def test_the_page_needs_nothing_but_itself(browser, page):
    content = page.read_text()
    assert "<script" not in content
    addresses = r"""(?:src|href)=["'](?!data:,)|url[(]|@import|https?://(?!www[.]w3[.]org/)"""
    assert not re.findall(addresses, content)
    browser.get(page.as_uri())
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    visible_text(browser)
    # Every picture has a title for those who do not see it.
    pictures = browser.find_elements(By.TAG_NAME, "svg")
    assert pictures
    assert all(picture.accessible_name and picture.aria_role in ("img", "image") for picture in pictures)


def test_a_single_size_is_a_table_of_domains_by_gold_files(browser, tmp_path):
    result = results(["europarl", "news"], ["cross entropy"], [2000], verdict="open")
    browser.get(write(tmp_path, result).as_uri())
    assert not browser.find_elements(By.TAG_NAME, "svg")
    section = browser.find_element(By.ID, "matrix").text
    assert "Which domain, at 2,000 pairs" in section
    assert "Not enough yet" in browser.find_element(By.ID, "read-off").text
    cells = browser.find_elements(By.CSS_SELECTOR, ".matrix td.shaded")
    assert [cell.text.split()[0] for cell in cells] == [
        f"{100 * kind['f1']:.1f}"
        for domain in ("europarl", "news")
        for kind in result["scores"]
        if kind["domain"] == domain
    ]


def test_a_study_without_a_cell_that_is_done_has_a_page(browser, tmp_path):
    result = results([], [], [])
    browser.get(write(tmp_path, result).as_uri())
    assert browser.get_log("browser") == []
    assert "What is missing" in visible_text(browser)


@pytest.mark.parametrize(
    ("verdicts", "words", "enough"),
    [
        (["better", "better", "better"], "beaten from 500 pairs on", "1,000"),
        (["open", "open", "better"], "beaten from 2,000 pairs on", "2,000"),
        (["better", "better", "open"], "beaten with 500 and 1,000 pairs, but not from a size on", "not yet"),
        (["worse", "open", "open"], "better than the students with 500 pairs", "not yet"),
        (["open", "open", "open"], "no difference is shown at any size", "not yet"),
    ],
)
def test_one_rule_is_stated_and_holds_all_over_the_page(browser, tmp_path, verdicts, words, enough):
    """What a card says of a curve is what the tables say of it, and no p-value stands alone."""
    result = results(["all"], ["cross entropy"], [500, 1000, 2000])
    for kind, verdict in zip(result["scores"], verdicts * len(GOLDS), strict=True):
        f1 = {500: 0.70, 1000: 0.75, 2000: 0.755}[kind["pairs"]]
        kind.update(verdict=verdict, p_holm=0.0084 if verdict != "open" else 0.0563, f1=f1)
        kind["difference"]["p_value"] = 0.0014 if verdict != "open" else 0.014
    result["curves"] = read_off(result["scores"])
    browser.get(write(tmp_path, result).as_uri())
    visible_text(browser)
    assert "p < 0.05 after Holm's correction for the 6 comparisons" in browser.find_element(By.ID, "rule").text
    card = browser.find_element(By.CSS_SELECTOR, "#read-off li").text
    assert f"direct transfer 72.0, {words}." in card
    assert ("Not enough yet" in card) == (enough == "not yet")
    assert (f"{enough} pairs, all domains" in card) == (enough != "not yet")
    curve = browser.find_element(By.CSS_SELECTOR, "#read-off tbody tr").text
    assert curve.split()[-2 if enough != "not yet" else -3 :][0] == enough.split()[0]
    rows = [row.text for row in browser.find_elements(By.CSS_SELECTOR, "#gold-0 details:last-of-type tbody tr")][:3]
    assert [row.split()[-1] for row in rows] == verdicts
    assert all(("0.0140 0.0563" in row) == row.endswith("open") for row in rows)


def test_thin_results_are_marked_wherever_they_stand(browser, tmp_path):
    result = results(["europarl", "news"], ["cross entropy"], [500, 2000], seeds=1)
    browser.get(write(tmp_path, result).as_uri())
    visible_text(browser)
    assert (
        "† marks what is thin: a result of one seed, or on fewer than 100" in browser.find_element(By.ID, "rule").text
    )
    assert "† Thin: one seed." in browser.find_element(By.CSS_SELECTOR, "#read-off li").text
    for cells in (".matrix td.shaded", ".figure .wide tbody td", "#gold-0 > details tbody tr:not(:last-child)"):
        found = browser.find_elements(By.CSS_SELECTOR, cells)
        assert found
        assert all("†" in cell.text for cell in found if cell.text), cells
