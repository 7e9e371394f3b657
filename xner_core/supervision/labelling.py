"""From votes to links: what is agreed, what is left open, and which names are realised as something else."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from xner_core.supervision.examples import Link
from xner_core.supervision.names import Name
from xner_core.supervision.sampling import SampledPair
from xner_core.supervision.voting import LabelModel, Verdict
from xner_core.text.normal_form import folded
from xner_core.text.spans import Span
from xner_core.text.words import has_case, is_lower_case

LOWER_CASE = "lower-case"
# Nationalities and the like are of this type, and adjectives in many languages.
_ADJECTIVAL = "MISC"

_LEAST_POSTERIOR = 0.9
_FEWEST_FAMILIES = 2
# A name is usually capitalised in the target language if it is in this share of its other links, at least so many.
_CAPITALISED_SHARE = 0.6
_FEWEST_OTHERS = 3


@dataclass(frozen=True, slots=True)
class VotedPair:
    """A pair, its names, and for each name the span that each signal votes for."""

    pair: SampledPair
    names: tuple[Name, ...]
    votes: tuple[Mapping[str, Span], ...]


def label(pairs: Sequence[VotedPair], families: Mapping[str, str]) -> tuple[LabelModel, list[tuple[Link, ...]]]:
    """Fits the label model to the votes on a corpus; and the links of each pair, in the order of its names.

    A link is agreed if its posterior is at least 0.9 and signals of two families voted for it.

    Args:
        families: the family of each signal; signals of a family are not independent, and share one vote
    """
    members = list(families.values())
    weights = {signal: 1 / members.count(family) for signal, family in families.items()}
    model, verdicts = LabelModel.fit([votes for pair in pairs for votes in pair.votes], weights)
    rest = iter(verdicts)
    links = [[_link(name, next(rest), families) for name in pair.names] for pair in pairs]
    links = [_without_overlaps(found) for found in links]
    return model, [tuple(found) for found in _check_case(pairs, links)]


def _link(name: Name, verdict: Verdict[Span], families: Mapping[str, str]) -> Link:
    agreeing = {families[signal] for signal in verdict.signals}
    agreed = verdict.posterior >= _LEAST_POSTERIOR and len(agreeing) >= _FEWEST_FAMILIES
    return Link(name.span, verdict.candidate, agreed, verdict.posterior, name.type, verdict.signals)


def _without_overlaps(links: Sequence[Link]) -> list[Link]:
    """The links of a pair; of those that share target words only the best stays agreed."""
    kept: list[Link] = []
    for link in sorted(links, key=lambda link: (-link.agreed, -link.confidence)):
        clashes = link.target is not None and any(
            other.agreed and other.target is not None and other.target.overlaps(link.target) for other in kept
        )
        kept.append(replace(link, agreed=False) if clashes else link)
    return sorted(kept, key=lambda link: link.source)


def _check_case(pairs: Sequence[VotedPair], links: Sequence[Sequence[Link]]) -> list[list[Link]]:
    """Takes links from capitalised names to lower-case words for adjectives and the like, unless that is usual.

    "China" becomes "chinesisch" in some sentences, which is no name of a place. If the name is usually capitalised in
    the target language, then this one is not there as a name; if too few other links tell, then the link is left open.
    """
    # For each name: how many agreed links it has, and how many of them to words with a capital.
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for pair, found in zip(pairs, links, strict=True):
        for link in found:
            if link.agreed and link.target and has_case(target := pair.pair.target.part(link.target)):
                count = counts[folded(pair.pair.source.part(link.source))]
                count[0] += 1
                count[1] += not is_lower_case(target)
    checked = []
    for pair, found in zip(pairs, links, strict=True):
        row = []
        for link in found:
            name = pair.pair.source.part(link.source)
            counterpart = pair.pair.target.part(link.target) if link.agreed and link.target else None
            if counterpart and name != name.lower() and is_lower_case(counterpart) and link.type != _ADJECTIVAL:
                total, capitalised = counts[folded(name)]
                others = total - 1
                if others < _FEWEST_OTHERS:
                    link = replace(link, agreed=False)
                elif capitalised >= _CAPITALISED_SHARE * others:
                    link = replace(link, target=None, origins=(LOWER_CASE,))
            row.append(link)
        checked.append(row)
    return checked
