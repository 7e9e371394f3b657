"""Keys of names, and where names are found, against the normal form and the words of each text by itself."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from any_script import any_text
from plain_consensus import PlainEvidence
from xner_core.labels.name_keys import NameIndex, name_keys
from xner_core.text.normal_form import normal_form
from xner_core.text.text_arrays import TextArrays

PIECES = [
    *["Köln", "New", "York", " ", "  ", "\u00a0", "中国", "北京", "大学", "’", "'", "-", "\u2010", "\u00a8", "\u0301"],
    *["\u200b", "\u200d", "\u200c", "ﬁ", "…", "ไทย", "한국", "\u1100", "\u1161", "\u11a8", "l·l", "A:a", "א", '"', "д"],
    *[
        "\U0001f600",
        "\U0001f1e9",
        "\u0640",
        "\u00ad",
        "ｶ",
        "ﾞ",
        "か",
        "\u3099",
        "\U00020000",
        "\u0600",
        "क्ष",
        "\u0d23\u0d4d\u200d",
    ],
]
mixtures = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


def found_in(names: list[str], several: list[str]) -> list[list[str]]:
    texts_ = TextArrays.of_strings(several)
    found = NameIndex(np.unique(name_keys(TextArrays.of_strings(names)))).find(texts_)
    strings = [texts_.string(start, end) for start, end in zip(found.starts, found.ends, strict=True)]
    return [[string for row, string in zip(found.texts, strings, strict=True) if row == n] for n in range(len(several))]


def test_names_are_found_whole_longest_first_in_any_script():
    names = ["New York", "New York Times", "北京大学", "北京"]
    several = ["New York, die New York Times; New Yorker 北京大学和北京", "", "New", "York Times 北京"]
    assert found_in(names, several) == [["New York", "New York Times", "北京大学", "北京"], [], [], ["北京"]]
    assert found_in([], several) == [[]] * 4


@settings(deadline=None)
@given(st.lists(mixtures | any_text, max_size=8), st.data())
def test_names_are_those_that_are_found_word_by_word(several, data):
    evidence = PlainEvidence()
    for text in several:
        for _ in range(2):
            start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
            evidence.marks[normal_form(text[start:end])]["LOC"] += 1
    expected = [[text[span.start : span.end] for span in evidence.find(text)] for text in several]
    assert found_in(list(evidence.marks), several) == expected


@given(st.lists(mixtures | any_text, min_size=1), st.lists(mixtures | any_text, min_size=1))
def test_names_have_the_same_key_if_their_normal_form_is_the_same(some, others):
    names = [*some, *others]
    keys = name_keys(TextArrays.of_column(pa.chunked_array([some, others], pa.string())))
    forms = {normal_form(name) for name in names}
    assert len(set(keys.tolist())) == len(forms)
    assert keys.tolist() == name_keys(TextArrays.of_strings([normal_form(name) for name in names])).tolist()


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_texts_come_out_as_they_went_in(several):
    for column in (pa.array(several, pa.string()), pa.array(["é", *several, "x"], pa.string())[1:-1]):
        arrays = TextArrays.of_column(column)
        assert [arrays.text(number) for number in range(len(arrays))] == several
        assert [arrays.part(number, number + 1).text(0) for number in range(len(arrays))] == several
