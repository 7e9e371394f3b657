import gzip
import json

import pytest

from xner_core.alignment.query import Alignment
from xner_core.errors import XnerError
from xner_core.evaluation.projection import (
    ProjectionEvaluation,
    count_bound,
    evaluate_projection,
    projected_tags,
    read_gold,
)
from xner_core.spans import Span

ROWS = [
    {
        "id": "1",
        "en": {"tokens": ["Ada", "met", "Bob", "Ross"], "tags": ["B-PER", "O", "B-PER", "I-PER"]},
        "de": {"tokens": ["Ada", "traf", "Bob", "Ross"], "tags": ["B-PER", "O", "B-PER", "I-PER"]},
        "zh": {"tokens": ["Ada", "遇到", "Bob"], "tags": ["B-PER", "O", "B-PER"], "text": "Ada遇到 Bob"},
    },
    {
        "id": "2",
        "en": {"tokens": ["Rome", "sleeps"], "tags": ["B-LOC", "O"]},
        "de": {"tokens": ["Die", "Stadt", "schläft"], "tags": ["O", "O", "O"]},
        "zh": {"tokens": ["罗马", "睡"], "tags": ["B-LOC", "O"]},
    },
]


@pytest.fixture
def write(tmp_path):
    def write(*lines, name="gold.jsonl"):
        path = tmp_path / name
        content = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return str(path)

    return write


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


def test_a_projected_span_becomes_the_tokens_that_it_overlaps(write):
    pairs = read_gold(write(ROWS[0]), "en", "zh")
    entities = [source.entities() for source, _ in pairs]
    tags = projected_tags(pairs, entities, [[Alignment(Span(2, 4), 0.5), Alignment(None, 0.0, "no counterpart")]])
    assert tags == [["B-PER", "I-PER", "O"]]


def test_a_perfect_projection_reaches_its_bound(write, tiny_encoder):
    same = [{"en": row["en"], "xx": row["en"]} for row in ROWS]
    result = evaluate_projection(ProjectionEvaluation(write(*same), "xx", encoder=tiny_encoder))
    assert result["status"] == "done"
    assert result["f1"] == result["bound"] == result["share_of_bound"] == 1
    assert set(result["per_type"]) == {"PER", "LOC"}
    assert (result["pairs"], result["source_entities"], result["share_null"]) == (2, 3, 0)
    assert result["pairs_per_second"] > 0
    json.dumps(result)


def test_entities_of_a_tagger_are_scored_against_the_same_bound(write, tiny_encoder, tiny_tagger):
    path = write(*ROWS)
    gold = evaluate_projection(ProjectionEvaluation(path, "de", encoder=tiny_encoder))
    tagged = evaluate_projection(
        ProjectionEvaluation(path, "de", encoder=tiny_encoder, entities="tagger", tagger=tiny_tagger)
    )
    assert tagged["bound"] == gold["bound"]
    assert tagged["f1"] < gold["f1"]


def test_gold_without_entities_has_scores_of_zero(write, tiny_encoder):
    row = {language: {"tokens": ["so"], "tags": ["O"]} for language in ("en", "de")}
    result = evaluate_projection(ProjectionEvaluation(write(row), "de", encoder=tiny_encoder))
    assert (result["f1"], result["bound"], result["share_of_bound"], result["share_null"]) == (0, 0, 0, 0)


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


def test_source_and_target_differ():
    with pytest.raises(ValueError, match="both 'en'"):
        ProjectionEvaluation("gold.jsonl", "en")


def test_what_other_annotators_wrote_is_read_all_the_same(write, caplog):
    loose = _with(tags=["O", "I-PER", "O", "O"], text="Ada traf Ross Bob")
    ((_, target),) = read_gold(write(loose), "en", "de")
    assert target.tags == ["O", "B-PER", "O", "O"]
    assert "joined" in caplog.text
    assert [target.text[span.start : span.end] for span in target.tokens] == loose["de"]["tokens"]
