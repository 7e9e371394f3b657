import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.text.languages import (
    choose_language,
    did_you_mean,
    distinct_languages,
    find_language,
    is_unspaced_language,
    parse_language,
    same_language,
    takes,
)


@pytest.mark.parametrize(
    ("codes", "code", "script", "region"),
    [
        ("de ger deu DE deu_Latn", "de", "Latn", None),
        ("sv swe", "sv", "Latn", None),
        ("sv-SE sv_SE swe-SE sv_SE.UTF-8", "sv", "Latn", "SE"),
        ("zh zho chi cmn cmn_Hans zh-Hans zho_Hans", "zh", "Hans", None),
        ("zho_Hant cmn-Hant", "zh", "Hant", None),
        ("zh-TW zh_TW zh-Hant-TW", "zh", "Hant", "TW"),
        ("zh_CN zh-cn", "zh", "Hans", "CN"),
        ("yue yue_Hant zh-yue", "yue", "Hant", None),
        ("wuu", "wuu", "Hans", None),
        ("ja jpn jpn_Jpan", "ja", "Jpan", None),
        ("ko kor kor_Hang", "ko", "Kore", None),
        ("th tha tha_Thai", "th", "Thai", None),
        ("pt_BR pt-BR por-BR", "pt", "Latn", "BR"),
        ("sr srp srp_Cyrl sr@cyrillic", "sr", "Cyrl", None),
        ("sr-Latn sr@latin srp_Latn hbs sh", "sr", "Latn", None),
        ("no nb nob nor nob_Latn", "no", "Latn", None),
        ("ar arb arb_Arab ara", "ar", "Arab", None),
        ("fa pes fas per", "fa", "Arab", None),
        ("he iw heb", "he", "Hebr", None),
        ("id ind in", "id", "Latn", None),
        ("fil tl tgl", "fil", "Latn", None),
        ("ny nya nya_Latn", "ny", "Latn", None),
        ("pa-PK", "pa", "Arab", "PK"),
        ("es-419", "es", "Latn", "419"),
    ],
)
def test_all_codes_of_a_language_mean_the_same(codes, code, script, region):
    for written in codes.split():
        language = parse_language(written)
        assert (language.code, language.script, language.region) == (code, script, region), written


@pytest.mark.parametrize(
    "code", ["German", "", "-", "en--de", "../x", "en./x", "日本", "und", "mul", "root", "no_code", "x" * 999]
)
def test_what_is_no_code_is_refused(code):
    assert find_language(code) is None
    with pytest.raises(ValueError, match="is no language code such as en, deu, zh_TW or sr-Latn"):
        parse_language(code)


@pytest.mark.parametrize(("country", "language"), [("jp", "ja"), ("cz", "cs"), ("gr", "el"), ("ua", "uk")])
def test_the_code_of_a_country_names_its_language(country, language):
    with pytest.raises(ValueError, match=f"did you mean {language}?"):
        parse_language(country)


def test_scripts_without_spaces():
    codes = "zh zho cmn_Hans zh-TW zh_TW ZH yue wuu nan hak lzh ja jpn jpn_Jpan th tha lo km khm my bo dz shn jv-Java"
    assert [code for code in codes.split() if not is_unspaced_language(code)] == []
    codes = "en de-CH ko kor_Hang vi za zha zh-Latn nan_Latn ja-Latn jv hi no_code"
    assert [code for code in codes.split() if is_unspaced_language(code)] == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("en", "EN-GB"),
        ("sv", "swe"),
        ("sv", "sv-SE"),
        ("swe", "sv"),
        ("zh", "zh_TW"),
        ("zh-TW", "zho_Hant"),
        ("zh_CN", "cmn_Hans"),
        ("zh_TW", "zh-Hant-TW"),
        ("pt_BR", "por-BR"),
        ("sr", "sr-Latn"),
        ("nb", "no"),
        ("kor", "kor_Hang"),
        ("qq?", "qq?"),
    ],
)
def test_text_may_be_taken_where_nothing_that_is_told_differs(wanted, found):
    assert takes(wanted, found)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("zh", "yue"),
        ("zh_CN", "zh"),
        ("zh_CN", "zh_TW"),
        ("zh_TW", "zh_HK"),
        ("pt_BR", "pt"),
        ("pt_BR", "por_Latn"),
        ("sr-Latn", "sr"),
        ("sv", "no"),
        ("sv", "qq?"),
    ],
)
def test_text_is_not_taken_for_more_than_its_code_tells(wanted, found):
    assert not takes(wanted, found)


def test_a_language_is_chosen_by_its_own_code_or_the_only_other_one():
    assert choose_language("sv", ["en", "sv", "swe"]) == "sv"
    assert choose_language("sv", ["en", "swe"]) == "swe"
    assert choose_language("zh", ["zh_TW", "cmn_Hans"]) == "cmn_Hans"
    assert choose_language("en", ["en-GB", "en-US"]) is None
    assert choose_language("sv", ["en", "no"]) is None


def test_what_may_have_been_meant():
    assert did_you_mean("sv-SE", ["en", "sv"]) == "; did you mean sv?"
    assert did_you_mean("zh-HK", ["zh_TW", "zh", "en"]) == "; did you mean zh_TW or zh?"
    assert did_you_mean("jp", ["ja"]) == "; did you mean ja?"
    assert did_you_mean("sv", ["en", "id"]) == did_you_mean("?", ["?"]) == ""


def test_codes_of_one_language_are_one():
    assert distinct_languages(["sv-SE", "swe", "sv", "zh", "zh_TW", "xx"]) == ["sv", "xx", "zh", "zh_TW"]
    assert same_language("zh_TW", "zho")
    assert same_language("??", "??")
    assert not same_language("zh", "yue")
    assert not same_language("??", "!!")


@settings(deadline=None)
@given(st.text() | st.from_regex(r"[a-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,3}", fullmatch=True))
def test_no_code_is_too_strange(code):
    language = find_language(code)
    assert takes(code, code)
    assert is_unspaced_language(code) in (False, True)
    assert language is None or (language.code.islower() and len(language.script) == 4)
    assert isinstance(did_you_mean(code, [code, "en"]), str)
