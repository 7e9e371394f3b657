import pytest

from xner_core.corpus.cleaning import (
    EMPTY,
    LENGTH_RATIO,
    TOO_LONG,
    UNTRANSLATED,
    WRONG_SOURCE_LANGUAGE,
    WRONG_TARGET_LANGUAGE,
    Cleaner,
)
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.text.normal_form import normal_form


def reason(source_text, target_text, target="de", **settings):
    texts = (source_text, target_text)
    return Cleaner(CleaningSettings(**settings), "en", target).reason(texts, tuple(map(normal_form, texts)))


ENGLISH = "The president of France arrived in Berlin on Monday morning."
GERMAN = "Der französische Präsident ist am Montagmorgen in Berlin eingetroffen."
CHINESE = "法国总统周一上午抵达柏林。"
SPANISH = "El presidente de Francia llegó a Berlín el lunes por la mañana."


@pytest.mark.parametrize(
    ("source_text", "target_text", "expected"),
    [
        (ENGLISH, GERMAN, None),
        ("", GERMAN, EMPTY),
        (ENGLISH, " \t\u2028\u00a0\u200b\ufeff", EMPTY),
        (ENGLISH * 100, GERMAN * 100, TOO_LONG),
        (ENGLISH, GERMAN * 4, LENGTH_RATIO),
        (ENGLISH * 4, GERMAN, LENGTH_RATIO),
        ("Yes.", "Ja, gern.", None),
        (ENGLISH, ENGLISH, UNTRANSLATED),
        (ENGLISH, f"  {ENGLISH.replace(' ', '  ')}", UNTRANSLATED),
        ("Winston Churchill, Ava Gardner.", "Winston Churchill, Ava Gardner.", None),
        ("1939 - 1945", "1939 - 1945", None),
        ("https://example.org/page", "https://example.org/page", UNTRANSLATED),
        (SPANISH, GERMAN, WRONG_SOURCE_LANGUAGE),
        (ENGLISH, SPANISH, WRONG_TARGET_LANGUAGE),
        (ENGLISH, CHINESE, WRONG_TARGET_LANGUAGE),
    ],
)
def test_reasons(source_text, target_text, expected):
    assert reason(source_text, target_text) == expected


def test_languages_are_not_looked_at_when_switched_off():
    assert reason(SPANISH, ENGLISH, identify_language=False) is None


def test_a_chinese_character_counts_as_three():
    assert reason(ENGLISH, CHINESE, target="zh") is None
    assert reason(ENGLISH, CHINESE, target="zh", max_length_ratio=1.5) is None
    assert reason(ENGLISH, CHINESE * 6, target="zh") == LENGTH_RATIO
    assert reason(ENGLISH * 5, CHINESE, target="zh") == LENGTH_RATIO


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("漢\u3400\U00020000\U00031350", 12),
        ("々〇、", 3),
        ("ひカ\uff76ー・", 10),
        ("한국", 4),
        ("\u1112\u1161\u11ab", 2),
        ("\u1113", 2),
        ("Жé", 2),
    ],
)
def test_characters_count_by_their_script(text, length):
    settings = {"identify_language": False, "max_length_ratio": 1.0}
    assert reason("x" * length, text, **settings) is None
    assert reason("x" * (length + 1), text, **settings) == LENGTH_RATIO


def test_length_limits_are_settings():
    assert reason("x" * 30, "y" * 31, identify_language=False, max_characters=30) == TOO_LONG
    assert reason("x" * 30, "y" * 30, identify_language=False, max_characters=30) is None
    assert reason("x" * 10, "y" * 30, identify_language=False, max_length_ratio=2) is None
    assert reason("x" * 10, "y" * 31, identify_language=False, max_length_ratio=2) == LENGTH_RATIO


def test_impossible_ratio_is_refused():
    with pytest.raises(ValueError, match=r"max_length_ratio is 0\.5"):
        CleaningSettings(max_length_ratio=0.5)


def test_a_language_that_no_identifier_knows_is_kept_and_its_source_side_checked():
    fon = "Togán ɔ wá Kutɔnu ɖò Tɛnigbe gbè bo na kpé gǎn lɛ."
    assert reason(ENGLISH, fon, target="fon") is None
    assert reason(SPANISH, fon, target="fon") == WRONG_SOURCE_LANGUAGE
    assert reason(ENGLISH, "The President of France reached Berlin this Monday.", "fon") == WRONG_TARGET_LANGUAGE
    assert reason(ENGLISH, SPANISH, target="fon") is None
