"""The corpus that an ingest replaces: which of its sources and shards can stay, and the texts of its pairs.

An ingest keeps the index of every source in the manifest, under `index`. Texts are kept once, in the files of the
corpus: pairs of a source that is not read again are found there by counting, since the pairs of each domain, kept and
rejected, lie in the order of the sources.
"""

import logging
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from xner_core.corpus.ingest.index import VERSION, DomainRows, duplicates_path
from xner_core.corpus.ingest.text_store import TEXTS, TextStore
from xner_core.corpus.layout import MANIFEST, open_corpus, shard_path
from xner_core.storage.file_identity import Identity
from xner_core.storage.files import Location, read_table

logger = logging.getLogger(__name__)

DUPLICATES_COLUMN = "duplicate"


@dataclass(frozen=True)
class EarlierSource:
    """A source as it was ingested.

    Attributes:
        identities: of its files.
        index: the name of its index.
        domains: what the index holds of each domain.
        pairs: how many it has.
        first: pairs of all sources before it.
        kept_before: pairs that were kept of all sources before it, by domain.
        rejected_before: likewise those that were not.
        reasons: how many pairs break which rule, duplicates apart.
        turned: whether its sides were exchanged.
    """

    identities: list[Identity]
    index: str
    domains: dict[str, DomainRows]
    pairs: int
    first: int
    kept_before: dict[str, int]
    rejected_before: dict[str, int]
    reasons: Counter[str]
    turned: bool


@dataclass(frozen=True)
class EarlierCorpus:
    """What is known of the corpus that is replaced; nothing if there is none.

    Attributes:
        location: its folder.
        settings: those it was made with.
        sources: by name.
        shards: names of shards, by the keys under which the manifest has them.
        rejected: likewise paths of files of rejected pairs.
    """

    location: Location
    settings: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, EarlierSource] = field(default_factory=dict)
    shards: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    _kept_files: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    _rejected_files: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    _duplicates: pa.ChunkedArray | None = None

    def duplicates(self, source: EarlierSource) -> np.ndarray:
        """Marks the pairs of a source that repeated an earlier one: booleans, shape (pairs,)."""
        return self._duplicates[source.first : source.first + source.pairs].to_numpy()

    def kept_texts(self, domain: str) -> TextStore:
        return self._texts(self._kept_files.get(domain, []))

    def rejected_texts(self, domain: str) -> TextStore:
        return self._texts(self._rejected_files.get(domain, []))

    def _texts(self, files: list[tuple[int, str]]) -> TextStore:
        return TextStore([(pairs, partial(read_table, self.location / path, TEXTS)) for pairs, path in files])


def open_earlier(location: Location, present: Collection[str]) -> EarlierCorpus:
    """What of the corpus in a folder can be used again.

    Args:
        location: the folder.
        present: paths of the files that are there.
    """
    if not (location / MANIFEST).exists():
        return EarlierCorpus(location)
    corpus = open_corpus(location)
    index = corpus.manifest.get("index", {})
    if index.get("version") != VERSION:
        return EarlierCorpus(location)
    missing = [path for path in corpus.paths() if path not in present]
    if missing:
        logger.warning("%s: %s is missing; all sources are read again", location, missing[0])
        return EarlierCorpus(location)
    kept: dict[str, list[tuple[int, str]]] = {}
    for shard in corpus.shards:
        path = shard_path(shard.source, shard.target, shard.domain, shard.name)
        kept.setdefault(shard.domain, []).append((shard.pairs, path))
    rejected: dict[str, list[tuple[int, str]]] = {}
    for part, path in zip(index["rejected"], corpus.manifest["rejected_files"], strict=True):
        rejected.setdefault(part["domain"], []).append((part["pairs"], path))
    names = [source["index"] for source in index["sources"]]
    return EarlierCorpus(
        location,
        corpus.manifest["settings"],
        _sources(index["sources"]),
        dict(zip(index["shards"], (shard.name for shard in corpus.shards), strict=True)),
        {part["key"]: path for part, path in zip(index["rejected"], corpus.manifest["rejected_files"], strict=True)},
        kept,
        rejected,
        read_table(location / duplicates_path(names))[DUPLICATES_COLUMN],
    )


def _sources(entries: list[dict[str, Any]]) -> dict[str, EarlierSource]:
    sources: dict[str, EarlierSource] = {}
    first = 0
    kept: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for entry in entries:
        domains = {name: DomainRows(held["pairs"], tuple(held["groups"])) for name, held in entry["domains"].items()}
        pairs = sum(held.pairs for held in domains.values())
        sources[entry["name"]] = EarlierSource(
            [Identity(*file) for file in entry["files"]],
            entry["index"],
            domains,
            pairs,
            first,
            dict(kept),
            dict(rejected),
            # Indices of earlier versions lack them, and are not used.
            Counter(entry.get("reasons", {})),
            entry.get("turned", False),
        )
        first += pairs
        for name, held in entry["domains"].items():
            kept[name] += held["kept"]
            rejected[name] += held["pairs"] - held["kept"]
    return sources
