import pytest

from xner_core.supervision.names import Name, find_candidates, limit_names, names_of
from xner_core.supervision.worded_text import WordedText
from xner_core.text.spans import Entity, Span


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("Yesterday we met Anna Lind and Bo in Old Town.", ["Anna Lind", "Old Town"]),
        ("The end. Then came Rome.", ["Rome"]),
        ('"Where is Paris?" asked Ulla', ["Paris", "Ulla"]),
        ("NATO and the EU met", ["NATO", "EU"]),
        ("the Jean-Pierre Way and non-European States", ["Jean-Pierre Way", "European States"]),
        ("by O'Brien - Then left", ["Brien"]),
        ("on Monday in May at Ypres", ["Ypres"]),
        ("I am here", []),
        ("", []),
    ],
)
def test_candidates_are_runs_of_capitalised_words(text, candidates):
    worded = WordedText.of(text)
    assert [worded.part(span) for span in find_candidates(worded)] == candidates


def test_a_candidate_that_the_tagger_found_is_the_taggers():
    text = WordedText.of("so Anna Lind of ACME went to Rome")
    found = names_of(text, [Entity(Span(3, 12), "PER"), Entity(Span(29, 33), "LOC")])
    assert found == (Name(Span(3, 12), "PER"), Name(Span(16, 20), None), Name(Span(29, 33), "LOC"))


@pytest.mark.parametrize(
    ("entity", "name"),
    [
        (". Wade", "Wade"),
        ("U.S.", "U.S."),
        ("“Dune”,", "Dune"),
        ("The “Dune”,", "The “Dune”"),
        ("Fund (IMF)", "Fund (IMF)"),
        ("Anna)", "Anna"),
        ("...", None),
        ("euro", None),
    ],
)
def test_the_edges_of_entities_are_mended(entity, name):
    text = WordedText.of(f"a {entity} b")
    found = [text.part(found.span) for found in names_of(text, [Entity(Span(2, 2 + len(entity)), "MISC")])]
    assert found == ([] if name is None else [name])


def test_a_frequent_name_has_its_share_only():
    texts = [WordedText.of("so said Tom")] * 8 + [WordedText.of("so said Ann")]
    names = [names_of(text, []) for text in texts]
    kept = limit_names(texts, names)
    assert [len(found) for found in kept] == [1, 1, 1, 1, 1, 0, 0, 0, 1]
