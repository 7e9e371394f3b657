import pytest

from xner_core.errors import XnerError
from xner_core.evaluation.gold_check import check_gold

CONLL = "Anna B-PER\nlebt O\nin O\nBonn B-LOC\n\n"
JSON_LINES = '{"de": {"tokens": ["Anna", "lebt"], "tags": ["B-PER", "O"]}}\n'


@pytest.fixture
def gold(tmp_path) -> str:
    (tmp_path / "gold.conll").write_text(CONLL)
    return str(tmp_path / "gold.conll")


def test_gold_that_can_be_scored(gold, tmp_path):
    check_gold("gold", gold, "de", None, {"the tagger": ["PER", "LOC", "ORG"]})
    check_gold("gold", gold, None, ["PER", "LOC"])
    (tmp_path / "gold.jsonl").write_text(JSON_LINES)
    check_gold("gold", str(tmp_path / "gold.jsonl"), "de", ["PER"], {"the tagger": ["PER"]})


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
        ((gold, "de", ["PERS"]), r"no entity type PERS: gold .*gold\.conll marks LOC, PER.*did you mean PER\?"),
        (
            (gold, "de", None, {"the tagger": ["person"]}),
            "marks LOC, PER, and none .* finds person; did you mean",
        ),
    ]:
        with pytest.raises(XnerError, match=message):
            check_gold("gold", *arguments)
