import string
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from xner_core.supervision.examples import Example, Link
from xner_core.supervision.link_augmentation import (
    MISMATCHED,
    REMOVED,
    SWAPPED,
    NamePool,
    mismatch,
    remove_name,
    reverse,
    swap_names,
)
from xner_core.text.spans import Span
from xner_core.text.words import words


def example(source: str, target: str, *links: tuple, language: str = "de", pair_id: str = "id") -> Example:
    """An example of texts and links: a name, its counterpart or None, and what differs from an agreed person."""

    def span(text, part):
        return None if part is None else Span(text.index(part), text.index(part) + len(part))

    def link(name, part, agreed=True, type_="PER"):
        return Link(span(source, name), span(target, part), agreed, 0.95, type_, ("back",))

    return Example(pair_id, language, "news", source, target, tuple(link(*each) for each in links))


ROME = example(
    "Anna saw Rome and Oslo.",
    "Anna sah Rom und Oslo.",
    ("Anna", "Anna"),
    ("Rome", "Rom", True, "LOC"),
    ("Oslo", "Oslo", False, "LOC"),
)
MILAN = example("in Milan now", "jetzt in Mailand", ("Milan", "Mailand", True, "LOC"), pair_id="other")


def texts(made: Example) -> list[tuple[str, str | None]]:
    return [
        (made.source_text[slice(*link.source)], link.target and made.target_text[slice(*link.target)])
        for link in made.links
    ]


def test_names_are_swapped_on_both_sides():
    # Of all names of the pool, only Milan is of the type of a link and differs from it.
    tries = (swap_names(ROME, NamePool([ROME, MILAN]), Random(seed)) for seed in range(20))
    made = next(found for found in tries if found is not None)
    assert made.source_text == "Anna saw Milan and Oslo."
    assert made.target_text == "Anna sah Mailand und Oslo."
    assert texts(made) == [("Anna", "Anna"), ("Milan", "Mailand"), ("Oslo", "Oslo")]
    assert made.links[1].origins == (SWAPPED, "back")
    assert made.links[1].agreed


def test_only_like_names_are_swapped():
    person = example("Bert was here", "Bert war hier", ("Bert", "Bert"))
    for other in (
        MILAN,
        example("Bo was here", "Bo war hier", ("Bo", "Bo"), language="sv"),
        example("BO was here", "BO war hier", ("BO", "BO")),
        example("Bo was here", "Bo war hier", ("Bo", "Bo", False, "PER")),
        person,
    ):
        assert swap_names(person, NamePool([other]), Random(0)) is None


def test_a_removed_name_is_not_there():
    made = remove_name(MILAN, Random(0))
    assert made.target_text == "jetzt in"
    assert made.source_text == MILAN.source_text
    assert [(link.target, link.agreed, link.origins) for link in made.links] == [(None, True, (REMOVED,))]


def test_one_space_goes_with_a_removed_name():
    def removed(target, part):
        made = remove_name(example("Anna", target, ("Anna", part)), Random(0))
        return made and made.target_text

    assert removed("Anna kam", "Anna") == "kam"
    assert removed("so kam Anna an", "Anna") == "so kam an"
    assert removed("so kam Anna, und", "Anna") == "so kam, und"
    assert removed("so (Anna und)", "Anna") == "so (und)"
    assert removed("Anti-Anna Demo", "Anna") == "Anti- Demo"
    assert removed("在安娜家", "安娜") == "在家"
    # Nothing would be left, or it would still be there, or two words would become one.
    assert removed("Anna.", "Anna") == "."
    assert removed("Anna", "Anna") is None
    assert removed("Anna und Annas Hund", "Anna") is None
    assert removed("abc安娜def", "安娜") is None


def test_a_link_that_shares_words_is_not_touched():
    shared = example("Anna Lind", "hier Anna Lind da", ("Anna Lind", "Anna Lind"), ("Lind", "Lind", False, None))
    assert remove_name(shared, Random(0)) is None
    assert swap_names(shared, NamePool([example("Bo Ek", "hier Bo Ek", ("Bo Ek", "Bo Ek"))]), Random(0)) is None


def test_a_mismatched_text_holds_none_of_the_names():
    made = mismatch(ROME, [MILAN], Random(0))
    assert made.target_text == "jetzt in Mailand"
    assert made.source_text == ROME.source_text
    assert all(link.target is None and link.agreed and link.origins == (MISMATCHED,) for link in made.links)
    assert [link.source for link in made.links] == [link.source for link in ROME.links]
    assert mismatch(ROME, [ROME], Random(0)) is None
    assert mismatch(MILAN, [example("x", "die Mailandreise", pair_id="o")], Random(0)) is None
    assert mismatch(MILAN, [example("x", "y", pair_id="o", language="sv")], Random(0)) is None
    assert mismatch(MILAN, [], Random(0)) is None


def test_the_sides_are_exchanged():
    made = reverse(ROME)
    assert (made.source_text, made.target_text, made.language) == (ROME.target_text, ROME.source_text, "en")
    assert texts(made) == [("Anna", "Anna"), ("Rom", "Rome")]
    assert reverse(example("Anna", "da", ("Anna", None))) is None


def test_the_sides_are_exchanged_in_the_order_of_the_new_source():
    made = reverse(example("Anna saw Bo", "Bo sah Anna", ("Anna", "Anna"), ("Bo", "Bo")))
    assert texts(made) == [("Bo", "Bo"), ("Anna", "Anna")]


@st.composite
def examples(draw) -> Example:
    """Sentences of distinct words, some of which are linked names, with gaps of many kinds."""
    word = st.text(st.sampled_from(string.ascii_letters + "äßЖ中国"), min_size=1, max_size=4)

    def side():
        found = draw(st.lists(word, min_size=1, max_size=6))
        gaps = draw(st.lists(st.sampled_from([" ", ", ", " - ", "  ", ". "]), min_size=len(found), max_size=len(found)))
        text, spans = draw(st.sampled_from(["", " ", "„"])), []
        for each, gap in zip(found, gaps, strict=True):
            spans.append(Span(len(text), len(text) + len(each)))
            text += each + gap
        return text, draw(st.permutations(spans))

    (source, sources), (target, targets) = side(), side()
    count = draw(st.integers(0, min(len(sources), len(targets))))
    links = tuple(
        Link(name, draw(st.sampled_from([part, part, None])), draw(st.booleans()), 0.9, "PER", ("back",))
        for name, part in zip(sources[:count], targets[:count], strict=True)
    )
    language = draw(st.sampled_from(["de", "zh"]))
    return Example(str(draw(st.integers(0, 3))), language, "news", source, target, links)


@given(examples(), st.lists(examples(), max_size=3), st.integers(0, 5))
def test_links_keep_their_texts(one, others, seed):
    pool, random = NamePool([one, *others]), Random(seed)
    before = texts(one)
    if made := swap_names(one, pool, random):
        after = texts(made)
        changed = [place for place in range(len(before)) if SWAPPED in made.links[place].origins]
        assert len(changed) == 1
        assert [pair for place, pair in enumerate(after) if place not in changed] == [
            pair for place, pair in enumerate(before) if place not in changed
        ]
        assert after[changed[0]] in [pair for each in (one, *others) for pair in texts(each)]
        assert_on_edges(made)
    if made := remove_name(one, random):
        gone = next(place for place, link in enumerate(made.links) if link.origins == (REMOVED,))
        assert texts(made) == [
            (name, None) if place == gone else (name, part) for place, (name, part) in enumerate(before)
        ]
        assert before[gone][1].casefold() not in made.target_text.casefold()
        assert_on_edges(made)
    if made := mismatch(one, others, random):
        assert texts(made) == [(name, None) for name, _ in before]
        assert made.target_text in [other.target_text for other in others]
    if made := reverse(one):
        assert sorted(texts(made)) == sorted(
            (part, name) for (name, part), link in zip(before, one.links, strict=True) if link.agreed and part
        )


def assert_on_edges(made: Example) -> None:
    """Spans begin and end where words do, if they did."""
    starts, ends = zip(*words(made.target_text), strict=True) if words(made.target_text) else ((), ())
    assert all(link.target.start in starts and link.target.end in ends for link in made.links if link.target)


def test_a_name_that_is_written_in_another_form_elsewhere_is_not_gone():
    twice = example("Cúchulainn’s and Cúchulainn", "Cúchulainn, Cu\u0301chulainn", ("Cúchulainn", "Cúchulainn"))
    assert remove_name(twice, Random(1)) is None
    other = example("Rome", "Cu\u0301chulainn", ("Rome", "Cu\u0301chulainn", True, "LOC"), pair_id="other")
    assert mismatch(twice, [other], Random(1)) is None
    same = example("Cu\u0301chulainn", "Cúchulainn", ("Cu\u0301chulainn", "Cúchulainn"))
    assert swap_names(twice, NamePool([same]), Random(1)) is None
