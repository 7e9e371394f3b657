"""The page of made-up results, in a real browser."""

import random
import re
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from xner_core.study.grid import StudySettings
from xner_core.study.page import render_page
from xner_core.study.results import cost, read_off
from xner_core.training.student import StudentRecipe

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
    settings = StudySettings(["labels"], golds, "out", recipe=recipe, projection_speed=25.0)
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
