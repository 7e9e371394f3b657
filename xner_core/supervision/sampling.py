"""Sentence pairs worth learning from: a random sample of a corpus, in equal shares of its domains."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from xner_core.corpus.layout import Corpus, Shard
from xner_core.storage.files import locate, read_table
from xner_core.supervision.names import find_candidates
from xner_core.supervision.worded_text import WordedText, word_forms
from xner_core.text.normal_form import folded
from xner_core.text.words import is_word

# Sides that share more of their words than this are hardly translations.
_MOST_SHARED = 0.5
# A pair whose names all occur in so many pairs already, as a share of the sample, adds little; at least so many may.
_COMMON_NAME = 0.01
_COMMON_AT_LEAST = 5


@dataclass(frozen=True, slots=True)
class SampledPair:
    """A sentence pair of a corpus."""

    pair_id: str
    domain: str
    source: WordedText
    target: WordedText


class Sampler:
    """Draws pairs; what it has drawn decides what else is new enough."""

    def __init__(self, pairs: int, longest: int, seed: int) -> None:
        self._pairs = pairs
        self._longest = longest
        self._random = random.Random(seed)
        self._sources: set[str] = set()
        self._names: Counter[str] = Counter()
        self._common = max(_COMMON_AT_LEAST, round(_COMMON_NAME * pairs))

    def sample(self, corpus: Corpus) -> list[SampledPair]:
        """At most as many pairs as were asked for; what a small domain lacks the larger ones give."""
        domains = sorted(corpus.domains, key=lambda domain: _size(corpus, domain))
        sample: list[SampledPair] = []
        for left, domain in zip(range(len(domains), 0, -1), domains, strict=True):
            sample += self._sample_domain(corpus, domain, -(-(self._pairs - len(sample)) // left))
        return sample

    def _sample_domain(self, corpus: Corpus, domain: str, most: int) -> list[SampledPair]:
        shards = [shard for shard in corpus.shards if shard.domain == domain]
        self._random.shuffle(shards)
        # The smallest first, so that the others can give what it lacks.
        shards.sort(key=lambda shard: shard.pairs)
        sample: list[SampledPair] = []
        for left, shard in zip(range(len(shards), 0, -1), shards, strict=True):
            share = -(-(most - len(sample)) // left)
            if share:
                sample += self._sample_shard(shard, share)
        return sample

    def _sample_shard(self, shard: Shard, most: int) -> list[SampledPair]:
        sample: list[SampledPair] = []
        for pair in self._shuffled(shard):
            if self._is_new(pair):
                sample.append(pair)
                if len(sample) == most:
                    break
        return sample

    def _shuffled(self, shard: Shard) -> Iterator[SampledPair]:
        table = read_table(locate(shard.path), ["pair_id", "source_text", "target_text"])
        rows = list(range(table.num_rows))
        self._random.shuffle(rows)
        for row in rows:
            pair_id, source, target = (table[column][row].as_py() for column in table.column_names)
            yield SampledPair(pair_id, shard.domain, WordedText.of(source), WordedText.of(target))

    def _is_new(self, pair: SampledPair) -> bool:
        """Whether a pair is a translation of some names, short enough, and unlike those before it; it then counts."""
        if not 0 < max(len(pair.source.words), len(pair.target.words)) <= self._longest:
            return False
        source = " ".join(pair.source.forms)
        if source in self._sources or is_mostly_copied(pair.source, pair.target):
            return False
        names = {folded(pair.source.part(span)) for span in find_candidates(pair.source)}
        if all(self._names[name] >= self._common for name in names):
            return False
        self._sources.add(source)
        self._names.update(names)
        return True


def is_mostly_copied(source: WordedText, target: WordedText) -> bool:
    """Whether most words of the shorter side stand on the other side as well."""
    sides = [Counter(filter(is_word, side.forms)) for side in (source, target)]
    return (sides[0] & sides[1]).total() > _MOST_SHARED * min(side.total() for side in sides)


def _size(corpus: Corpus, domain: str) -> int:
    return sum(shard.pairs for shard in corpus.shards if shard.domain == domain)


def read_forms(corpus: Corpus, most: int, seed: int) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The forms of the words of both texts of pairs, from random shards, at most about so many."""
    shards = list(corpus.shards)
    random.Random(seed).shuffle(shards)
    forms: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    for shard in shards:
        table = read_table(locate(shard.path), ["source_text", "target_text"])
        for source, target in zip(*(column.to_pylist() for column in table.columns), strict=True):
            forms.append((word_forms(source), word_forms(target)))
        if len(forms) >= most:
            break
    return forms
