import itertools

import pytest

from xner_core.supervision.spelling import Spelling
from xner_core.supervision.worded_text import WordedText

SYLLABLES = dict(zip(["ba", "do", "ki", "lu", "me", "no", "ra", "si", "te", "vo"], "巴多基卢梅诺拉西特沃", strict=True))
USUAL = "的一是了我不人在他有"


@pytest.fixture(scope="module")
def spelling():
    names = [
        ((("".join(syllables)),), tuple(SYLLABLES[syllable] for syllable in syllables))
        for syllables in itertools.permutations(SYLLABLES, 3)
    ]
    texts = [USUAL * 20 + "".join(SYLLABLES.values())]
    return Spelling(names, texts)


def part(spelling, name, raw):
    text = WordedText.of(raw)
    span = spelling.find(name, text)
    return None if span is None else text.part(span)


def test_the_run_that_the_letters_explain_is_found(spelling):
    assert part(spelling, "Badokiteno", "我在巴多基特诺是") == "巴多基特诺"
    assert part(spelling, "Vosi", "人沃西了") == "沃西"


def test_parts_of_a_name_are_joined_by_a_dot(spelling):
    assert part(spelling, "Bado Sira", "他巴多·西拉有") == "巴多·西拉"
    assert part(spelling, "Bado", "他·巴多·有") == "巴多"


def test_nothing_is_found_where_nothing_is_clear(spelling):
    assert part(spelling, "Bado", "我在他有") is None
    assert part(spelling, "Bado", "巴多一是巴多") is None
    assert part(spelling, "Bado", "") is None
    assert part(spelling, "2020", "巴多") is None


def test_a_short_lexicon_teaches_nothing():
    assert part(Spelling([(("bado",), ("巴", "多"))], [USUAL]), "Bado", "在巴多是") is None
