from hypothesis import given
from hypothesis import strategies as st

from xner_core.text import is_unspaced, is_within_unspaced, words


@given(st.text())
def test_words_are_in_order_inside_the_text_and_leave_out_only_white_space(text):
    end, kept = 0, ""
    for start, stop in words(text):
        assert end <= start < stop <= len(text)
        assert text[end:start].isspace() or end == start
        kept += text[start:stop]
        end = stop
    assert not text[end:].strip()
    assert kept == "".join(text.split())


def test_words_of_spaced_and_unspaced_scripts():
    text = "O'Brien 说: 北京 is big!"
    assert [text[start:end] for start, end in words(text)] == [
        "O", "'", "Brien", "说", ":", "北", "京", "is", "big", "!",
    ]  # fmt: skip


def test_the_script_of_most_letters_decides():
    assert is_unspaced("北京 is 中国的首都")
    assert not is_unspaced("Beijing (北京) is the capital")
    assert not is_unspaced("2008 ...")


def test_only_characters_without_spaces_on_both_sides_may_be_of_one_word():
    assert [is_within_unspaced("在NBA 中国", place) for place in range(8)] == [False] * 6 + [True, False]
