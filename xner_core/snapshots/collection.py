"""Garbage collection: deletes the files of a folder that no kept snapshot lists.

It holds the lease of the folder, so no run is writing meanwhile. It knows a file of ours by its path, and leaves all
others alone: students, reports, whatever a user has put there.
"""

import logging
import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from xner_core.corpus.layout import MANIFEST, open_corpus
from xner_core.files import Location
from xner_core.snapshots.lease import Lease
from xner_core.snapshots.repository import history, manifest_location, open_snapshot

logger = logging.getLogger(__name__)

CORPUS = "corpus"
_HASH = "[0-9a-f]{32}"
_OURS = re.compile(
    rf"corpus/(pairs|rejected|index)/.*{_HASH}\.parquet"
    rf"|tags/{_HASH}/{_HASH}\.parquet"
    rf"|\w+/({_HASH}/)+language=[^/]+/domain=[^/]+/{_HASH}\.parquet"
)
_MANIFEST = re.compile(r"snapshots/\d{8}T\d{6}-[0-9a-f]{8}\.parquet")


@dataclass(frozen=True)
class Garbage:
    """What a collection deletes.

    Attributes:
        kept: names of the snapshots that stay, the latest first
        snapshots: names of those that go
        files: all files that go, and the size of each, in bytes
        unfinished: what writers that were killed have left
    """

    kept: list[str]
    snapshots: list[str]
    files: list[tuple[Location, int]]
    unfinished: list[Location]

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.files)


def find_garbage(folder: Location, keep: int, keep_named: Collection[str] = ()) -> Garbage:
    """What no kept snapshot needs: neither the latest `keep` ones, nor those named, nor the present corpus.

    Raises:
        XnerError: no snapshot was ever published here, one that was named is not there, or a manifest is damaged.
    """
    kept = [description.name for description in islice(history(folder), keep)]
    snapshots = [open_snapshot(folder, name) for name in dict.fromkeys([*kept, *keep_named])]
    needed = {path for snapshot in snapshots for path in snapshot.paths}
    needed |= {manifest_location(folder, snapshot.name).relative_to(folder) for snapshot in snapshots}
    corpus = folder / CORPUS
    if (corpus / MANIFEST).exists():
        needed |= {f"{CORPUS}/{path}" for path in open_corpus(corpus).paths()}

    found = [(location, location.relative_to(folder), size) for location, size in folder.sizes()]
    manifests = [(location, size) for location, path, size in found if _MANIFEST.fullmatch(path) and path not in needed]
    files = [(location, size) for location, path, size in found if _OURS.fullmatch(path) and path not in needed]
    return Garbage(
        kept=[snapshot.name for snapshot in snapshots],
        snapshots=[location.name.removesuffix(".parquet") for location, _ in manifests],
        # Manifests first: one that is there lists nothing that is gone, wherever this is interrupted.
        files=manifests + files,
        unfinished=[location for location, path in folder.unfinished_files() if _is_ours(path)],
    )


def _is_ours(path: str) -> bool:
    return bool(_OURS.fullmatch(path) or _MANIFEST.fullmatch(path))


def delete(lease: Lease, garbage: Garbage) -> None:
    """
    Raises:
        LeaseLost: another run has taken the lease, so what it needs is not known.
    """
    for location in [*(location for location, _ in garbage.files), *garbage.unfinished]:
        lease.check()
        location.delete()
    logger.info("deleted %d files, %d bytes", len(garbage.files) + len(garbage.unfinished), garbage.bytes)
