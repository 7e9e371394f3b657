import pytest
from hypothesis import given
from hypothesis import strategies as st

from xner_core.evaluation.schemes import as_iob2, scheme_name


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        # IOB1: B- only between neighbours.
        ("I-PER I-PER B-PER O I-LOC", "B-PER I-PER B-PER O B-LOC"),
        ("B-PER I-PER B-PER O B-LOC", "B-PER I-PER B-PER O B-LOC"),
        # BIOES, BILOU, BMES.
        ("B-PER E-PER S-PER O S-LOC S-LOC", "B-PER I-PER B-PER O B-LOC B-LOC"),
        ("B-PER I-PER L-PER U-PER O", "B-PER I-PER I-PER B-PER O"),
        ("B-PER M-PER E-PER O W-LOC", "B-PER I-PER I-PER O B-LOC"),
        # IOE: E- ends an entity.
        ("I-PER E-PER E-PER I-PER E-PER", "B-PER I-PER B-PER B-PER I-PER"),
        # What annotators left unfinished.
        ("B-PER I-LOC S-LOC I-LOC E-PER", "B-PER B-LOC B-LOC B-LOC B-PER"),
        ("PER-B PER-I O LOC-S", "B-PER I-PER O B-LOC"),
        ("B_PER I_PER O", "B-PER I-PER O"),
        ("B-work_of-art I-work_of-art O", "B-work_of-art I-work_of-art O"),
        ("O O", "O O"),
        ("", ""),
    ],
)
def test_every_scheme_becomes_iob2(tags, expected):
    assert as_iob2(tags.split()) == expected.split()


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("PER", "scheme IO"),
        ("person-actor", "scheme IO"),
        ("(PERSON*", "CoNLL-2012"),
        ("*)", "CoNLL-2012"),
        ("B-PER|I-ORG", "several tags"),
        ("b-PER", "is a capital"),
        ("0", "letter O"),
        ("B-", "has a type"),
        ("B", "has a type"),
        ("SpaceAfter=No|name=B-PER", "column of CoNLL-U"),
        ("", r"'' is no IOB2 tag, such as B-PER, I-PER and O$"),
        ("NNP", "is no IOB2 tag, such as B-PER, I-PER and O$"),
    ],
)
def test_what_is_no_tag_is_refused_by_its_looks(tag, message):
    with pytest.raises(ValueError, match=message):
        as_iob2(["O", tag, "B-LOC"])


@given(st.text(max_size=8))
def test_any_text_is_read_or_refused(tag):
    try:
        (written,) = as_iob2([tag])
    except ValueError:
        return
    assert written == "O" or written.startswith("B-")


def test_schemes_have_names():
    names = [scheme_name(letters) for letters in ("", "BI", "I", "IE", "BIES", "BILU", "BMES", "BMEW", "BIESLU")]
    assert names == ["IOB", "IOB", "IOB", "IOE", "BIOES", "BILOU", "BMES", "BMES", "BIOES or BILOU"]
