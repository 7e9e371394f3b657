from xner_core.supervision.chinese import simplified, to_traditional


def test_characters_are_converted_and_others_left():
    assert to_traditional("为圣彼得广场 (St Peter)") == "為聖彼得廣場 (St Peter)"
    assert [simplified(character) for character in "廣场aÄ😀"] == ["广", "场", "a", "Ä", "😀"]
