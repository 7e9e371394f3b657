"""Writes a corpus so that it appears in one step, with its manifest."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from xner_core.corpus.cleaning import REASONS
from xner_core.corpus.layout import (
    FORMAT,
    MANIFEST,
    PAIR_SCHEMA,
    PAIRS,
    REJECTED,
    REJECTED_SCHEMA,
    VERSION,
    content_name,
    has_snapshots,
    rejected_path,
    shard_path,
)
from xner_core.corpus.sharding import cut_shards
from xner_core.files import Location, write_json, write_table

REJECTED_PART_ROWS = 16_384
REJECTED_PART_BYTES = 1 << 26


class CorpusWriter:
    """Writes the files of a corpus beside those of an earlier one, and then the manifest that lists them.

    As a context manager: when the block ends before `publish`, the files that it wrote are removed again.

    Args:
        location: Folder of the corpus.
        source: Language of the source texts.
        target: Language of the target texts.
        shard_pairs: The most pairs in a shard.
    """

    def __init__(self, location: Location, source: str, target: str, shard_pairs: int):
        self.location = location
        self.source = source
        self.target = target
        self.shard_pairs = shard_pairs
        self.written: list[str] = []
        self.shards: list[dict[str, Any]] = []
        self._rejected_parts: list[str] = []
        self._domains: dict[str, dict[str, Any]] = {}
        self._published = False
        folders = [location / f"{name}/source={source}/target={target}" for name in (PAIRS, REJECTED)]
        self._earlier = {file.relative_to(location) for folder in folders for file in folder.files()}

    def __enter__(self) -> "CorpusWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        if not self._published:
            for path in self.written:
                # The last may not exist yet; and what cannot be removed is invisible, and goes with the next run.
                with suppress(OSError):
                    (self.location / path).delete()

    def write_domain(self, domain: str, batches: Iterable[pa.RecordBatch]) -> None:
        """Writes the pairs of one domain, kept and rejected; `batches` have the columns of `spool.SCHEMA`."""
        rejected = Counter({reason: 0 for reason in REASONS})
        parts = _Parts(self, domain)
        first = len(self.shards)

        def kept() -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for count in batch["reason"].drop_null().value_counts().to_pylist():
                    rejected[count["values"]] += count["counts"]
                parts.add(batch.filter(pc.is_valid(batch["reason"])))
                yield batch.filter(pc.is_null(batch["reason"]))

        for table in cut_shards(kept(), self.shard_pairs):
            table = table.select(PAIR_SCHEMA.names).cast(PAIR_SCHEMA)
            name = content_name(domain, table)
            self._write(shard_path(self.source, self.target, domain, name), table)
            self.shards.append({"domain": domain, "name": name, "pairs": len(table)})
        parts.finish()
        shards = self.shards[first:]
        pairs = sum(shard["pairs"] for shard in shards)
        self._domains[domain] = {
            "read": pairs + rejected.total(),
            "kept": pairs,
            "rejected": dict(rejected),
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

    def publish(self, sources: list[dict[str, Any]], settings: dict[str, Any]) -> None:
        """Writes the manifest, and then removes what it does not list, unless a snapshot may need it.

        Args:
            sources: What was read, for the manifest.
            settings: With which settings, for the manifest.
        """
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "source": self.source,
            "target": self.target,
            "settings": settings,
            "sources": sources,
            **self.counts,
            "domains": self._domains,
            "shards": self.shards,
            "rejected_files": self._rejected_parts,
        }
        # From here on the manifest may be there, even if an object store says that writing it failed.
        self._published = True
        write_json(self.location / MANIFEST, manifest)
        if has_snapshots(self.location):
            return
        listed = {shard_path(self.source, self.target, shard["domain"], shard["name"]) for shard in self.shards}
        for path in sorted(self._earlier - listed - set(self._rejected_parts)):
            (self.location / path).delete()

    def write_rejected(self, domain: str, table: pa.Table) -> None:
        path = rejected_path(self.source, self.target, domain, content_name(domain, table))
        self._write(path, table)
        self._rejected_parts.append(path)

    def _write(self, path: str, table: pa.Table) -> None:
        if path not in self._earlier:
            # Listed first: an interrupted write to an object store may still have happened.
            self.written.append(path)
            write_table(self.location / path, table)


class _Parts:
    """Collects the rejected pairs of one domain into files of bounded size."""

    def __init__(self, writer: CorpusWriter, domain: str):
        self.writer = writer
        self.domain = domain
        self.batches: list[pa.RecordBatch] = []
        self.rows = 0
        self.bytes = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self.batches.append(batch.select(REJECTED_SCHEMA.names))
        self.rows += batch.num_rows
        self.bytes += batch.nbytes
        if self.rows >= REJECTED_PART_ROWS or self.bytes >= REJECTED_PART_BYTES:
            self.finish()

    def finish(self) -> None:
        if self.rows:
            self.writer.write_rejected(self.domain, pa.Table.from_batches(self.batches, REJECTED_SCHEMA))
        self.batches, self.rows, self.bytes = [], 0, 0
