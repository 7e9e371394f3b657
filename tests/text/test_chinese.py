from hypothesis import given
from hypothesis import strategies as st

from xner_core.text.chinese import simplified, to_simplified


def test_characters_are_converted_and_others_left():
    assert to_simplified("為聖彼得廣場 (St Peter)") == "为圣彼得广场 (St Peter)"
    assert [simplified(character) for character in "廣场aÄ😀"] == ["广", "场", "a", "Ä", "😀"]


def test_japanese_and_korean_are_left_alone():
    for text in ("東京の広場へ", "大韓民國은", "Sankt Peter"):
        assert to_simplified(text) == text


@given(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("廣場門龍國")), max_size=50))
def test_offsets_hold(text):
    assert len(to_simplified(text)) == len(text)
