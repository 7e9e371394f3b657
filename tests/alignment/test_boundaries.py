import pytest

from xner_core.alignment.boundaries import (
    BRACKET,
    ORDINARY,
    PARTICLE,
    SEPARATOR,
    SYMBOL,
    edge_kinds,
    forbidden_kinds,
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
