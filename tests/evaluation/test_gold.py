import pytest
from gold_rows import ROWS

from xner_core.errors import XnerError
from xner_core.evaluation.gold import count_bound, read_gold
from xner_core.spans import Span


def test_texts_are_given_or_joined_as_the_language_is_written(write):
    for name in ("gold.jsonl", "gold.jsonl.gz"):
        pairs = read_gold(write(*ROWS, name=name), "en", "zh")
        assert [target.text for _, target in pairs] == ["Ada遇到 Bob", "罗马睡"]
        assert pairs[0][1].tokens == [Span(0, 3), Span(3, 5), Span(6, 9)]
        assert pairs[0][0].text == "Ada met Bob Ross"


def test_the_bound_is_the_f1_of_typed_counts(write):
    # Two PER are shared; the source side has one LOC more.
    assert count_bound(read_gold(write(*ROWS), "en", "de")) == pytest.approx(2 * 2 / (3 + 2))
    assert count_bound(read_gold(write(*ROWS), "en", "zh")) == 1


def _with(**changes):
    return {"en": ROWS[0]["en"], "de": {**ROWS[0]["de"], **changes}}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", r"gold.jsonl:2: "),
        ("[]", r"gold.jsonl:2: not a JSON object"),
        ({"en": ROWS[0]["en"]}, r"gold.jsonl:2: no side 'de'; there are en"),
        (_with(tokens="Ada"), r"gold.jsonl:2: side 'de' needs lists of strings"),
        (_with(tags=["O"]), r"gold.jsonl:2: side 'de' has 4 tokens, but 1 tags"),
        (_with(tags=["O", "PER", "O", "O"]), r"gold.jsonl:2: side 'de': 'PER' is no IOB2 tag"),
        (_with(text=7), r"gold.jsonl:2: side 'de': text is not a string"),
    ],
)
def test_a_bad_line_is_named(write, bad, message):
    with pytest.raises(XnerError, match=message):
        read_gold(write(ROWS[0], bad), "en", "de")


def test_a_missing_damaged_or_empty_file_is_named(write, tmp_path):
    with pytest.raises(XnerError, match=r"none\.jsonl: no such file"):
        read_gold(tmp_path / "none.jsonl", "en", "de")
    with pytest.raises(XnerError, match="holds no sentence"):
        read_gold(write(""), "en", "de")
    path = write(*ROWS, name="gold.jsonl.gz")
    with open(path, "r+b") as file:
        file.truncate(20)
    with pytest.raises(XnerError, match="damaged gzip"):
        read_gold(path, "en", "de")


def test_what_other_annotators_wrote_is_read_all_the_same(write, caplog):
    loose = _with(tags=["O", "I-PER", "O", "O"], text="Ada traf Ross Bob")
    ((_, target),) = read_gold(write(loose), "en", "de")
    assert target.tags == ["O", "B-PER", "O", "O"]
    assert "joined" in caplog.text
    assert [target.text[span.start : span.end] for span in target.tokens] == loose["de"]["tokens"]
