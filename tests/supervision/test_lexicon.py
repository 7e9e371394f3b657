import gzip

import pytest

from xner_core.errors import XnerError
from xner_core.supervision.lexicon import Lexicon, lexicon_language
from xner_core.supervision.worded_text import WordedText, word_forms


def find(listed: str, name: str, text: str) -> str | None:
    lexicon = Lexicon({word_forms(name): [word_forms(form) for form in listed.split("|")]})
    worded = WordedText.of(text)
    span = lexicon.find(name, worded)
    return None if span is None else worded.part(span)


@pytest.mark.parametrize(
    ("listed", "text", "found"),
    [
        ("Deutschland", "in Deutschland ist", "Deutschland"),
        ("Deutschland", "die Mitte Deutschlands ist", "Deutschlands"),
        ("Россия", "из России в", "России"),
        ("Рим", "в Риме был", "Риме"),
        ("Рим", "римский был", None),
        ("Соединенные Штаты", "в Соединенных Штатах", "Соединенных Штатах"),
        ("德国", "她在德國出生", "德國"),
        ("德国", "中国", None),
        # Twice is not clear, an exact one is before an inflected one, and a longer one before a shorter one.
        ("Rom", "Rom und Rom", None),
        ("Deutschland", "Deutschlands Bild von Deutschland", "Deutschland"),
        ("Vereinigte Staaten|Vereinigte Staaten von Amerika", *["Vereinigte Staaten von Amerika"] * 2),
        ("York|New York", "in New York", "New York"),
        ("Ur", "Uruk", None),
    ],
)
def test_one_rendering_is_found_whole_or_inflected(listed, text, found):
    assert find(listed, "Place", text) == found


def test_lists_are_read_and_the_article_may_be_missing(tmp_path):
    plain = tmp_path / "places.en-de.tsv"
    plain.write_text("LOC\tThe Hague\tDen Haag\t1\nLOC\tAlps\tAlpen\t2\n")
    packed = tmp_path / "more.en-de.tsv.gz"
    packed.write_bytes(gzip.compress(b"LOC\tAlps\tdie Alpen\t3\n"))
    lexicon = Lexicon.read([plain, packed])
    assert len(lexicon) == 2
    assert sorted(lexicon) == [
        (("alps",), ("alpen",)),
        (("alps",), ("die", "alpen")),
        (("the", "hague"), ("den", "haag")),
    ]
    text = WordedText.of("Von Den Haag in die Alpen")
    assert text.part(lexicon.find("the Alps", text)) == "die Alpen"
    assert text.part(lexicon.find("The Hague", text)) == "Den Haag"
    assert lexicon.find("Hague", text) is None


@pytest.mark.parametrize("line", ["LOC\tAlps\tAlpen", "LOC\t\tAlpen\t1", "Alps Alpen", ""])
def test_a_malformed_line_is_named(tmp_path, line):
    path = tmp_path / "places.en-de.tsv"
    path.write_text(f"LOC\tRome\tRom\t1\n{line}\n")
    with pytest.raises(XnerError, match=r"places\.en-de\.tsv:2: expected type"):
        Lexicon.read([path])


def test_what_is_no_lexicon_is_named(tmp_path):
    assert lexicon_language("a/b.en-pt_BR.tsv.gz") == "pt_BR"
    assert lexicon_language("a/b.en-sr-Latn.tsv") == "sr-Latn"
    with pytest.raises(XnerError, match="cannot tell its language"):
        lexicon_language("places.tsv")
    with pytest.raises(XnerError, match="not a readable lexicon"):
        Lexicon.read([tmp_path / "none.en-de.tsv"])
    (tmp_path / "no.en-de.tsv.gz").write_bytes(b"not gzip")
    with pytest.raises(XnerError, match="not a readable lexicon"):
        Lexicon.read([tmp_path / "no.en-de.tsv.gz"])
