"""Links of arbitrary phrases, from which an aligner learns how far spans reach: names alone are mostly short."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from xner_core.alignment.boundaries import BRACKET, ORDINARY, word_kind
from xner_core.alignment.query import AlignmentQuery
from xner_core.supervision.examples import Example, Link
from xner_core.supervision.similarity_voter import SimilarityVoter
from xner_core.text.spans import Span
from xner_core.text.words import words

PHRASE = "phrase"
_FEWEST_WORDS, _MOST_WORDS = 2, 7
_EXAMPLES_AT_ONCE = 256


def draw_phrase(text: str, random: Random) -> Span | None:
    """A random run of words that begins and ends with an ordinary one, and holds no bracket; None if that fails."""
    found = words(text)
    kinds = [word_kind(text[start:end]) for start, end in found]
    first = random.randrange(max(len(found), 1))
    last = first + random.randint(_FEWEST_WORDS, _MOST_WORDS) - 1
    if last >= len(found) or kinds[first] != ORDINARY or kinds[last] != ORDINARY or BRACKET in kinds[first:last]:
        return None
    return Span(found[first][0], found[last][1])


def add_phrases(examples: Sequence[Example], voter: SimilarityVoter, random: Random) -> list[Example]:
    """Adds one phrase to the links of each example where similarity finds it alike at all layers, and back.

    Not for languages without spaces, where similarity errs about where spans end.
    """
    added: list[Example] = []
    for start in range(0, len(examples), _EXAMPLES_AT_ONCE):
        batch = examples[start : start + _EXAMPLES_AT_ONCE]
        drawn = [draw_phrase(example.source_text, random) for example in batch]
        layers, back = voter.vote(
            [
                AlignmentQuery(example.source_text, example.target_text, (phrase,) if phrase else ())
                for example, phrase in zip(batch, drawn, strict=True)
            ]
        )
        for number, (example, phrase) in enumerate(zip(batch, drawn, strict=True)):
            if phrase is not None and back[number][0]:
                spans = {votes[number][0] for votes in layers}
                if len(spans) == 1:
                    link = Link(phrase, spans.pop(), True, 1.0, None, (PHRASE,))
                    example = replace(example, links=tuple(sorted((*example.links, link), key=lambda one: one.source)))
            added.append(example)
    return added
