import pytest

from xner_core.corpus.language import LanguageCheck
from xner_core.errors import XnerError

SENTENCES = {
    "en": "The committee decided to postpone the meeting until next week.",
    "de": "Der Ausschuss beschloss, die Sitzung auf nächste Woche zu verschieben.",
    "es": "El comité decidió aplazar la reunión hasta la próxima semana.",
    "sv": "Kommittén beslutade att skjuta upp mötet till nästa vecka.",
    "ru": "Комитет решил отложить заседание до следующей недели.",
    "zh": "委员会决定将会议推迟到下周。",
    "ja": "委員会は会議を来週まで延期することを決定しました。",
    "ko": "위원회는 회의를 다음 주까지 연기하기로 결정했다.",
}


@pytest.mark.parametrize("expected", SENTENCES)
def test_each_language_is_told_from_every_other(expected):
    check = LanguageCheck(expected, 0.8)
    assert [language for language, text in SENTENCES.items() if not check.is_other(text)] == [expected]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "報警！"),
        ("zh", "別忘了把垃圾拿出去。"),
        ("zh", "我哋聽日去邊度食飯呀？"),
        ("zh", "总决赛 MVP 和 PBA 的冠军"),
        ("pt", "Sim."),
        ("sv", "Kom!"),
        ("no", "Jeg bor i København sammen med familien min."),
        ("en", "12:30 – 14:00"),
        ("en", '"'),
        ("en", "THE COMMITTEE DECIDED TO POSTPONE THE MEETING."),
        ("en", ""),
        ("de", "Ein\nZeilenumbruch\x00mit\u2028Steuerzeichen"),
    ],
)
def test_what_is_not_surely_another_language_passes(language, text):
    assert not LanguageCheck(language, 0.8).is_other(text)


def test_chinese_is_still_checked():
    check = LanguageCheck("zh", 0.8)
    assert check.is_other("The character 好 is written like this in all of these books.")


def test_a_higher_confidence_rejects_no_more():
    assert LanguageCheck("de", 0.5).is_other(SENTENCES["en"])
    assert not LanguageCheck("de", 1.0).is_other("Sag, was du willst!")


@pytest.mark.parametrize("code", ["pt_BR", "pt-BR", "zh_CN", "nb"])
def test_codes_with_subtags_and_of_variants(code):
    assert LanguageCheck(code, 0.8).is_other(SENTENCES["ru"])


def test_an_unknown_language_is_refused():
    with pytest.raises(XnerError, match=r"does not know 'qq'.*identify_language: false"):
        LanguageCheck("qq", 0.8)
