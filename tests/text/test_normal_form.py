import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.text.normal_form import folded, normal_form

# Texts in which every script has its turn, with the characters that join, hide and vary.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from(
        "iIİıßſςΣﬁ'’ʼ´`‑-\u00ad\u200b\u200c\u200d\u034f\u0300\u0301\u0307\u0323\u094d\u0d4d\ufe0f\u1160 \u00a0"
    )
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a  b\t c ", "a b c"),
        ("a\u00a0b", "a b"),
        ("a\u2028b", "a b"),
        ("Cafe\u0301", "Café"),
        ("Ọ̀yọ́", unicodedata.normalize("NFD", "Ọ̀yọ́")),
        # Yoruba texts have either order of marks, and half-composed ones.
        ("o\u0300\u0323", "ọ̀"),
        ("ﬁne", "fine"),
        ("１２", "12"),
        ("co\u00adop\u200berate", "cooperate"),
        ("e\u034f\u0301", "é"),
        ("❤\ufe0f", "❤"),
        ("می\u200cخواهم", "میخواهم"),
        ("علي", "علی"),
        ("كريم", "کریم"),
        ("محمـــد", "محمد"),
        # Malayalam and Bengali before and after Unicode 5.1.
        ("അവന\u0d4d\u200d", "അവൻ"),
        ("হঠাত\u09cd\u200d", "হঠাৎ"),
        ("O’Brien", "O'Brien"),
        ("ng\u02bcombe", "ng'ombe"),
        ("O\u02bbzbekiston", "O‘zbekiston"),
        ("ג׳ורג׳", "ג'ורג'"),
        ("d´Or", "d'Or"),
        ("d`Or", "d'Or"),
        ("Jean\u2011Paul", "Jean-Paul"),
        ("תל־אביב", "תל-אביב"),
    ],
)
def test_equal_in_normal_form(one, other):
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Apple", "apple"), ("a.b", "a. b"), ("Muller", "Müller"), ("അവന\u0d4d", "അവൻ"), ("دل", "دلی"), ("“a”", '"a"')],
)
def test_different_in_normal_form(one, other):
    assert normal_form(one) != normal_form(other)


@pytest.mark.parametrize(
    "text",
    [
        "Die Straße nach Köln, „Übergröße“ – 50 €.",
        "Она сказала: «Ёлка стоит 100 рублей».",
        "O senhor disse: não às açorianas!",
        "习近平昨天在北京会见了普京。",
        "Ελλάδα, Ηνωμένο Βασίλειο",
    ],
)
def test_plain_composed_text_is_its_own_normal_form(text):
    assert normal_form(text) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("ΟΔΟΣ", "οδος"),
        ("İstanbul", "istanbul"),
        ("İSTANBUL", "İstanbul"),
        ("ISPARTA", "ısparta"),
        ("ẞ", "ss"),
        ("Ǆ", "dž"),
        ("O’BRIEN", "o'brien"),
        ("Ọ̀YỌ́", unicodedata.normalize("NFD", "ọ̀yọ́")),
    ],
)
def test_equal_without_case(one, other):
    assert folded(one) == folded(other)


@pytest.mark.parametrize("text", ["The Hague", "Köln", "Québec", "Санкт-Петербург", "北京", "Łódź", "Ærø", "Fußball"])
def test_plain_composed_text_is_folded_as_python_does(text):
    assert folded(text) == text.casefold()


@settings(deadline=None)
@given(TEXTS)
def test_normal_forms_are_normal(text):
    normal, plain = normal_form(text), folded(text)
    assert normal_form(normal) == normal == " ".join(normal.split())
    assert folded(plain) == plain == folded(normal) == normal_form(plain)
    assert unicodedata.is_normalized("NFKC", normal)


@settings(deadline=None)
@given(TEXTS)
def test_composed_and_decomposed_text_is_the_same(text):
    for form in ("NFC", "NFD"):
        other = unicodedata.normalize(form, text)
        assert normal_form(other) == normal_form(text)
        assert folded(other) == folded(text)


@settings(deadline=None)
@given(st.text(st.characters()))
def test_nothing_raises(text):
    assert len(folded(text)) >= 0
