from hypothesis import given
from hypothesis import strategies as st

from xner_core.supervision.worded_text import WordedText, word_forms
from xner_core.text.spans import Span


def test_words_are_found_whole_and_without_case():
    text = WordedText.of("New York, NEW YORK and Newer York")
    assert text.find(word_forms("New York")) == [Span(0, 8), Span(10, 18)]
    assert text.find(word_forms("york")) == [Span(4, 8), Span(14, 18), Span(29, 33)]
    assert text.find(word_forms("yor")) == []
    assert text.find(()) == []


def test_simplified_and_traditional_chinese_are_the_same():
    text = WordedText.of("佛羅里達州和佛罗里达")
    assert text.find(word_forms("佛罗里达")) == [Span(0, 4), Span(6, 10)]
    assert text.part(Span(0, 4)) == "佛羅里達"


@given(st.text(), st.data())
def test_any_part_of_a_text_is_found_in_it(raw, data):
    text = WordedText.of(raw)
    if text.words:
        first = data.draw(st.integers(0, len(text.words) - 1))
        last = data.draw(st.integers(first + 1, len(text.words)))
        assert text.span(first, last) in text.find(text.forms[first:last])


def test_forms_are_normal():
    assert word_forms("ﬁnland") == word_forms("Finland") == ("finland",)
    assert word_forms("O’Brien") == word_forms("O'BRIEN")
    assert word_forms("İZMİR") == word_forms("izmir")
    assert word_forms("ISPARTA") == word_forms("ısparta")
