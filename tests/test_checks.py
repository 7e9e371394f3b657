import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from xner_core.alignment.aligner import AlignerSettings
from xner_core.checks import check_aligner, check_gold
from xner_core.errors import XnerError

CONLL = "Anna B-PER\nlebt O\nin O\nBonn B-LOC\n\n"
JSON_LINES = '{"de": {"tokens": ["Anna", "lebt"], "tags": ["B-PER", "O"]}}\n'


@pytest.fixture
def gold(tmp_path) -> str:
    (tmp_path / "gold.conll").write_text(CONLL)
    return str(tmp_path / "gold.conll")


def test_gold_that_can_be_scored(gold, tmp_path):
    check_gold("gold", gold, "de", None, {"the tagger": ["PER", "LOC", "ORG"]})
    check_gold("gold", gold, None, "PER, LOC")
    (tmp_path / "gold.jsonl").write_text(JSON_LINES)
    check_gold("gold", str(tmp_path / "gold.jsonl"), "de", "PER", {"the tagger": ["PER"]})


def test_gold_that_cannot(gold, tmp_path):
    (tmp_path / "gold.jsonl").write_text(JSON_LINES)
    (tmp_path / "text.conll").write_text("Anna lebt in Bonn.\n")
    lines = str(tmp_path / "gold.jsonl")
    for arguments, message in [
        ((str(tmp_path / "nowhere"), "de"), "no such file"),
        ((str(tmp_path), "de"), "is a folder"),
        ((str(tmp_path / "text.conll"), "de"), r"text\.conll:1"),
        ((lines, None), "language|languages"),
        ((lines, "fr"), "'fr'"),
        ((gold, "de", "PERS"), r"no entity type PERS: gold .*gold\.conll marks LOC, PER.*did you mean PER\?"),
        (
            (gold, "de", None, {"the tagger": ["person"]}),
            "marks LOC, PER, and none .* finds person; did you mean",
        ),
    ]:
        with pytest.raises(XnerError, match=message):
            check_gold("gold", *arguments)


def test_aligners(tiny_encoder, tmp_path):
    check_aligner(AlignerSettings("similarity", tiny_encoder))
    shipped = Path(str(files("xner_core") / "starter" / "aligner"))
    recipe = tmp_path / "half"
    recipe.mkdir()
    shutil.copy(shipped / "aligner.json", recipe)
    with pytest.raises(XnerError, match=r"no \*\.safetensors"):
        check_aligner(AlignerSettings(str(recipe)))
    with pytest.raises(XnerError, match=r"there is no .*aligner\.json"):
        check_aligner(AlignerSettings(tiny_encoder))
    with pytest.raises(XnerError, match="not a local folder"):
        check_aligner(AlignerSettings("similarity", str(tmp_path / "nowhere")))
