import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from any_script import any_text
from xner_core.text.words import (
    has_case,
    is_lower_case,
    is_unspaced,
    is_within_unspaced,
    is_word,
    tokens,
    words,
)

# Not behind a mark without a letter: a virama is of one cluster with the letter after it, which it keeps apart.
SPACED_RUN = regex.compile(
    r"(?V1)(?<!\p{M})(?:[\p{L}--[\p{LB=SA}\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Javanese}\p{Balinese}\p{Yi}\u30fc\uff70\p{Lm}]]\p{M}*)+"
)


def parts(text, spans):
    return [text[start:end] for start, end in spans]


@given(st.text() | any_text)
def test_words_are_in_order_inside_the_text_and_leave_out_only_white_space(text):
    for cut in (words, tokens):
        end, kept = 0, ""
        for start, stop in cut(text):
            assert end <= start < stop <= len(text)
            assert text[end:start].isspace() or end == start
            kept += text[start:stop]
            end = stop
        assert not text[end:].strip()
        assert kept == "".join(text.split())


@given(st.text() | any_text)
def test_no_word_cuts_a_grapheme_cluster_or_a_word_between_spaces(text):
    clusters = {match.start() for match in regex.finditer(r"\X", text)}
    # To Unicode, a space belongs to marks after it and to signs before it; here both are words, and the space is none.
    clusters |= {place for place in range(1, len(text)) if any(map(str.isspace, text[place - 1 : place + 1]))}
    clusters |= {0, len(text)}
    runs = [match.span() for match in SPACED_RUN.finditer(text)]
    for cut in (words, tokens):
        for word in cut(text):
            assert clusters.issuperset(word)
            assert not any(start < place < end for start, end in runs for place in word)


@given(st.text("aZ9:.'_ -\x00\x1c\n"))
def test_texts_of_ascii_are_cut_as_others_are(text):
    assert [(start, end) for start, end in words(f"{text} é") if end <= len(text)] == words(text)


@given(st.lists(any_text.map(lambda text: "".join(text.split())).filter(bool), max_size=8))
def test_words_that_spaces_set_apart_are_found_again(chunks):
    text = " ".join(chunks)
    found = words(text)
    assert [parts(chunk, words(chunk)) for chunk in chunks] == [
        [text[a:b] for a, b in found if start <= a < start + len(chunk)]
        for start, chunk in zip(_starts(chunks), chunks, strict=True)
    ]


def _starts(chunks):
    start = 0
    for chunk in chunks:
        yield start
        start += len(chunk) + 1


def test_words_of_spaced_and_unspaced_scripts():
    text = "O'Brien 说: 北京 is big!"
    assert parts(text, words(text)) == ["O", "'", "Brien", "说", ":", "北", "京", "is", "big", "!"]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("Hindi", "दिल्ली का", ["दिल्ली", "का"]),
        ("Tamil", "தமிழ்நாடு சென்றார்.", ["தமிழ்நாடு", "சென்றார்", "."]),
        ("Bengali", "কলকাতায় আছি", ["কলকাতায়", "আছি"]),
        ("Telugu", "హైదరాబాద్‌లో ఉంది", ["హైదరాబాద్\u200cలో", "ఉంది"]),
        ("Sinhala", "ශ්‍රී ලංකාව", ["ශ්\u200dරී", "ලංකාව"]),
        ("Vietnamese, decomposed", unicodedata.normalize("NFD", "Hà Nội"), ["Ha\u0300", "No\u0323\u0302i"]),
        ("Yoruba", "Ọ̀ṣun ní", ["Ọ̀ṣun", "ní"]),
        ("Arabic with vowels", "مُحَمَّدٌ هنا", ["مُحَمَّدٌ", "هنا"]),
        ("Persian", "خانه\u200cها", ["خانه\u200cها"]),
        ("Hebrew with points", "שָׁלוֹם", ["שָׁלוֹם"]),
        ("Hebrew abbreviations", 'ארה"ב וצה״ל', ['ארה"ב', "וצה״ל"]),
        ("a Hebrew quotation", 'ב"תל אביב"', ["ב", '"', "תל", "אביב", '"']),
        ("Hebrew foreign sounds", "צ'לסי", ["צ'לסי"]),
        ("Ukrainian", "Кам’янець, д'Артаньян", ["Кам’янець", ",", "д'Артаньян"]),
        ("Swedish", "EU:s Åke: ja", ["EU:s", "Åke", ":", "ja"]),
        ("Swedish in ASCII", "USA:s a:b", ["USA:s", "a", ":", "b"]),
        ("Catalan", "Sant Cel·loni", ["Sant", "Cel·loni"]),
        ("soft hyphens and joiners", "Donau\u00addampf a\u2060b", ["Donau\u00addampf", "a\u2060b"]),
        ("emoji", "👨\u200d👩\u200d👧 1️⃣ 🇩🇪🇫🇷", ["👨\u200d👩\u200d👧", "1️⃣", "🇩🇪", "🇫🇷"]),
        ("Thai", "เราพบกันที่เชียงใหม่", ["เรา", "พบ", "กัน", "ที่", "เชียงใหม่"]),
        ("Khmer", "នៅភ្នំពេញ", ["នៅ", "ភ្នំពេញ"]),
        ("Lao", "ຢູ່ວຽງຈັນ", ["ຢູ່", "ວຽງຈັນ"]),
        ("Burmese", "ရန်ကုန်မြို့", ["ရန်", "ကုန်", "မြို့"]),
        ("Tibetan", "བོད་ཡིག", ["བོད", "་", "ཡིག"]),
        ("Javanese", "ꦒꦸꦤꦸꦁ꧈", ["ꦒꦸ", "ꦤꦸꦁ", "꧈"]),
        ("Balinese", "ᬩᬮᬶ", ["ᬩ", "ᬮᬶ"]),
        ("Yi", "ꆈꌠꉙ", ["ꆈ", "ꌠ", "ꉙ"]),
        ("Japanese, decomposed", "か\u3099く", ["か\u3099", "く"]),
        ("beyond the basic plane", "ก\U0001173fข 𠮷野", ["ก", "\U0001173f", "ข", "𠮷", "野"]),
        ("Georgian", "თბილისი ძველია", ["თბილისი", "ძველია"]),
    ],
)
def test_marks_and_joiners_belong_to_their_word(language, text, expected):
    assert parts(text, words(text)) == expected


def test_tokens_keep_abbreviations_numbers_and_hyphenated_words():
    text = "The U.S. EU-Budget é.t. of 3,5 rose; AT&T."
    assert parts(text, tokens(text)) == [
        "The", "U.S.", "EU-Budget", "é.t.", "of", "3,5", "rose", ";", "AT&T", ".",
    ]  # fmt: skip


def test_the_script_of_most_letters_decides():
    assert is_unspaced("北京 is 中国的首都")
    assert all(map(is_unspaced, ("เชียงใหม่", "ភ្នំពេញ", "བོད་ཡིག", "東京タワー")))
    assert not is_unspaced("Beijing (北京) is the capital")
    assert not is_unspaced("서울에서 만났다")
    assert not is_unspaced("2008 ...")


def test_only_characters_without_spaces_on_both_sides_may_be_of_one_word():
    assert [is_within_unspaced("在NBA 中国", place) for place in range(8)] == [False] * 6 + [True, False]


@given(any_text)
def test_no_rule_of_case_or_script_raises(text):
    for rule in (has_case, is_lower_case, is_unspaced, is_word):
        assert rule(text) in (True, False)
    assert not (is_lower_case(text) and not has_case(text))


@pytest.mark.parametrize(
    ("word", "cased", "lower"),
    [
        ("britisch", True, True),
        ("Britisch", True, False),
        ("EU", True, False),
        ("o'brien", True, True),
        (unicodedata.normalize("NFD", "québécois"), True, True),
        (unicodedata.normalize("NFD", "Québec"), True, False),
        ("москва", True, True),
        ("北京", False, False),
        ("1990", False, False),
        ("თბილისი", False, False),
        ("აშშ", False, False),
        ("दिल्ली", False, False),
        ("القاهرة", False, False),
    ],
)
def test_only_scripts_that_write_capitals_have_case(word, cased, lower):
    assert (has_case(word), is_lower_case(word)) == (cased, lower)
