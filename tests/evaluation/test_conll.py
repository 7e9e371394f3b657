import gzip
import lzma

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xner_core.errors import XnerError
from xner_core.evaluation import lines
from xner_core.evaluation.conll import TaggedSentence, read_conll
from xner_core.evaluation.evaluation_settings import TaggerEvaluation
from xner_core.evaluation.gold import read_sentences
from xner_core.evaluation.schemes import as_iob2
from xner_core.evaluation.tagger_evaluation import evaluate_tagger, predict_tags
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_settings import TaggerSettings

TEXT = "-DOCSTART- -X- O\n\nIn\tO\nNew\tB-LOC\nYork\tI-LOC\n\n\nAnn\tI-PER\nBob\tB-PER\r\nMrs\u2028X\tO"
SENTENCES = [
    TaggedSentence(["In", "New", "York"], ["O", "B-LOC", "I-LOC"]),
    TaggedSentence(["Ann", "Bob", "Mrs\u2028X"], ["B-PER", "B-PER", "O"]),
]


def test_sentences_are_read_plain_and_compressed(tmp_path):
    (tmp_path / "a.conll").write_bytes(TEXT.encode())
    (tmp_path / "a.conll.gz").write_bytes(gzip.compress(TEXT.encode()))
    (tmp_path / "a.conll.xz").write_bytes(lzma.compress(TEXT.encode()))
    assert all(read_conll(tmp_path / f"a.conll{ending}") == SENTENCES for ending in ("", ".gz", ".xz"))


def test_files_that_were_put_together_are_read(tmp_path):
    marked = b"\xef\xbb\xbf" + TEXT.encode()
    (tmp_path / "a.conll.gz").write_bytes(gzip.compress(marked + b"\n\n") + gzip.compress(marked))
    assert read_conll(tmp_path / "a.conll.gz") == SENTENCES * 2


def test_other_types_become_o(tmp_path):
    (tmp_path / "a.conll").write_bytes(TEXT.encode())
    assert [sentence.of_types({"PER"}).tags for sentence in read_conll(tmp_path / "a.conll")] == [
        ["O"] * 3,
        SENTENCES[1].tags,
    ]


ANNA = TaggedSentence(["Anna", "lebt", "in", "Bonn"], ["B-PER", "O", "O", "B-LOC"])
GERMEVAL = """#\thttp://de.example.org/a O\t[2009-10-17]
1\tUniversität\tB-ORG\tO
2\tBonn\tI-ORG\tB-LOC
"""
UNER = """# sent_id = n01-1 O
# text = Anna lebt im Rheinland O
1\tAnna\tB-PER\t-\tann
2\tlebt\tO\t-\tann
3-4\tim\t_\t_\t_
3\tin\tO\t-\tann
4\tdem\tO\t-\tann
4.1\tnull\t_\t_\t_
5\tRheinland\tB-LOC\t-\tann
"""
ONTONOTES = """#begin document (nw/wsj/00/wsj_0001); part 000
nw/wsj/00/wsj_0001 0 0 Anna NNP (TOP(S* - B-PERSON
nw/wsj/00/wsj_0001 0 1 lebt VBZ (VP* live O
nw/wsj/00/wsj_0001 0 2 in IN (PP* - O
nw/wsj/00/wsj_0001 0 3 Bonn NNP *))) - B-GPE

#end document
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("WikiNEuRal", "0\tAnna\tB-PER\n1\tlebt\tO\n2\tin\tO\n3\tBonn\tB-LOC\n"),
        ("NeuroNLP2", "1 Anna NNP I-NP I-PER\n2 lebt VBZ I-VP O\n3 in IN I-PP O\n4 Bonn NNP I-NP I-LOC\n"),
        ("CoNLL-2003", "-DOCSTART- -X- O O\n\nAnna NNP I-NP I-PER\nlebt VBZ I-VP O\nin IN I-PP O\nBonn NNP I-NP I-LOC"),
        (
            "no marker's blank line",
            "-DOCSTART- -X- -X- O\nAnna NNP B-NP B-PER\nlebt V O O\nin P O O\nBonn N B-NP B-LOC",
        ),
        ("German part", "Anna Anna NE I-NC I-PER\nlebt leben V I-VC O\nin in P I-PC O\nBonn Bonn NE I-NC I-LOC\n"),
        ("other chunks", "Anna NNP B-GN B-PER\nlebt VBZ B-GV O\nin IN B-GP O\nBonn NNP I-GP B-LOC\n"),
        ("CoNLL-2002", "Anna NP B-PER\nlebt VMI O\nin SP O\nBonn NC B-LOC\n"),
        (
            "MultiCoNER",
            "# id 5239d808\tdomain=de\nAnna _ _ B-PER\nlebt _ _ O\nin _ _ O\nBonn _ _ B-LOC\n\n# id 7\td=e\n",
        ),
        ("in the middle", "Anna B-PER NNP\nlebt O VBZ\nin O IN\nBonn B-LOC NNP\n"),
        ("tag first", "B-PER\tAnna\nO\tlebt\nO\tin\nB-LOC\tBonn\n"),
        ("WikiANN", "de:Anna B-PER\nde:lebt O\nde:in O\nde:Bonn B-LOC\n"),
        ("sentence and token", "7\t1\tAnna\tB-PER\n7\t2\tlebt\tO\n7\t3\tin\tO\n7\t4\tBonn\tB-LOC\n"),
        ("links that may be missing", "Anna\tB-PER\tQ1\nlebt\tO\nin\tO\t\nBonn\tB-LOC\tQ586\n"),
        ("spaces and tabs at the end", "Anna B-PER \nlebt O\t\nin\tO  \nBonn\tB-LOC\t \n \t\n"),
        ("Windows", "\ufeffAnna B-PER\r\nlebt O\r\nin O\r\nBonn B-LOC\r\n\r\n"),
        ("suffixes", "Anna PER-B\nlebt O\nin O\nBonn LOC-B\n"),
        ("underscores", "Anna B_PER\nlebt O\nin O\nBonn B_LOC\n"),
        ("BIOES", "Anna S-PER\nlebt O\nin O\nBonn S-LOC\n"),
        ("BILOU", "Anna U-PER\nlebt O\nin O\nBonn U-LOC\n"),
    ],
)
def test_layouts_of_known_corpora_are_read(tmp_path, name, content):
    path = tmp_path / "gold.conll"
    path.write_bytes(content.encode())
    assert read_conll(path) == [ANNA]


def test_of_several_layers_the_first_is_read_and_it_is_said(tmp_path, caplog):
    path = tmp_path / "germeval.tsv"
    path.write_text(GERMEVAL, encoding="utf-8")
    assert read_conll(path) == [TaggedSentence(["Universität", "Bonn"], ["B-ORG", "I-ORG"])]
    assert "columns 3 and 4 hold tags" in caplog.text


def test_words_of_conll_u_stand_for_the_tokens_that_hold_several(tmp_path):
    path = tmp_path / "uner.iob2"
    path.write_text(UNER)
    (sentence,) = read_conll(path)
    assert sentence.tokens == ["Anna", "lebt", "in", "dem", "Rheinland"]
    assert sentence.tags == ["B-PER", "O", "O", "O", "B-LOC"]


def test_documents_names_are_no_tokens(tmp_path):
    path = tmp_path / "onto.conll"
    path.write_text(ONTONOTES)
    assert read_conll(path) == [TaggedSentence(ANNA.tokens, ["B-PERSON", "O", "O", "B-GPE"])]


def test_hashtags_are_tokens_and_comments_are_not(tmp_path):
    path = tmp_path / "tweets.conll"
    path.write_text("# id = 7\n#Bonn\tB-LOC\n#\tO\nis\tO\n#1\tO\n\n# id = 8\n#\tO\nAnna\tB-PER\n")
    assert [sentence.tokens for sentence in read_conll(path)] == [["#Bonn", "#", "is", "#1"], ["#", "Anna"]]
    path.write_text("Anna\tB-PER\nis\tO\n\n#Bonn\tLOC\nis\tO\n")
    with pytest.raises(XnerError, match=r"tweets.conll:4: expected a token and an IOB2 tag, found '#Bonn LOC'"):
        read_conll(path)


def test_white_space_of_other_kinds_stays_within_its_token(tmp_path):
    tokens = ["a\u0085b", "a\u2028b", "a\u00a0b", "\u3000", "a\x0cb", "a\x1cb", "a\rb"]
    path = tmp_path / "gold.conll"
    for separator in (" ", "\t", "  "):
        path.write_bytes("".join(f"{token}{separator}O\n" for token in tokens).encode())
        assert read_conll(path) == [TaggedSentence(tokens, ["O"] * len(tokens))]
    path.write_bytes("New York\tB-LOC\n \t\u00a0\n1 000\tO".encode())
    assert [sentence.tokens for sentence in read_conll(path)] == [["New York"], ["1 000"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"In O\nNew\n", r"bad.conll:2: expected a token and an IOB2 tag, found 'New'"),
        (b"In O\nNew X-LOC\n", r"bad.conll:2: expected a token and an IOB2 tag"),
        (b"In O\n\xff O\n", r"bad.conll:2: not UTF-8 .*iconv -f LATIN1"),
        ("Köln B-LOC\n".encode("latin-1"), r"bad.conll:1: not UTF-8 \(byte 0xf6\)"),
        ("Bonn B-LOC\n".encode("utf-16"), r"is UTF-16; convert it"),
        ("Bonn B-LOC\n".encode("utf-16-le"), r"bad.conll:1: holds a NUL character"),
        (b"Bonn B-LOC\ris O\r", r"carriage return alone"),
        (b"New York B-LOC\nis O\n\nAnna B-PER\nis O\n", r"bad.conll:1: expected a token .*'New York B-LOC'"),
        (b"0 B-PER\n1 O\n", r"which column holds the tokens\? Column 1 holds numbers alone"),
        (b"17 CD O\n4 CD O\n", r"which column holds the tokens\? Column 1 holds numbers alone"),
        (b"1 Anna B-PER\n2 lebt O\n1 Bonn B-LOC\n", r"bad.conll:1: which column holds the tokens"),
        (b"12 Anna B-PER\n13 lebt O\n\n90 In O\n91 Bonn B-LOC\n", r"which column holds the tokens"),
        (b"Anna PER\nlebt O\nin O\n", r"bad.conll:1: .*'PER' is no IOB2 tag.*scheme IO"),
        (b"Anna person-actor\nSmith person-actor\n", r"bad.conll:1: .*scheme IO"),
        (b"x 0 0 Anna NNP * (PERSON) -\nx 0 1 in IN * * -\nx 0 2 Ulm NNP * (GPE) -\n", r"notation of CoNLL-2012"),
        (b"Anna B-PER|B-ORG\nlebt O\n", r"bad.conll:1: .*several tags in one cell"),
        (b"Anna b-PER\nlebt O\n", r"bad.conll:1: .*is a capital"),
        (b"Anna B-PER\nlebt O\nhier 0\n", r"bad.conll:3: .*the capital letter O"),
        (b"Anna B-\nlebt O\n", r"bad.conll:1: .*a tag has a type"),
        (b"Anna B-PER\nAnna PER-B\n", r"some have the letter before the type and some after it"),
        (b"1\tAnna\tanna\tPROPN\t_\t_\t2\tnsubj\t_\tname=B-PER\n", r"bad.conll:1: .*column of CoNLL-U"),
        (b'{"de": {"tokens": ["Bonn"], "tags": ["O"]}}\n', r"named .jsonl"),
        (b"Anna,B-PER\nlebt,O\n", r"separated by a tab or by spaces"),
        (b"1\tAnna\tB-PER\tO\n2\tBonn\tLOC\tB-LOC\n", r"bad.conll:2: .*in column 3, 'LOC' is no IOB2 tag"),
    ],
)
def test_a_bad_line_is_named(tmp_path, content, message):
    (tmp_path / "bad.conll").write_bytes(content)
    with pytest.raises(XnerError, match=message):
        read_conll(tmp_path / "bad.conll")


TOKENS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\n\t \r\ufeff", exclude_categories=["Cs"]),
    min_size=1,
    max_size=6,
).filter(lambda token: not token.startswith("-DOCSTART-"))
TAGS = st.sampled_from(["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
IN_BIOES = {("B", True): "B", ("B", False): "S", ("I", True): "I", ("I", False): "E"}


@st.composite
def tagged_sentences(draw):
    rows = draw(st.lists(st.tuples(TOKENS, TAGS), min_size=1, max_size=6))
    return TaggedSentence([token for token, _ in rows], as_iob2([tag for _, tag in rows]))


def bioes(tags: list[str]) -> list[str]:
    written = []
    for tag, after in zip(tags, [*tags[1:], "O"], strict=True):
        goes_on = after == f"I-{tag[2:]}"
        written.append(tag if tag == "O" else f"{IN_BIOES[tag[0], goes_on]}-{tag[2:]}")
    return written


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(tagged_sentences(), min_size=1, max_size=4),
    st.sampled_from(["", "0", "1", "running"]),
    st.sampled_from(["plain", "part of speech", "layers", "tag first", "behind"]),
    st.sampled_from(["\t", " ", "  "]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
)
def test_what_is_written_in_any_layout_is_read_again(
    tmp_path, sentences, numbers, layout, separator, end, in_bioes, bare
):
    """Numbers of tokens, other columns, separators, line ends, byte order mark, missing last line end."""
    first = TaggedSentence(["Anna", "wohnt", "in", "Ulm"], ["B-PER", "O", "O", "B-LOC"])
    sentences = [first, *sentences]
    lines, count = [], 0
    for sentence in sentences:
        start = count if numbers == "running" else int(numbers or 0)
        tags = bioes(sentence.tags) if in_bioes else sentence.tags
        for place, (token, tag) in enumerate(zip(sentence.tokens, tags, strict=True)):
            cells = {
                "plain": [token, tag],
                "part of speech": [token, "NN", "B-NP", tag],
                "layers": [token, tag, "B-ORG" if place % 2 else "O"],
                "tag first": [tag, token],
                "behind": [token, tag, "_", "-"],
            }[layout]
            lines.append(separator.join([str(start + place), *cells] if numbers else cells))
            count += 1
        lines.append("" if bare else " \t")
    path = tmp_path / "gold.conll"
    path.write_bytes(("\ufeff" + end.join(lines[:-1] if bare else lines)).encode())
    assert read_conll(path) == sentences


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(XnerError, match=r"none.conll: no such file"):
        read_conll(tmp_path / "none.conll")
    with pytest.raises(XnerError, match=r"is a folder; name a file"):
        read_conll(tmp_path)
    (tmp_path / "cut.conll.gz").write_bytes(gzip.compress(TEXT.encode())[:-9])
    with pytest.raises(XnerError, match=r"cut.conll.gz: damaged gzip"):
        read_conll(tmp_path / "cut.conll.gz")
    (tmp_path / "cut.conll.xz").write_bytes(lzma.compress(TEXT.encode())[:-9])
    with pytest.raises(XnerError, match=r"cut.conll.xz: damaged xz"):
        read_conll(tmp_path / "cut.conll.xz")


def test_a_small_file_that_inflates_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_BYTES", 1 << 20)
    for ending, compress in (("gz", gzip.compress), ("xz", lzma.compress)):
        path = tmp_path / f"bomb.conll.{ending}"
        path.write_bytes(compress(b"Anna B-PER\n" * (1 << 20)))
        assert path.stat().st_size < 1 << 20
        with pytest.raises(XnerError, match=rf"bomb.conll.{ending}: holds more than 1 MiB"):
            read_conll(path)


def test_a_tagger_is_scored(tiny_tagger, tmp_path):
    (tmp_path / "a.conll").write_bytes(TEXT.encode())
    result = evaluate_tagger(TaggerEvaluation(str(tmp_path / "a.conll"), TaggerSettings(tiny_tagger), ["PER", "LOC"]))
    assert result["labels"] == ["LOC", "PER"]
    assert result["sentences"] == 2
    assert set(result["per_type"]) >= {"LOC", "PER"}
    (tmp_path / "empty.conll").write_bytes(b"\n\n")
    with pytest.raises(XnerError, match="holds no sentence"):
        evaluate_tagger(TaggerEvaluation(str(tmp_path / "empty.conll"), TaggerSettings(tiny_tagger)))


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
        result = evaluate_tagger(TaggerEvaluation(str(path), TaggerSettings(tiny_tagger), sorted(types)))
        assert result["f1"] == (1.0 if any(tag != "O" for tag in tags) else 0.0)
