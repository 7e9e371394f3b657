"""Writes a corpus so that it appears in one step, with its manifest."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner_core.corpus.cleaning import REASONS
from xner_core.corpus.ingest import index
from xner_core.corpus.ingest.earlier import EarlierCorpus, present_files
from xner_core.corpus.ingest.indexed_source import IndexedSource, domain_rows
from xner_core.corpus.ingest.shard_writing import ShardGroup, ShardWriter, WrittenFile, group_shards
from xner_core.corpus.ingest.sharding import cut_shards, pair_keys
from xner_core.corpus.ingest.text_store import TextStore
from xner_core.corpus.layout import FORMAT, MANIFEST, VERSION, has_snapshots, shard_path
from xner_core.storage.files import read_json, write_json
from xner_core.storage.hashing import fingerprint
from xner_core.storage.tasks import Tasks

REJECTED_PART_ROWS = 16_384
# For which a text counts as another row, when files of rejected pairs are cut.
_PART_CHARACTERS = 4096


class CorpusWriter:
    """Writes the files of a corpus beside those of an earlier one, and then the manifest that lists them.

    What the earlier corpus has already is not written again. As a context manager: when the block ends before
    `publish`, the files that came are removed again.

    Args:
        earlier: What is there already.
        source: Language of the source texts.
        target: Language of the target texts.
        shard_pairs: The most pairs in a shard.
        tasks: Where files are written.
    """

    def __init__(self, earlier: EarlierCorpus, source: str, target: str, shard_pairs: int, tasks: Tasks) -> None:
        self.earlier = earlier
        self.location = earlier.location
        self.source = source
        self.target = target
        self.shard_pairs = shard_pairs
        self.tasks = tasks
        self.files_written = 0
        self.shards: list[dict[str, Any]] = []
        self._shard_keys: list[str] = []
        self._rejected: list[dict[str, Any]] = []
        self._rejected_files: list[str] = []
        self._domains: dict[str, dict[str, Any]] = {}
        self._published = False

    def __enter__(self) -> "CorpusWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        if not self._published:
            # What cannot be removed is invisible, and goes with the next run.
            with suppress(OSError):
                for path in present_files(self.location, self.source, self.target) - self.earlier.present:
                    (self.location / path).delete()

    def confirm(self, sources: Sequence[IndexedSource]) -> None:
        """Leaves the earlier corpus as it is, but for what its manifest says of when its sources were looked at."""
        manifest = read_json(self.location / MANIFEST)
        entries = manifest["index"]["sources"]
        files = [_file_entries(source) for source in sources]
        if [entry["files"] for entry in entries] != files:
            for entry, now in zip(entries, files, strict=True):
                entry["files"] = now
            write_json(self.location / MANIFEST, manifest)

    def write_pairs(self, sources: Sequence[IndexedSource], duplicates: np.ndarray) -> None:
        """Writes the pairs of all domains, kept and rejected.

        Args:
            sources: All sources, in order.
            duplicates: Marks the pairs of all sources that repeat an earlier one.
        """
        write = ShardWriter(self.location, self.source, self.target, self.earlier.files, self.earlier.present)
        for files in self.tasks.map(write, self._groups(sources, duplicates)):
            for file in files:
                self._list(file)
        for domain in self._domains.values():
            domain["read"] = domain["kept"] + sum(domain["rejected"].values())

    def _groups(self, sources: Sequence[IndexedSource], duplicates: np.ndarray) -> Iterator[ShardGroup]:
        """The files to write, in their order, some at a time: of each domain those of kept pairs come first."""
        for domain in sorted({domain for source in sources for domain in source.domains}):
            texts = TextStore(domain, sources, self.earlier)
            rows = partial(_placed_rows, domain, sources, duplicates, texts)
            rejected = dict.fromkeys(REASONS, 0)
            self._domains[domain] = {"read": 0, "kept": 0, "rejected": rejected, "shards": 0}
            yield from group_shards(domain, False, cut_shards(_kept(rows(), rejected), self.shard_pairs), texts.files)
            if any(rejected.values()):
                batches = (batch.filter(pc.is_valid(batch["reason"])) for batch in rows())
                shards = cut_shards(batches, REJECTED_PART_ROWS, _rejected_keys)
                yield from group_shards(domain, True, shards, texts.files)

    def _list(self, file: WrittenFile) -> None:
        self.files_written += file.is_new
        if file.is_rejected:
            self._rejected.append({"domain": file.domain, "pairs": file.pairs, "key": file.key})
            self._rejected_files.append(file.path)
            return
        name = file.path.rpartition("/")[2].removesuffix(".parquet")
        self.shards.append({"domain": file.domain, "name": name, "pairs": file.pairs})
        self._shard_keys.append(file.key)
        self._domains[file.domain]["kept"] += file.pairs
        self._domains[file.domain]["shards"] += 1

    @property
    def counts(self) -> dict[str, Any]:
        """Pairs read, kept, and rejected by reason, over all domains so far."""
        domains = self._domains.values()
        return {
            "read": sum(domain["read"] for domain in domains),
            "kept": sum(domain["kept"] for domain in domains),
            "rejected": {reason: sum(domain["rejected"][reason] for domain in domains) for reason in REASONS},
        }

    def publish(
        self,
        sources: Sequence[IndexedSource],
        duplicates: np.ndarray,
        settings: dict[str, Any],
        warnings: Sequence[str],
    ) -> None:
        """Writes the manifest, and then removes what it does not list, unless a snapshot may need it.

        Args:
            sources: What the corpus is made of.
            duplicates: Marks the pairs of all sources that repeat an earlier one.
            settings: With which settings, for the manifest.
            warnings: What is strange about the sources, likewise.
        """
        indices = [source.index for source in sources]
        marks = index.duplicates_path(indices)
        if marks not in self.earlier.present:
            index.write_duplicates(self.location / marks, duplicates[: sum(source.pairs for source in sources)])
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "source": self.source,
            "target": self.target,
            "settings": settings,
            "sources": [{"name": source.name, "pairs": source.pairs} for source in sources],
            **self.counts,
            "warnings": list(warnings),
            "domains": self._domains,
            "shards": self.shards,
            "rejected_files": self._rejected_files,
            "index": {
                "version": index.VERSION,
                "sources": [_source_entry(source) for source in sources],
                "shards": self._shard_keys,
                "rejected": self._rejected,
                "files": sorted({*map(index.index_path, indices), marks}),
            },
        }
        # From here on the manifest may be there, even if an object store says that writing it failed.
        self._published = True
        write_json(self.location / MANIFEST, manifest)
        if has_snapshots(self.location):
            return
        shards = (shard_path(self.source, self.target, shard["domain"], shard["name"]) for shard in self.shards)
        listed = {*shards, *self._rejected_files, *manifest["index"]["files"]}
        for path in sorted(self.earlier.present - listed):
            (self.location / path).delete()


def _placed_rows(
    domain: str, sources: Sequence[IndexedSource], duplicates: np.ndarray, texts: TextStore
) -> Iterator[pa.RecordBatch]:
    """All pairs of a domain with the columns ROWS, and `place`: where their texts are."""
    for source in sources:
        if domain in source.domains:
            find = texts.finder(source)
            for batch in domain_rows(domain, source, duplicates):
                yield batch.append_column("place", pa.array(find(batch)))


def _kept(batches: Iterator[pa.RecordBatch], rejected: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """The pairs that are kept; counts the others by their reasons."""
    for batch in batches:
        for count in batch["reason"].drop_null().value_counts().to_pylist():
            rejected[count["values"]] += count["counts"]
        yield batch.filter(pc.is_null(batch["reason"]))


def _rejected_keys(rows: pa.Table) -> np.ndarray:
    """Uniform hashes of rejected pairs, of which many may be equal: an empty line hashes with its number and file.

    They are smaller for longer texts, so that a file ends the sooner.
    """
    origins = rows["origin"].combine_chunks().dictionary_encode()
    origin_keys = [int(fingerprint(origin=origin)[:16], 16) for origin in origins.dictionary.to_pylist()]
    own = np.array(origin_keys, np.uint64)[origins.indices.to_numpy()]
    keys = pair_keys(rows) ^ _mixed(own ^ _mixed(rows["line"].to_numpy().astype(np.uint64)))
    return _mixed(keys) // (1 + rows["characters"].to_numpy().astype(np.uint64) // np.uint64(_PART_CHARACTERS))


def _mixed(values: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014), which spreads the bits of 64-bit numbers."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _file_entries(source: IndexedSource) -> list[list[Any]]:
    return [[identity.content, identity.stamp, identity.settled] for identity in source.identities]


def _source_entry(source: IndexedSource) -> dict[str, Any]:
    return {
        "name": source.name,
        "index": source.index,
        "reasons": dict(source.reasons),
        "turned": source.turned,
        "files": _file_entries(source),
        "domains": {
            name: {"pairs": held.pairs, "groups": list(held.groups), "kept": source.kept[name]}
            for name, held in source.domains.items()
        },
    }
