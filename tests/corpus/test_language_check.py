import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xner_core.corpus.language_check import LanguageCheck

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


@pytest.mark.parametrize("code", ["pt_BR", "pt-BR", "zh_CN", "nb", "deu", "cmn_Hans", "tha_Thai", "de-Latf"])
def test_codes_with_subtags_and_of_variants(code):
    assert LanguageCheck(code, 0.8).is_other(SENTENCES["ru"])


# What lid.176 does not know, and CLD2 does.
AFRICAN = {
    "ha": "Shugaban ƙasar Najeriya ya isa birnin Abuja a ranar Litinin domin ganawa da ministoci.",
    "ig": "Onye isi ala Naịjirịa ruru Abuja n'ụbọchị Mọnde ka ya na ndị ozi zute.",
    "zu": "Umongameli waseNingizimu Afrika ufike eGoli ngoMsombuluko ukuze ahlangane nongqongqoshe.",
    "xh": "UMongameli waseMzantsi Afrika ufikile eKapa ngoMvulo ukuze adibane nabaphathiswa.",
    "tn": "Moporesidente wa Botswana o gorogile kwa Gaborone ka Mosupologo go kopana le ditona.",
    "sn": "Mutungamiri wenyika akasvika muHarare neMuvhuro kuti asangane nemakurukota.",
    "ny": "Mtsogoleri wa dziko la Malawi anafika ku Lilongwe Lolemba kudzakumana ndi nduna.",
    "lg": "Omukulembeze w'eggwanga yatuuse e Kampala ku Bbalaza okusisinkana baminisita.",
    "rw": "Perezida wa Repubulika yageze i Kigali ku wa mbere kugira ngo ahure n'abaminisitiri.",
}


@pytest.mark.parametrize("expected", AFRICAN)
def test_languages_that_one_identifier_alone_knows(expected, caplog):
    check = LanguageCheck(expected, 0.8)
    assert not check.is_other(AFRICAN[expected])
    assert all(map(check.is_other, (SENTENCES["en"], SENTENCES["de"], SENTENCES["ru"])))
    relatives = {"zu": {"xh"}, "xh": {"zu"}}.get(expected, set()) | {expected}
    assert [code for code, text in AFRICAN.items() if code not in relatives and not check.is_other(text)] == []
    assert not caplog.records


@pytest.mark.parametrize("code", ["fon", "mos", "qaa", "bm-Nkoo"])
def test_a_language_that_no_identifier_knows_is_only_told_from_the_other_side(code, caplog):
    check = LanguageCheck(code, 0.8, "en")
    assert [record.getMessage() for record in caplog.records] == [
        f"no language identifier knows {code}: its texts are only checked for being en"
    ]
    texts = [*SENTENCES.values(), *AFRICAN.values(), "Togán ɔ wá Kutɔnu ɖò Tɛnigbe gbè bo na kpé gǎn lɛ."]
    assert list(filter(check.is_other, texts)) == [SENTENCES["en"]]
    assert list(filter(LanguageCheck(code, 0.8, "de").is_other, SENTENCES.values())) == [SENTENCES["de"]]


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("az", ["Азәрбајҹан Республикасы Ҹәнуби Гафгазда јерләшән дөвләтдир.", "Онлар бизим кәндә ҝәлдиләр."]),
        ("az-Cyrl", ["Бакы шәһәри Азәрбајҹанын пајтахтыдыр вә Хәзәр дәнизинин саһилиндә јерләшир."]),
        ("uz", ["Ўзбекистон Республикаси Марказий Осиёда жойлашган давлатдир."]),
        ("sr", ["Beograd je glavni grad Srbije i nalazi se na ušću Save u Dunav."]),
        ("hi", ["Pradhanmantri Narendra Modi ne Dilli mein kal bhashan diya."]),
        ("hr", ["Predsjednik je jučer govorio na sastanku odbora u Zagrebu."]),
        ("yo", ["Kinni oruko olu ilu orile-ede Naijiria ati Ghana?", "Kinni olu-ilu Singapore?"]),
        ("apc", ["الرئيس وصل مبارح عالشام وحكى مع الوزرا."]),
        ("xh", [AFRICAN["zu"]]),
        ("zu", [AFRICAN["xh"]]),
        ("nd", [AFRICAN["zu"]]),
    ],
)
def test_other_scripts_and_close_relatives_are_no_other_language(language, texts):
    check = LanguageCheck(language, 0.8)
    assert not any(map(check.is_other, texts))
    assert check.is_other(SENTENCES["en"])


def test_capitals_do_not_count():
    assert not LanguageCheck("sv", 0.8).is_other(SENTENCES["sv"].upper().replace("VECKA", "vecka"))
    assert LanguageCheck("sv", 0.8).is_other(SENTENCES["de"].upper())


def test_what_is_no_code_is_refused():
    with pytest.raises(ValueError, match="'German' is no language code"):
        LanguageCheck("German", 0.8)


@settings(deadline=None)
@given(st.text(st.characters(), min_size=4))
@example("this is \ud800 no text at all")
def test_no_text_is_too_strange(text):
    assert LanguageCheck("de", 0.8).is_other(text) in (False, True)
