import pytest
import regex

from xner_core.text.languages import is_unspaced_language
from xner_core.text.scripts import (
    CUT_BY_CHARACTER,
    CUT_BY_DICTIONARY,
    CUT_BY_MARK,
    HAN,
    IDEOGRAPHS,
    characters,
    is_unspaced_script,
    scripts_of,
)
from xner_core.text.words import is_unspaced

ALL = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))


def found(items: str) -> str:
    return "".join(regex.findall(f"(?V1)[{items}]+", ALL))


@pytest.mark.parametrize("script", [*CUT_BY_DICTIONARY, *CUT_BY_MARK, *CUT_BY_CHARACTER, *scripts_of("Kore")])
def test_a_code_stands_for_the_characters_that_unicode_gives_it(script):
    assert found(characters([script])) == found(rf"\p{{Script={script}}}") != ""


def test_dictionaries_are_for_the_letters_that_unicode_breaks_lines_between_by_dictionary():
    letters = r"&&[\p{L}\p{M}]"
    assert set(found(rf"\p{{LB=SA}}{letters}")) <= set(found(f"[{characters(CUT_BY_DICTIONARY)}]{letters}"))


def test_ideographs_are_of_han_which_has_signs_besides():
    assert set("漢\u3400\U00020000\U00031350") <= set(found(IDEOGRAPHS)) < set(found(HAN))
    assert set("々〇") <= set(found(HAN)) - set(found(IDEOGRAPHS))


def test_a_mixture_is_unspaced_if_all_its_scripts_are():
    codes = ["Hans", "Hant", "Hanb", "Hrkt", "Jpan", "Thai", "Tibt", "Java", "Kore", "Hang", "Latn", "Zxxx", "none"]
    assert [code for code in codes if is_unspaced_script(code)] == codes[:8]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "北京"),
        ("ja", "東京タワー"),
        ("th", "เชียงใหม่"),
        ("lo", "ວຽງຈັນ"),
        ("km", "ភ្នំពេញ"),
        ("my", "ရန်ကုန်"),
        ("shn", "တူၼ်ႈတီး"),
        ("bo", "བོད་ཡིག"),
        ("jv-Java", "ꦒꦸꦤꦸꦁ"),
        ("ban-Bali", "ᬩᬮᬶ"),
        ("ii", "ꆈꌠꉙ"),
        ("ko", "서울"),
        ("hi", "दिल्ली"),
        ("ka", "თბილისი"),
        ("jv", "gunung"),
        ("am", "አዲስ"),
    ],
)
def test_languages_and_their_texts_agree(language, text):
    assert is_unspaced_language(language) == is_unspaced(text)
