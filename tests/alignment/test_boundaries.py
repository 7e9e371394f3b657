import pytest

from xner_core.alignment.boundaries import (
    BRACKET,
    ORDINARY,
    PARTICLE,
    SEPARATOR,
    SYMBOL,
    edge_kinds,
    forbidden_kinds,
    is_cased_name,
    is_lower_case,
    word_kind,
)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Berlin", ORDINARY),
        ("UN", ORDINARY),
        ("der", PARTICLE),
        ("и", PARTICLE),
        ("unter", ORDINARY),
        ("東", ORDINARY),
        ("7", ORDINARY),
        ("-", SYMBOL),
        ("'", SYMBOL),
        ("🎉", SYMBOL),
        ("\u200f", SYMBOL),
        ("_", SYMBOL),
        (",", SEPARATOR),
        ("，", SEPARATOR),
        ("„", SEPARATOR),
        ("(", BRACKET),
        ("）", BRACKET),
    ],
)
def test_kinds_of_words(word, kind):
    assert word_kind(word) == kind


def test_counterparts_hold_separators_and_brackets_only_where_the_source_does():
    def allowed(*kinds):
        return {kind for kind, barred in enumerate(forbidden_kinds(kinds)) if not barred}

    always = {ORDINARY, PARTICLE, SYMBOL}
    assert allowed(ORDINARY) == always
    assert allowed(ORDINARY, SEPARATOR) == always | {SEPARATOR}
    assert allowed(BRACKET) == always | {SEPARATOR, BRACKET}


def test_short_lower_case_words_are_edges_only_of_counterparts_of_lower_case_text():
    assert [edge_kinds("the Rhine")[kind] for kind in (ORDINARY, PARTICLE, SYMBOL)] == [True, False, False]
    assert edge_kinds("uk")[PARTICLE]


@pytest.mark.parametrize(
    ("word", "lower"),
    [("britisch", True), ("Britisch", False), ("EU", False), ("北京", False), ("1990", False), ("o'brien", True)],
)
def test_words_of_small_letters(word, lower):
    assert is_lower_case(word) == lower


@pytest.mark.parametrize(
    ("name", "type_", "cased"),
    [
        ("UK", "LOC", True),
        ("the Hague", "LOC", True),
        ("British", "MISC", False),
        ("british", "LOC", False),
        ("UK", None, False),
    ],
)
def test_names_that_no_lower_case_word_stands_for(name, type_, cased):
    assert is_cased_name(name, type_) == cased
