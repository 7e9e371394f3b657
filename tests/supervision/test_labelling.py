from xner_core.supervision.labelling import LOWER_CASE, VotedPair, label
from xner_core.supervision.names import Name
from xner_core.supervision.sampling import SampledPair
from xner_core.supervision.worded_text import WordedText
from xner_core.text.spans import Span

FAMILIES = {"similarity-1": "similarity", "similarity-2": "similarity", "back": "back", "tagger": "tagger"}
ALL = tuple(FAMILIES)


def pair(source: str, target: str, *names: tuple[str, str | None, dict[str, str]]) -> VotedPair:
    """A pair, and its names with their types, and the words that signals vote for."""

    def span(text: str, part: str) -> Span:
        return Span(text.index(part), text.index(part) + len(part))

    return VotedPair(
        SampledPair("id", "news", WordedText.of(source), WordedText.of(target)),
        tuple(Name(span(source, name), type_) for name, type_, _ in names),
        tuple({signal: span(target, part) for signal, part in votes.items()} for _, _, votes in names),
    )


def to(part: str, *signals: str) -> dict[str, str]:
    return dict.fromkeys(signals or ALL, part)


def test_two_families_make_a_link():
    _, ((link,),) = label(
        [pair("so Rome fell", "Rom fiel", ("Rome", "LOC", to("Rom", "similarity-1", "back")))], FAMILIES
    )
    assert (link.source, link.target, link.agreed, link.type) == (Span(3, 7), Span(0, 3), True, "LOC")
    assert link.origins == ("similarity-1", "back")
    assert link.confidence > 0.9


def test_one_family_is_a_guess():
    votes = to("Rom", "similarity-1", "similarity-2")
    _, ((link,),) = label([pair("so Rome fell", "Rom fiel", ("Rome", "LOC", votes))], FAMILIES)
    assert not link.agreed
    assert link.target == Span(0, 3)
    _, ((link,),) = label([pair("so Rome fell", "Rom fiel", ("Rome", "LOC", {}))], FAMILIES)
    assert (link.agreed, link.target, link.confidence) == (False, None, 0)


def test_links_of_a_pair_share_no_words():
    _, ((first, second),) = label(
        [
            pair(
                "so Rome beat Milan",
                "Rom schlug Mailand",
                ("Rome", "LOC", to("Rom schlug", "similarity-1", "back")),
                ("Milan", "LOC", to("schlug Mailand")),
            )
        ],
        FAMILIES,
    )
    assert (first.agreed, second.agreed) == (False, True)
    assert first.target == Span(0, 10)


CHINA = pair("so China won", "so gewann China", ("China", "LOC", to("China")))
CHINESE = pair("a China plan", "ein chinesischer Plan", ("China", "LOC", to("chinesischer")))


def test_a_name_realised_as_an_adjective_is_not_there():
    _, links = label([CHINA] * 3 + [CHINESE], FAMILIES)
    assert [link.target for (link,) in links[:3]] == [Span(10, 15)] * 3
    ((null,),) = links[3:]
    assert (null.target, null.agreed, null.origins) == (None, True, (LOWER_CASE,))


def test_too_few_other_links_leave_it_open():
    _, links = label([CHINA] * 2 + [CHINESE], FAMILIES)
    ((link,),) = links[2:]
    assert (link.target, link.agreed) == (Span(4, 16), False)


def test_what_is_usually_in_lower_case_stays():
    internet = pair("the Internet era", "die ära des internet", ("Internet", None, to("internet")))
    _, links = label([internet] * 4, FAMILIES)
    assert all(link.agreed and link.target is not None for (link,) in links)


def test_nationalities_may_be_adjectives():
    noun = pair("some French won", "Franzosen gewannen", ("French", "MISC", to("Franzosen")))
    adjective = pair("a French plan", "ein französischer Plan", ("French", "MISC", to("französischer")))
    _, links = label([noun] * 3 + [adjective], FAMILIES)
    assert links[3][0].agreed
    assert links[3][0].target == Span(4, 17)


def test_scripts_without_case_have_no_adjectives():
    chinese = pair("so China won", "中国赢了", ("China", "LOC", to("中国")))
    _, links = label([CHINA] * 3 + [chinese], FAMILIES)
    assert links[3][0].target == Span(0, 2)
