"""Writes a corpus so that it appears in one step, with its manifest."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner_core.corpus.cleaning import REASONS
from xner_core.corpus.ingest import index
from xner_core.corpus.ingest.earlier import EarlierCorpus
from xner_core.corpus.ingest.indexed_source import IndexedSource, domain_rows
from xner_core.corpus.ingest.sharding import cut_shards, pair_keys
from xner_core.corpus.ingest.text_store import TEXTS, TextStore
from xner_core.corpus.layout import (
    FORMAT,
    MANIFEST,
    PAIR_SCHEMA,
    REJECTED_SCHEMA,
    VERSION,
    content_name,
    has_snapshots,
    rejected_path,
    shard_path,
)
from xner_core.storage.files import read_json, write_json, write_table
from xner_core.storage.hashing import fingerprint

REJECTED_PART_ROWS = 16_384
# For which a text counts as another row, when files of rejected pairs are cut.
_PART_CHARACTERS = 4096


class CorpusWriter:
    """Writes the files of a corpus beside those of an earlier one, and then the manifest that lists them.

    What the earlier corpus has already is not written again. As a context manager: when the block ends before
    `publish`, the files that it wrote are removed again.

    Args:
        earlier: What is there already.
        source: Language of the source texts.
        target: Language of the target texts.
        shard_pairs: The most pairs in a shard.
    """

    def __init__(self, earlier: EarlierCorpus, source: str, target: str, shard_pairs: int) -> None:
        self.earlier = earlier
        self.location = earlier.location
        self.source = source
        self.target = target
        self.shard_pairs = shard_pairs
        self.written: list[str] = []
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
            for path in self.written:
                # The last may not exist yet; and what cannot be removed is invisible, and goes with the next run.
                with suppress(OSError):
                    (self.location / path).delete()

    @property
    def written_pairs(self) -> list[str]:
        """The files of pairs that were written, kept or rejected."""
        return [path for path in self.written if not path.startswith(f"{index.FOLDER}/")]

    def confirm(self, sources: Sequence[IndexedSource]) -> None:
        """Leaves the earlier corpus as it is, but for what its manifest says of when its sources were looked at."""
        manifest = read_json(self.location / MANIFEST)
        entries = manifest["index"]["sources"]
        files = [_file_entries(source) for source in sources]
        if [entry["files"] for entry in entries] != files:
            for entry, now in zip(entries, files, strict=True):
                entry["files"] = now
            write_json(self.location / MANIFEST, manifest)

    def write_index(self, name: str, batches: dict[str, list[Path]]) -> dict[str, index.DomainRows]:
        """Writes the index of a source that was read; returns what it holds of each domain."""
        path = index.index_path(name)
        self._note(path)
        return index.write_index(self.location / path, batches)

    def write_domain(
        self, domain: str, sources: Sequence[IndexedSource], duplicates: np.ndarray, texts: TextStore
    ) -> None:
        """Writes the pairs of one domain, kept and rejected.

        Args:
            domain: The domain.
            sources: All sources, in order.
            duplicates: Marks the pairs of all sources that repeat an earlier one.
            texts: The texts of the domain.
        """
        rows = partial(domain_rows, domain, sources, duplicates)
        reasons: Counter[str] = Counter()

        def kept() -> Iterator[pa.RecordBatch]:
            for batch in rows():
                for count in batch["reason"].drop_null().value_counts().to_pylist():
                    reasons[count["values"]] += count["counts"]
                yield batch.filter(pc.is_null(batch["reason"]))

        first = len(self.shards)
        for table in cut_shards(kept(), self.shard_pairs):
            self._write_shard(domain, table, texts)
        if reasons:
            rejected = (batch.filter(pc.is_valid(batch["reason"])) for batch in rows())
            for table in cut_shards(rejected, REJECTED_PART_ROWS, _rejected_keys):
                self._write_rejected(domain, table, texts)
        shards = self.shards[first:]
        pairs = sum(shard["pairs"] for shard in shards)
        self._domains[domain] = {
            "read": pairs + reasons.total(),
            "kept": pairs,
            "rejected": {reason: reasons[reason] for reason in REASONS},
            "shards": len(shards),
        }

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
            self._note(marks)
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

    def _write_shard(self, domain: str, rows: pa.Table, texts: TextStore) -> None:
        # The ids cover both texts.
        key = fingerprint(domain=domain, columns=rows.select(["pair_id", "score", "origin"]).to_pydict())
        name = self.earlier.shards.get(key)
        if name is None:
            table = _with_texts(rows, texts, PAIR_SCHEMA)
            name = content_name(domain, table)
            self._write(shard_path(self.source, self.target, domain, name), table)
        self.shards.append({"domain": domain, "name": name, "pairs": len(rows)})
        self._shard_keys.append(key)

    def _write_rejected(self, domain: str, rows: pa.Table, texts: TextStore) -> None:
        columns = rows.select(["pair_id", "origin", "line", "reason", "fault"]).to_pydict()
        key = fingerprint(domain=domain, columns=columns)
        path = self.earlier.rejected.get(key)
        if path is None:
            table = _with_texts(rows, texts, REJECTED_SCHEMA)
            path = rejected_path(self.source, self.target, domain, content_name(domain, table))
            self._write(path, table)
        self._rejected.append({"domain": domain, "pairs": len(rows), "key": key})
        self._rejected_files.append(path)

    def _write(self, path: str, table: pa.Table) -> None:
        if path not in self.earlier.present:
            self._note(path)
            write_table(self.location / path, table)

    def _note(self, path: str) -> None:
        # Before it is written: an interrupted write to an object store may still have happened.
        if path not in self.earlier.present:
            self.written.append(path)


def _with_texts(rows: pa.Table, texts: TextStore, schema: pa.Schema) -> pa.Table:
    found = texts.take(rows["number"].to_numpy())
    return pa.table([(found if name in TEXTS else rows)[name] for name in schema.names], schema.names).cast(schema)


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
