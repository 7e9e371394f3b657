"""The corpus that an ingest replaces: which of its sources and files can stay.

An ingest keeps in the manifest, under `index`, what it has to know of every source.
"""

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from xner_core.corpus.ingest.index import FOLDER, VERSION, DomainRows, duplicates_path, read_duplicates
from xner_core.corpus.layout import MANIFEST, PAIRS, REJECTED, open_corpus, shard_path
from xner_core.storage.file_identity import Identity
from xner_core.storage.files import Location

logger = logging.getLogger(__name__)


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
    """What is known of the corpus that is replaced; nothing but the files if there is none.

    Attributes:
        location: its folder.
        present: paths of all files that are there, of a corpus or left by a run that was killed.
        settings: those it was made with.
        sources: by name.
        files: paths of files of pairs, kept or rejected, by the keys under which the manifest has them.
        kept_files: of each domain, in order, how many pairs a shard holds, and its path.
        rejected_files: likewise of files of rejected pairs.
    """

    location: Location
    present: frozenset[str]
    settings: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, EarlierSource] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    kept_files: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    rejected_files: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    _duplicates: pa.ChunkedArray | None = None

    def duplicates(self, source: EarlierSource) -> np.ndarray:
        """Marks the pairs of a source that repeated an earlier one: booleans, shape (pairs,)."""
        assert self._duplicates is not None, "where there are sources, there are these"
        return self._duplicates[source.first : source.first + source.pairs].to_numpy()


def open_earlier(location: Location, source: str, target: str) -> EarlierCorpus:
    """What of the corpus in a folder can be used again.

    Args:
        location: the folder.
        source: language of the source texts.
        target: language of the target texts.
    """
    present = present_files(location, source, target)
    nothing = EarlierCorpus(location, present)
    if not (location / MANIFEST).exists():
        return nothing
    corpus = open_corpus(location)
    index = corpus.manifest.get("index", {})
    if index.get("version") != VERSION:
        return nothing
    missing = [path for path in corpus.paths() if path not in present]
    if missing:
        logger.warning("%s: %s is missing; all sources are read again", location, missing[0])
        return nothing
    files: dict[str, str] = {}
    kept: dict[str, list[tuple[int, str]]] = {}
    for key, shard in zip(index["shards"], corpus.shards, strict=True):
        files[key] = shard_path(shard.source, shard.target, shard.domain, shard.name)
        kept.setdefault(shard.domain, []).append((shard.pairs, files[key]))
    rejected: dict[str, list[tuple[int, str]]] = {}
    for part, path in zip(index["rejected"], corpus.manifest["rejected_files"], strict=True):
        files[part["key"]] = path
        rejected.setdefault(part["domain"], []).append((part["pairs"], path))
    names = [source["index"] for source in index["sources"]]
    return EarlierCorpus(
        location,
        present,
        corpus.manifest["settings"],
        _sources(index["sources"]),
        files,
        kept,
        rejected,
        read_duplicates(location / duplicates_path(names)),
    )


def present_files(location: Location, source: str, target: str) -> frozenset[str]:
    """Paths of all files in a folder that are, or may be, of a corpus of these languages; arguments as above."""
    folders = [location / f"{name}/source={source}/target={target}" for name in (PAIRS, REJECTED)]
    folders.append(location / FOLDER)
    return frozenset(file.relative_to(location) for folder in folders for file in folder.files())


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
