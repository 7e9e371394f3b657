"""Sentence pairs with a known answer and no human labels: names that both sides hold, letter for letter.

A name that occurs once on either side is its own translation. From each such pair come three probes: the pair as it
is ("copied"); with another name in its place on the source side, so that the answer must be seen from the context, as
with names that do change in translation ("renamed"); and with the name cut out of the target side ("removed"). A fourth
asks for any name of the source side, which nearly always has some counterpart in a translation ("named").
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from xner_core.alignment.boundaries import ORDINARY, word_kind
from xner_core.alignment.query import AlignmentQuery
from xner_core.text.spans import Span
from xner_core.text.words import words

COPIED, RENAMED, REMOVED, NAMED = "copied", "renamed", "removed", "named"
_NAME_LETTERS = 3
# Sides that share more of their words than this are hardly translations.
_MOST_SHARED = 0.5


@dataclass(frozen=True, slots=True)
class Anchor:
    """A name that occurs once on either side of a sentence pair."""

    source_text: str
    target_text: str
    source: Span
    target: Span

    @property
    def name(self) -> str:
        return self.source_text[self.source.start : self.source.end]


@dataclass(frozen=True, slots=True)
class Probe:
    """A query with one source span, and the right answer; None where it was removed, or is not known ("named")."""

    kind: str
    query: AlignmentQuery
    answer: Span | None


def find_anchors(source_text: str, target_text: str) -> list[Anchor]:
    """The names that both sides hold: longest runs of capitalised words that occur once on either side."""
    source, target = words(source_text), words(target_text)
    source_words = [source_text[start:end] for start, end in source]
    target_words = [target_text[start:end] for start, end in target]
    counts = Counter(source_words), Counter(target_words)
    if (counts[0] & counts[1]).total() > _MOST_SHARED * min(len(source), len(target)):
        return []
    # Word indices on the source and on the target side, first and last.
    runs: list[list[int]] = []
    for i, word in enumerate(source_words):
        if not (_is_name(word) and counts[0][word] == counts[1][word] == 1):
            continue
        j = target_words.index(word)
        if runs and runs[-1][1] == i - 1 and runs[-1][3] == j - 1:
            runs[-1][1], runs[-1][3] = i, j
        else:
            runs.append([i, i, j, j])
    return [
        Anchor(source_text, target_text, Span(source[a][0], source[b][1]), Span(target[c][0], target[d][1]))
        for a, b, c, d in runs
    ]


def find_names(text: str) -> list[Span]:
    """Longest runs of capitalised words that do not begin the text."""
    runs: list[Span] = []
    before = None
    for start, end in words(text)[1:]:
        if _is_name(text[start:end]):
            if before is not None and runs and runs[-1].end == before:
                runs[-1] = Span(runs[-1].start, end)
            else:
                runs.append(Span(start, end))
        before = end
    return runs


def _is_name(word: str) -> bool:
    return len(word) >= _NAME_LETTERS and word[0].isupper() and word_kind(word) == ORDINARY


def make_probes(anchors: Sequence[Anchor], seed: int) -> list[Probe]:
    """The probes of each anchor; names are exchanged between anchors."""
    names = sorted({anchor.name for anchor in anchors})
    choose = random.Random(seed)
    probes = []
    for anchor in anchors:
        source, target = anchor.source_text, anchor.target_text
        copied = AlignmentQuery(source, target, (anchor.source,))
        probes.append(Probe(COPIED, copied, anchor.target))

        name = choose.choice(names)
        renamed = source[: anchor.source.start] + name + source[anchor.source.end :]
        span = Span(anchor.source.start, anchor.source.start + len(name))
        probes.append(Probe(RENAMED, AlignmentQuery(renamed, target, (span,)), anchor.target))

        before, after = target[: anchor.target.start], target[anchor.target.end :]
        removed = before + (after.lstrip() if before.endswith(" ") else after)
        probes.append(Probe(REMOVED, AlignmentQuery(source, removed, (anchor.source,)), None))

        if found := find_names(source):
            probes.append(Probe(NAMED, AlignmentQuery(source, target, (choose.choice(found),)), None))
    return probes
