import json
import lzma

import pytest

from gold_rows import ROWS
from xner_core.errors import XnerError
from xner_core.evaluation.gold import GoldSentence, count_f1, read_gold, read_sentences
from xner_core.text.spans import Span


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


def test_tags_of_any_scheme_are_read_from_json_lines(write):
    row = _with(tags=["S-PER", "O", "B-PER", "E-PER"])
    ((_, target),) = read_gold(write(row), "en", "de")
    assert target.tags == ROWS[0]["de"]["tags"]


def test_byte_order_marks_line_ends_and_compression_make_no_difference(write, tmp_path):
    lines = "\r\n".join(f"\ufeff{json.dumps(row)}" for row in ROWS)
    (tmp_path / "marked.jsonl.xz").write_bytes(lzma.compress(lines.encode()))
    assert read_gold(tmp_path / "marked.jsonl.xz", "en", "de") == read_gold(write(*ROWS), "en", "de")


def test_a_language_by_another_code_is_asked_about(write):
    path = write(*ROWS)
    with pytest.raises(XnerError, match=r"gold.jsonl:1: no side 'de-AT'; there are de, en, zh; did you mean de\?"):
        read_sentences(path, "de-AT")
    with pytest.raises(XnerError, match=r"no side 'swe'; there are de, en, zh$"):
        read_sentences(path, "swe")
    assert read_sentences(path, "zho") == read_sentences(path, "zh")
    with pytest.raises(XnerError, match=r'no side \'de\'; there are none, as in {"de": {"tokens"'):
        read_sentences(write({"tokens": ["Ulm"], "ner_tags": [3]}), "de")


def test_json_that_is_nested_without_end_is_refused(write):
    with pytest.raises(XnerError, match=r"gold.jsonl:1: JSON that is nested too deeply"):
        read_sentences(write("[" * 1_000_000), "de")


def test_sides_that_share_no_type_are_refused(write):
    other = {"tokens": ["Ada"], "tags": ["B-person"]}
    with pytest.raises(XnerError, match=r"en marks PER, and de marks person: give both sides the same types"):
        read_gold(write({"en": ROWS[0]["en"], "de": other}), "en", "de")


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


@pytest.mark.parametrize(
    ("language", "tokens", "text"),
    [
        ("zho", ["北", "京", "很", "大"], "北京很大"),
        ("cmn_Hans", ["北", "京", "很", "大"], "北京很大"),
        ("yue", ["香", "港"], "香港"),
        ("ZH-TW", ["臺", "北"], "臺北"),
        ("jpn_Jpan", ["東京", "は", "大きい"], "東京は大きい"),
        ("tha", ["กรุงเทพ", "ใหญ่"], "กรุงเทพใหญ่"),
        ("dzo", ["ཐིམ་ཕུ་", "རྒྱལ་ས"], "ཐིམ་ཕུ་རྒྱལ་ས"),
        ("zh-Latn", ["Běijīng", "hěn"], "Běijīng hěn"),
        ("kor_Hang", ["서울은", "크다"], "서울은 크다"),
    ],
)
def test_tokens_are_joined_as_the_script_of_any_code_is_written(write, language, tokens, text):
    side = {"tokens": tokens, "tags": ["B-LOC"] + ["O"] * (len(tokens) - 1)}
    assert read_sentences(write({language: side}), language)[0].text == text


def test_a_side_may_have_another_code_of_the_language(write):
    side = {"tokens": ["Köln"], "tags": ["B-LOC"]}
    assert read_sentences(write({"eng": side, "deu_Latn": side, "id": "de-1"}), "de")[0].text == "Köln"
    assert read_sentences(write({"de-AT": side}), "de")[0].text == "Köln"
    with pytest.raises(XnerError, match=r"no side 'de-AT'; there are de, en; did you mean de\?"):
        read_sentences(write({"en": side, "de": side}), "de-AT")
    with pytest.raises(XnerError, match=r"no side 'pt'; there are pt-BR, pt-PT; did you mean pt-BR or pt-PT\?"):
        read_sentences(write({"pt-BR": side, "pt-PT": side}), "pt")
