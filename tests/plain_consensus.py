"""What a whole corpus says of its names, counted name by name: what the votes are compared with."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xner_core.labels.schema import PROJECTED
from xner_core.text.normal_form import normal_form
from xner_core.text.spans import Span
from xner_core.text.words import is_within_unspaced, words

# Words of the longest name that is looked for (single characters in scripts without spaces).
_LONGEST = 12
# A name is looked for where it was not projected if it was projected so often, and in this share of its occurrences.
_RECOVERED_MARKS, _RECOVERED_COVERAGE = 2, 0.1
# What is known of a name in general counts as much as so many occurrences beside one character.
_GENERAL = 3


@dataclass
class PlainEvidence:
    """What is counted over all pairs.

    Attributes:
        types: of each source string, in normal form as all others, how often it was projected with each type
        counterparts: of each source string, how often it was projected to each target string
        marks: of each target string, how often it is an entity of each type
        occurrences: of each target string, how often it occurs, as an entity or not
        beside: the same of each target string beside a character, which may belong to one word with it
        marked_beside: how often it is an entity there
    """

    types: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    counterparts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    marks: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    occurrences: Counter[str] = field(default_factory=Counter)
    beside: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    marked_beside: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add_projections(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Counts the projected entities of some label rows."""
        for row in rows:
            for label in row["entities"]:
                if label["status"] == PROJECTED:
                    source, target = _source_name(row, label), _target_name(row, label)
                    self.types[source][label["type"]] += 1
                    self.counterparts[source][target] += 1
                    self.marks[target][label["type"]] += 1

    def add_occurrences(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Counts the occurrences of all names of the projections, which must have been added before."""
        for row in rows:
            text, found, marked = row["target_text"], self.find(row["target_text"]), _projected(row)
            self.occurrences.update(normal_form(text[span.start : span.end]) for span in found)
            self.beside.update(beside for span in {*found, *marked} for beside in _beside(text, span))
            self.marked_beside.update(beside for span in marked for beside in _beside(text, span))

    def find(self, text: str) -> list[Span]:
        """Where names stand in a target text: from its start on the longest one at each word, none overlapping."""
        spans = words(text)
        # Parts of a text in normal form are in normal form.
        form = str if normal_form(text) == text else normal_form
        found, first = [], 0
        while first < len(spans):
            start = spans[first][0]
            for last in range(min(first + _LONGEST, len(spans)) - 1, first - 1, -1):
                if form(text[start : spans[last][1]]) in self.marks:
                    found.append(Span(start, spans[last][1]))
                    first = last
                    break
            first += 1
        return found

    def count(self, target: str) -> int:
        """How often a target string occurs; an entity inside a longer name, or that ends within a word, counts too."""
        return max(self.occurrences[target], self.marks[target].total())

    def coverage(self, target: str) -> float:
        """The share of a target string's occurrences in which it is an entity, of whatever type."""
        return self.marks[target].total() / self.count(target)

    def coverage_at(self, text: str, span: Span) -> float:
        """The coverage of a name where it stands in a text without being an entity.

        In scripts without spaces it may be a part of another word there ("中国", China, in "发展中国家", developing
        countries). So its coverage is at most the one beside the same character, before or after it, in other texts,
        with Dirichlet smoothing towards the general one (Zhai and Lafferty 2001, SIGIR).
        """
        coverage = self.coverage(normal_form(text[span.start : span.end]))
        smoothed = [
            (self.marked_beside[beside] + _GENERAL * coverage) / (self.beside[beside] - 1 + _GENERAL)
            for beside in _beside(text, span)
        ]
        return min([coverage, *smoothed])

    def vote(self, row: Mapping[str, Any], label: Mapping[str, Any]) -> dict[str, Any]:
        """What the corpus says of one entity, as in `VOTE`."""
        source = _source_name(row, label)
        votes = self.types[source] if source in self.types else Counter()
        projections = votes.total()
        type_, count = votes.most_common(1)[0] if votes else (None, 0)
        vote = {
            "projections": projections,
            "type": type_,
            "type_share": count / projections if projections else None,
            "target_share": None,
            "occurrences": None,
            "coverage": None,
        }
        if label["status"] == PROJECTED:
            target = _target_name(row, label)
            vote |= {
                "target_share": self.counterparts[source][target] / projections,
                "occurrences": self.count(target),
                "coverage": self.coverage(target),
            }
        return vote

    def recovered(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The names in a target text that are entities elsewhere, as in `RECOVERED`."""
        text = row["target_text"]
        taken = _projected(row)
        found = []
        for span in self.find(text):
            name = normal_form(text[span.start : span.end])
            marks = self.marks[name].total()
            if marks < _RECOVERED_MARKS or any(map(span.overlaps, taken)):
                continue
            coverage = self.coverage_at(text, span)
            if coverage < _RECOVERED_COVERAGE:
                continue
            type_, count = self.marks[name].most_common(1)[0]
            found.append(
                {
                    "type": type_,
                    "start": span.start,
                    "end": span.end,
                    "occurrences": self.occurrences[name],
                    "coverage": coverage,
                    "type_share": count / marks,
                }
            )
        return found


def _projected(row: Mapping[str, Any]) -> set[Span]:
    """The target spans of a row's projected entities."""
    return {
        Span(label["target_start"], label["target_end"]) for label in row["entities"] if label["status"] == PROJECTED
    }


def _beside(text: str, span: Span) -> Iterator[tuple[str, str, str]]:
    """A name with the character before it, and with the one after it, if both may belong to one word."""
    name = normal_form(text[span.start : span.end])
    if is_within_unspaced(text, span.start):
        yield text[span.start - 1], name, ""
    if is_within_unspaced(text, span.end):
        yield "", name, text[span.end]


def _source_name(row: Mapping[str, Any], label: Mapping[str, Any]) -> str:
    return normal_form(row["source_text"][label["source_start"] : label["source_end"]])


def _target_name(row: Mapping[str, Any], label: Mapping[str, Any]) -> str:
    return normal_form(row["target_text"][label["target_start"] : label["target_end"]])


def plain_votes(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The votes on all the label rows of a corpus, in their order."""
    evidence = PlainEvidence()
    counted = [row for row in rows if row["quarantine"] is None]
    evidence.add_projections(counted)
    evidence.add_occurrences(counted)
    return [
        {
            "pair_id": row["pair_id"],
            "votes": [evidence.vote(row, label) for label in row["entities"]],
            "recovered": [] if row["quarantine"] else evidence.recovered(row),
        }
        for row in rows
    ]
