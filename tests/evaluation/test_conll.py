import gzip

import pytest

from xner_core.errors import XnerError
from xner_core.evaluation.conll import TaggedSentence, read_conll
from xner_core.evaluation.gold import read_sentences
from xner_core.evaluation.tagger import TaggerEvaluation, evaluate_tagger, predict_tags
from xner_core.tagging.tagger import Tagger, TaggerSettings

TEXT = "-DOCSTART- -X- O\n\nIn\tO\nNew\tB-LOC\nYork\tI-LOC\n\n\nAnn\tI-PER\nBob\tB-PER\r\nMrs\u2028X\tO"
SENTENCES = [
    TaggedSentence(["In", "New", "York"], ["O", "B-LOC", "I-LOC"]),
    TaggedSentence(["Ann", "Bob", "Mrs\u2028X"], ["B-PER", "B-PER", "O"]),
]


def test_sentences_are_read_plain_and_compressed(tmp_path):
    (tmp_path / "a.conll").write_bytes(TEXT.encode())
    (tmp_path / "a.conll.gz").write_bytes(gzip.compress(TEXT.encode()))
    assert read_conll(tmp_path / "a.conll") == read_conll(tmp_path / "a.conll.gz") == SENTENCES


def test_other_types_become_o(tmp_path):
    (tmp_path / "a.conll").write_bytes(TEXT.encode())
    assert [sentence.tags for sentence in read_conll(tmp_path / "a.conll", {"PER"})] == [["O"] * 3, SENTENCES[1].tags]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"In O\nNew\n", r"bad.conll:2: expected a token and an IOB2 tag, found 'New'"),
        (b"In O\nNew X-LOC\n", r"bad.conll:2: expected a token and an IOB2 tag"),
        (b"In O\n\xff O\n", r"bad.conll:2: not UTF-8"),
    ],
)
def test_a_bad_line_is_named(tmp_path, content, message):
    (tmp_path / "bad.conll").write_bytes(content)
    with pytest.raises(XnerError, match=message):
        read_conll(tmp_path / "bad.conll")


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(XnerError, match=r"none.conll: no such file"):
        read_conll(tmp_path / "none.conll")
    (tmp_path / "cut.conll.gz").write_bytes(gzip.compress(TEXT.encode())[:-9])
    with pytest.raises(XnerError, match=r"cut.conll.gz: damaged gzip"):
        read_conll(tmp_path / "cut.conll.gz")


def test_a_tagger_is_scored(tiny_tagger, tmp_path):
    (tmp_path / "a.conll").write_bytes(TEXT.encode())
    result = evaluate_tagger(TaggerEvaluation(tiny_tagger, str(tmp_path / "a.conll"), "PER,LOC"))
    assert result["labels"] == ["LOC", "PER"]
    assert result["sentences"] == 2
    assert set(result["per_type"]) >= {"LOC", "PER"}
    (tmp_path / "empty.conll").write_bytes(b"\n\n")
    with pytest.raises(XnerError, match="holds no sentence"):
        evaluate_tagger(TaggerEvaluation(tiny_tagger, str(tmp_path / "empty.conll")))


def test_a_tagger_that_copies_gold_scores_one(tiny_tagger, tmp_path):
    """What a tagger predicts, taken as gold, gives a perfect score, in spaced and in unspaced script."""
    tagger = Tagger(TaggerSettings(tiny_tagger))
    types = set(tagger.types)
    for tokens in (["Ann", "saw", "Bonn", "and", "Ulm", "."], ["北", "京", "是", "首", "都"]):
        untagged = tmp_path / "untagged.conll"
        untagged.write_text("".join(f"{token}\tO\n" for token in tokens))
        (tags,) = predict_tags(tagger, read_sentences(untagged), types)
        path = tmp_path / "copy.conll"
        path.write_text("".join(f"{token}\t{tag}\n" for token, tag in zip(tokens, tags, strict=True)))
        result = evaluate_tagger(TaggerEvaluation(tiny_tagger, str(path), ",".join(sorted(types))))
        assert result["f1"] == (1.0 if any(tag != "O" for tag in tags) else 0.0)
