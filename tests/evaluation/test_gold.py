import pytest
from gold_rows import ROWS

from xner_core.errors import XnerError
from xner_core.evaluation.gold import GoldSentence, count_f1, read_gold, read_sentences
from xner_core.spans import Span


def test_texts_are_given_or_joined_as_the_language_is_written(write):
    for name in ("gold.jsonl", "gold.jsonl.gz"):
        pairs = read_gold(write(*ROWS, name=name), "en", "zh")
        assert [target.text for _, target in pairs] == ["Ada遇到 Bob", "罗马睡"]
        assert pairs[0][1].tokens == [Span(0, 3), Span(3, 5), Span(6, 9)]
        assert pairs[0][0].text == "Ada met Bob Ross"


def test_the_f1_of_counts_pairs_entities_of_a_type(write):
    # Two PER are shared; the source side has one LOC more.
    assert count_f1(read_gold(write(*ROWS), "en", "de")) == pytest.approx(2 * 2 / (3 + 2))
    assert count_f1(read_gold(write(*ROWS), "en", "zh")) == 1


def _with(**changes):
    return {"en": ROWS[0]["en"], "de": {**ROWS[0]["de"], **changes}}


def test_sentences_of_one_language_are_read_from_conll_and_from_json_lines(write, tmp_path):
    written = read_sentences(write(*ROWS, name="gold.jsonl.gz"), "zh")
    assert [sentence.text for sentence in written] == ["Ada遇到 Bob", "罗马睡"]
    (tmp_path / "zh.conll").write_text("罗马\tB-LOC\n睡\tO\n\n艾达\tB-PER\n遇到\tO\nBob\tB-PER\n")
    assert read_sentences(tmp_path / "zh.conll") == [
        written[1],
        GoldSentence("艾达遇到Bob", [Span(0, 2), Span(2, 4), Span(4, 7)], ["B-PER", "O", "B-PER"]),
    ]
    assert written[1].of_types({"PER"}).tags == ["O", "O"]
    assert written[1].of_types({"LOC"}) == written[1]


def test_json_lines_need_a_language_and_files_a_sentence(write, tmp_path):
    with pytest.raises(XnerError, match="name the one to read"):
        read_sentences(write(*ROWS))
    with pytest.raises(XnerError, match="no side 'fr'; there are de, en, zh"):
        read_sentences(write(*ROWS), "fr")
    (tmp_path / "empty.conll").write_bytes(b"\n\n")
    with pytest.raises(XnerError, match="holds no sentence"):
        read_sentences(tmp_path / "empty.conll")


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
