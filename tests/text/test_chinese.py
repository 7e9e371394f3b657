import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from xner_core.text.chinese import simplified, to_simplified


def test_characters_are_converted_and_others_left():
    assert to_simplified("為聖彼得廣場 (St Peter)") == "为圣彼得广场 (St Peter)"
    assert [simplified(character) for character in "廣场aÄ😀"] == ["广", "场", "a", "Ä", "😀"]


def test_japanese_and_korean_are_left_alone():
    half_wide, decomposed, with_a_dot = "東京ﾀﾜｰ廣場", unicodedata.normalize("NFD", "大韓民國은"), "廣場・門"
    for text in ("東京の広場へ", "大韓民國은", "Sankt Peter", half_wide, decomposed, with_a_dot):
        assert to_simplified(text) == text


def test_characters_beyond_the_basic_plane_are_converted():
    assert to_simplified("\U0002895b") == "\U00028c40"


@given(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("廣場門龍國")), max_size=50))
def test_offsets_hold(text):
    assert len(to_simplified(text)) == len(text)
