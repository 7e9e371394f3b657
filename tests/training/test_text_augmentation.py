import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xner_core.text.spans import Entity, Span
from xner_core.text.words import is_unspaced, tokens
from xner_core.training.features import AnnotatedText
from xner_core.training.student_settings import AugmentationSettings
from xner_core.training.text_augmentation import as_tokens, augmented, in_capitals, with_dateline


def annotated(text: str, *entities: tuple[str, str], masked: tuple[str, ...] = ()) -> AnnotatedText:
    def span(surface: str) -> Span:
        return Span(text.index(surface), text.index(surface) + len(surface))

    return AnnotatedText(
        text, [Entity(span(surface), type_) for surface, type_ in entities], [span(surface) for surface in masked]
    )


def surfaces(text: AnnotatedText) -> list[str]:
    return [text.text[entity.span.start : entity.span.end] for entity in text.entities]


def test_words_and_symbols_are_set_apart():
    text = as_tokens(
        annotated("Das sagte Merkel (CDU) in Berlin.", ("Merkel", "PER"), ("CDU", "ORG"), masked=("Berlin",))
    )
    assert text.text == "Das sagte Merkel ( CDU ) in Berlin ."
    assert surfaces(text) == ["Merkel", "CDU"]
    assert [text.text[span.start : span.end] for span in text.masked] == ["Berlin"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Die F.A.Z. schrieb.", "Die F.A.Z. schrieb ."),
        ("das EU-Budget (2,5 Mrd.)", "das EU-Budget ( 2,5 Mrd . )"),
        ("AT&T, Rom/Bonn: um 17:30", "AT&T , Rom / Bonn : um 17:30"),
        ("SPD- und CDU-Chef", "SPD - und CDU-Chef"),
        ("O'Brien sagt: 'nein'", "O ' Brien sagt : ' nein '"),
        ("वह दिल्ली, मुंबई-पुणे में है।", "वह दिल्ली , मुंबई-पुणे में है ।"),
        ("Ha\u0300 No\u0323\u0302i.", "Ha\u0300 No\u0323\u0302i ."),
        ("نیم‌فاصله، مُحَمَّد.", "نیم‌فاصله ، مُحَمَّد ."),
        ("เขาอยู่ที่เชียงใหม่.", "เขาอยู่ที่เชียงใหม่."),
    ],
)
def test_what_a_corpus_of_tokens_keeps_together(text, written):
    assert as_tokens(annotated(text)).text == written


def test_an_entity_takes_the_whole_token():
    assert surfaces(as_tokens(annotated("das EU-Budget", ("EU", "ORG")))) == ["EU-Budget"]


def test_words_are_split_in_two_on_request():
    text = annotated(
        "Do Porto à Cidade do México, no Rio.", ("Cidade do México", "LOC"), ("Rio", "LOC"), masked=("Porto",)
    )
    text = as_tokens(text, {"do": "de o", "à": "a a", "no": "em o"})
    assert text.text == "De o Porto a a Cidade de o México , em o Rio ."
    assert surfaces(text) == ["Cidade de o México", "Rio"]
    assert [text.text[span.start : span.end] for span in text.masked] == ["Porto"]


def test_capitals_keep_offsets():
    text = in_capitals(annotated("An der Weißen Elster", ("Weißen Elster", "LOC")))
    assert text.text == "AN DER WEIßEN ELSTER"
    assert surfaces(text) == ["WEIßEN ELSTER"]


@pytest.mark.parametrize(
    ("text", "capitals"),
    [
        ("თბილისი, Tiflis", "თბილისი, TIFLIS"),
        ("Ha\u0300 No\u0323\u0302i", "HA\u0300 NO\u0323\u0302I"),
        # An iota below is a mark, whose capital is a letter.
        ("τω\u0345", "ΤΩ\u0345"),
    ],
)
def test_marks_and_scripts_without_capitals_stay_as_they_are(text, capitals):
    assert in_capitals(annotated(text)).text == capitals


def test_a_dateline_names_a_place_of_the_text_and_an_agency():
    text = annotated("Otto fuhr von Ulm nach Bonn.", ("Otto", "PER"), ("Ulm", "LOC"), ("Bonn", "LOC"), masked=("fuhr",))
    for seed in range(50):
        written = with_dateline(text, random.Random(seed))
        line = re.fullmatch(r"(Ulm|Bonn)(?:, \d\d? [a-z]{3})? \(([A-Z]{2,6})\)\. " + re.escape(text.text), written.text)
        assert surfaces(written) == [*line.groups(), "Otto", "Ulm", "Bonn"]
        assert [entity.type for entity in written.entities[:2]] == ["LOC", "ORG"]
        assert [written.text[span.start : span.end] for span in written.masked] == ["fuhr"]


def test_a_text_without_a_place_has_no_dateline():
    text = annotated("Otto kam.", ("Otto", "PER"))
    assert with_dateline(text, random.Random(1)) is text


def test_a_dateline_is_written_as_the_rest_of_the_text():
    settings = AugmentationSettings(tokenised=1.0, capitals=1.0, datelines=1.0)
    written = augmented(annotated("Aus Ulm.", ("Ulm", "LOC")), settings, seed=1).text
    assert re.fullmatch(r"ULM (, \d+ [A-Z]{3} )?\( [A-Z]{2,6} \) \. AUS ULM \.", written)


def test_what_the_text_may_miss_stays():
    text = AnnotatedText("Er kam.", [Entity(Span(0, 2), "LOC")], missed=frozenset({"PER"}))
    assert as_tokens(text).missed == in_capitals(text).missed == with_dateline(text, random.Random(1)).missed == {"PER"}


def test_scripts_without_spaces_lose_those_between_words():
    text = as_tokens(annotated("他 昨天 在 New York 和 北 京 说话 。", ("New York", "LOC"), ("北 京", "LOC")))
    assert text.text == "他昨天在NewYork和北京说话。"
    assert surfaces(text) == ["NewYork", "北京"]


def test_an_entity_within_a_text_without_spaces_stays_as_it_is():
    text = annotated("他在北京说话", ("北京", "LOC"))
    assert as_tokens(text) == text


@pytest.mark.parametrize(
    ("settings", "written"),
    [
        (AugmentationSettings(0.0, 0.0), "Aus Rom, heute."),
        (AugmentationSettings(1.0, 0.0), "Aus Rom , heute ."),
        (AugmentationSettings(0.0, 1.0), "AUS ROM, HEUTE."),
        (AugmentationSettings(1.0, 1.0), "AUS ROM , HEUTE ."),
    ],
)
def test_shares_of_nothing_and_everything(settings, written):
    assert augmented(annotated("Aus Rom, heute.", ("Rom", "LOC")), settings, seed=1).text == written


def test_shares_are_kept_and_follow_from_seed_and_text():
    texts = [AnnotatedText(f"Satz {number}.") for number in range(2000)]
    settings = AugmentationSettings(tokenised=0.3, capitals=0.1)
    once, again, other = ([augmented(text, settings, seed).text for text in texts] for seed in (1, 1, 2))
    assert once == again != other
    assert sum(text.endswith(" .") for text in once) == pytest.approx(600, abs=80)
    assert sum(text.isupper() for text in once) == pytest.approx(200, abs=50)


@given(st.text(max_size=60), st.data())
def test_entities_keep_their_words(text, data):
    if not text.strip():
        return
    start = data.draw(st.sampled_from([i for i, character in enumerate(text) if not character.isspace()]))
    span = Span(start, data.draw(st.integers(start + 1, len(text))))
    moved = as_tokens(AnnotatedText(text, [Entity(span, "PER")], [span]))
    [entity] = moved.entities
    assert moved.masked == [entity.span]
    covered = [text[start:end] for start, end in tokens(text) if Span(start, end).overlaps(span)]
    separator = "" if is_unspaced(text) else " "
    assert moved.text[entity.span.start : entity.span.end] == separator.join(covered)
    assert _packed(text) == _packed(moved.text)
    assert as_tokens(moved) == moved
    assert len(in_capitals(moved).text) == len(moved.text)


def _packed(text: str) -> str:
    return "".join(text.split())


def test_words_to_split_are_found_in_whatever_form_they_are_written():
    text = AnnotatedText("Livro ｄｏ João", [Entity(Span(9, 13), "PER")])
    made = as_tokens(text, {"Do": "de o"})
    assert made.text == "Livro de o João"
    assert made.entities == [Entity(Span(11, 15), "PER")]
