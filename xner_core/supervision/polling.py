"""Takes the votes of all weak signals on the names of sentence pairs."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from xner_core.alignment.query import AlignmentQuery
from xner_core.corpus.layout import Corpus
from xner_core.models.devices import local_device
from xner_core.supervision.cooccurrence import Cooccurrence
from xner_core.supervision.labelling import VotedPair
from xner_core.supervision.lexicon import Lexicon
from xner_core.supervision.names import Name, limit_names, names_of
from xner_core.supervision.renderings import Renderings
from xner_core.supervision.sampling import SampledPair, read_forms
from xner_core.supervision.signals import find_identical, find_transliterated
from xner_core.supervision.similarity_voter import SimilarityVoter, find_mentions
from xner_core.supervision.spelling import Spelling
from xner_core.supervision.worded_text import WordedText
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.languages import is_unspaced_language
from xner_core.text.spans import Span

logger = logging.getLogger(__name__)

SIMILARITY, BACK, IDENTICAL, TRANSLITERATED = "similarity", "back", "identical", "transliterated"
LEXICON, SPELLING, CORPUS, COOCCURRENCE, TAGGER = "lexicon", "spelling", "corpus", "cooccurrence", "tagger"

_PAIRS_AT_ONCE = 256
_PROGRESS_SECONDS = 30
# Pairs of a corpus that co-occurrence is counted in.
_MOST_COUNTED = 50_000

# What proposes a span of a text for a name.
Finder = Callable[[str, WordedText], Span | None]


class Poll:
    """Takes the votes on the pairs of any corpora, with one tagger and one encoder."""

    def __init__(self, tagger: TaggerSettings, encoder: str) -> None:
        self._tagger = tagger.load()
        self.similarity = SimilarityVoter(encoder, local_device(tagger.device))

    def families(self, language: str) -> dict[str, str]:
        """The family of each signal; signals of one family err together.

        Where no spaces separate words, similarity errs most about where names begin and end, in both directions alike.
        """
        families = {signal: SIMILARITY for signal in self.similarity.signals}
        families[BACK] = SIMILARITY if is_unspaced_language(language) else BACK
        # Both compare letters.
        families |= {TRANSLITERATED: SPELLING, SPELLING: SPELLING}
        return families | {signal: signal for signal in (IDENTICAL, LEXICON, CORPUS, COOCCURRENCE, TAGGER)}

    def take(self, corpus: Corpus, sample: Sequence[SampledPair], lexicon: Lexicon, seed: int) -> list[VotedPair]:
        """The sampled pairs that have names, with all votes on these.

        Args:
            corpus: which the pairs are of
            sample: the pairs
            lexicon: names in the corpus's target language
            seed: of the choice of further pairs that co-occurrence is counted in
        """
        name = corpus.location.name
        names: list[tuple[Name, ...]] = []
        for batch in _batches(sample, f"{name}: names of"):
            found = self._tagger.tag([pair.source.text for pair in batch])
            names += [names_of(pair.source, entities) for pair, entities in zip(batch, found, strict=True)]
        names = limit_names([pair.source for pair in sample], names)
        asked = [(pair, found) for pair, found in zip(sample, names, strict=True) if found]
        finders = self._count(corpus, asked, lexicon, seed)
        voted: list[VotedPair] = []
        for batch in _batches(asked, f"{name}: votes on"):
            voted += self._vote(batch, finders)
        return self._vote_by_corpus(voted)

    def _count(
        self, corpus: Corpus, asked: Sequence[tuple[SampledPair, tuple[Name, ...]]], lexicon: Lexicon, seed: int
    ) -> dict[str, Finder]:
        """The signals that need a lexicon, or the whole corpus."""
        texts = read_forms(corpus, _MOST_COUNTED, seed)
        sought = {pair.source.part(name.span) for pair, names in asked for name in names}
        unspaced = is_unspaced_language(corpus.target)
        finders: dict[str, Finder] = {LEXICON: lexicon.find, COOCCURRENCE: Cooccurrence(sought, texts, unspaced).find}
        if unspaced:
            finders[SPELLING] = Spelling(lexicon, (target for _, target in texts)).find
        return finders

    def _vote(
        self, pairs: Sequence[tuple[SampledPair, tuple[Name, ...]]], finders: Mapping[str, Finder]
    ) -> list[VotedPair]:
        """The votes of all signals but the corpus's."""
        queries = [
            AlignmentQuery(pair.source.text, pair.target.text, tuple(name.span for name in names))
            for pair, names in pairs
        ]
        layers, back = self.similarity.vote(queries)
        middle = layers[self.similarity.signals.index(self.similarity.middle)]
        # Without types there is nothing to compare, and an empty text costs nothing.
        has_types = [any(name.type for name in names) for _, names in pairs]
        mentions = self._tagger.tag(
            [pair.target.text if typed else "" for (pair, _), typed in zip(pairs, has_types, strict=True)]
        )
        voted = []
        for number, (pair, names) in enumerate(pairs):
            tagged = find_mentions([name.type for name in names], middle[number], mentions[number])
            votes = []
            for place, name in enumerate(names):
                text = pair.source.part(name.span)
                proposed = dict(zip(self.similarity.signals, (spans[number][place] for spans in layers), strict=True))
                proposed[BACK] = middle[number][place] if back[number][place] else None
                proposed[IDENTICAL] = find_identical(text, pair.source, pair.target)
                proposed[TRANSLITERATED] = find_transliterated(text, pair.target)
                proposed[TAGGER] = tagged[place]
                proposed |= {signal: find(text, pair.target) for signal, find in finders.items()}
                votes.append({signal: span for signal, span in proposed.items() if span is not None})
            voted.append(VotedPair(pair, names, tuple(votes)))
        return voted

    def _vote_by_corpus(self, pairs: Sequence[VotedPair]) -> list[VotedPair]:
        """Adds the votes of what other pairs render the names as, where similarity agrees in both directions."""
        renderings = Renderings()
        own = [
            [
                (pair.pair.source.part(name.span), pair.pair.target.part(votes[BACK]))
                for name, votes in zip(pair.names, pair.votes, strict=True)
                if BACK in votes
            ]
            for pair in pairs
        ]
        for links in own:
            renderings.add(links)
        voted = []
        for pair, links in zip(pairs, own, strict=True):
            rows = []
            for name, votes in zip(pair.names, pair.votes, strict=True):
                near: Span | None = votes.get(self.similarity.middle)
                found = renderings.find(pair.pair.source.part(name.span), pair.pair.target, links, near)
                rows.append(votes if found is None else {**votes, CORPUS: found})
            voted.append(VotedPair(pair.pair, pair.names, tuple(rows)))
        return voted


def _batches(pairs: Sequence[Any], work: str) -> Iterator[Sequence[Any]]:
    """Neighbouring pairs in batches; what is done is logged from time to time."""
    begun = logged = time.monotonic()
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        yield pairs[start : start + _PAIRS_AT_ONCE]
        now, done = time.monotonic(), min(start + _PAIRS_AT_ONCE, len(pairs))
        if now - logged >= _PROGRESS_SECONDS:
            logged = now
            logger.info("%s %d of %d pairs, %.1f pairs/s", work, done, len(pairs), done / (now - begun))
