"""The layout of a corpus on disk or in an object store, and how to open one.

    manifest.json                                                  written last: without it there is no corpus
    pairs/source=en/target=de/domain=news/<shard>.parquet          pairs, one language pair and one domain a file
    rejected/source=en/target=de/domain=news/part-<hash>.parquet   pairs that were not kept, each with its reason, and
                                                                   what is wrong with it if it is malformed
    index/…                                                        what the next ingest needs (`index.py`)

A shard is named by a hash of its content, so equal names mean equal content, and a file is never rewritten.
"""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from xner_core.errors import XnerError
from xner_core.storage.files import Location, read_json
from xner_core.storage.hashing import fingerprint

MANIFEST = "manifest.json"
PAIRS = "pairs"
REJECTED = "rejected"
SNAPSHOTS = "snapshots"
FORMAT = "xner corpus"
VERSION = 1
PAIR_SCHEMA = pa.schema(
    {
        "pair_id": pa.string(),
        "source_text": pa.string(),
        "target_text": pa.string(),
        "score": pa.float32(),
        "origin": pa.string(),
    }
)
REJECTED_SCHEMA = pa.schema(
    {
        "source_text": pa.string(),
        "target_text": pa.string(),
        "origin": pa.string(),
        "line": pa.int64(),
        "reason": pa.string(),
        # File, line, and what is wrong with a pair that is malformed.
        "fault": pa.string(),
    }
)


@dataclass(frozen=True)
class Shard:
    """A file of pairs, with the columns of PAIR_SCHEMA; `read_table(locate(shard.path))` reads it.

    Attributes:
        name: 32 hex digits, the hash of its content.
        source: Language of the source texts.
        target: Language of the target texts.
        domain: Domain of all its pairs.
        pairs: How many.
        path: Address of the file, a local path or a URI.
    """

    name: str
    source: str
    target: str
    domain: str
    pairs: int
    path: str


@dataclass(frozen=True)
class Corpus:
    """A finished corpus.

    Attributes:
        location: Its folder.
        source: Language of the source texts.
        target: Language of the target texts.
        shards: All its shards, in the order of their domains, and within a domain in reading order.
        manifest: All that `manifest.json` holds.
    """

    location: Location
    source: str
    target: str
    shards: tuple[Shard, ...]
    manifest: dict[str, Any]

    @property
    def domains(self) -> list[str]:
        return list(self.manifest["domains"])

    @property
    def rejected_files(self) -> list[Location]:
        return [self.location / path for path in self.manifest["rejected_files"]]

    def paths(self) -> list[str]:
        """Every file that the manifest lists, below the folder."""
        shards = [shard_path(self.source, self.target, shard.domain, shard.name) for shard in self.shards]
        return [*shards, *self.manifest["rejected_files"], *self.manifest.get("index", {}).get("files", [])]


def open_corpus(location: Location) -> Corpus:
    """Opens a finished corpus.

    Raises:
        XnerError: there is none, or it is one that this version cannot read.
    """
    file = location / MANIFEST
    if not file.exists():
        raise XnerError(
            f"{location}: not a corpus, for it has no {MANIFEST}; make one with xner ingest "
            "(a run that fails leaves none)"
        )
    manifest = read_json(file)
    if not isinstance(manifest, dict) or (manifest.get("format"), manifest.get("version")) != (FORMAT, VERSION):
        raise XnerError(f"{file}: not the manifest of a corpus of version {VERSION}; delete it and ingest again")
    source, target = manifest["source"], manifest["target"]
    shards = tuple(
        Shard(
            name=entry["name"],
            source=source,
            target=target,
            domain=entry["domain"],
            pairs=entry["pairs"],
            path=str(location / shard_path(source, target, entry["domain"], entry["name"])),
        )
        for entry in manifest["shards"]
    )
    return Corpus(location, source, target, shards, manifest)


def has_snapshots(location: Location) -> bool:
    """Whether a corpus lies in a projection's folder, whose snapshots may need files that it no longer has."""
    return (location.parent / SNAPSHOTS).is_folder()


def shard_path(source: str, target: str, domain: str, name: str) -> str:
    """Where a shard of pairs is, under a corpus's folder."""
    return f"{PAIRS}/source={source}/target={target}/domain={domain}/{name}.parquet"


def rejected_path(source: str, target: str, domain: str, name: str) -> str:
    """Where pairs that cleaning rejected are, under a corpus's folder."""
    return f"{REJECTED}/source={source}/target={target}/domain={domain}/part-{name}.parquet"


def content_name(domain: str, table: pa.Table) -> str:
    """The name of a file: 32 hex digits over its domain and the values of all its columns in order."""
    return fingerprint(domain=domain, columns=table.to_pydict())
