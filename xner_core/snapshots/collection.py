"""Garbage collection: deletes the files of a folder that no kept snapshot lists.

It holds the lease of the folder, so no run is writing meanwhile. It knows a file of ours by its path, and leaves all
others alone: students, reports, whatever a user has put there. The snapshot that the student in the folder was trained
on is kept, and so are votes and other tables derived of labels, until the first of these labels goes. What was counted
of a label file goes with it.
"""

import logging
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from xner_core.corpus.layout import MANIFEST, open_corpus
from xner_core.labels.attempts import ATTEMPT
from xner_core.snapshots.lease import Lease
from xner_core.snapshots.manifest import LABELS
from xner_core.snapshots.repository import history, manifest_location, open_snapshot
from xner_core.storage.files import Location, read_json

logger = logging.getLogger(__name__)

CORPUS = "corpus"
# In it, the nightly job says which snapshot the student was trained on.
TRAINED_ON = "student/trained_on.json"
_HASH = "[0-9a-f]{32}"
_LABELS = rf"{_HASH}/language=[^/]+/domain=[^/]+/{_HASH}{ATTEMPT}\.parquet"
_OURS = re.compile(
    rf"corpus/(pairs|rejected|index)/.*{_HASH}\.parquet"
    rf"|tags/{_HASH}/{_HASH}{ATTEMPT}\.parquet"
    rf"|{LABELS}/(?P<labels>{_LABELS})"
)
# A table made of labels, in a folder by what determines it; each file is called like that of the labels. Of one that is
# not finished, there is also what was made on the way.
_DERIVED = re.compile(rf"(?P<table>\w+/{_HASH})/(?:(?:work/\w+/)?(?P<labels>{_LABELS})|work/\w+/(?:\d+/)?\d+\.parquet)")
# What is kept of each label file by itself, to make such tables of.
_OF_ONE = re.compile(rf"\w+/keys/{_HASH}/(?P<labels>{_LABELS})")
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
    """What nobody needs: the latest `keep` snapshots, those named, that of the student, and the present corpus do not.

    Raises:
        XnerError: no snapshot was ever published here, one that was named is not there, or a manifest is damaged.
    """
    kept = [description.name for description in islice(history(folder), keep)]
    snapshots = [open_snapshot(folder, name) for name in dict.fromkeys([*kept, *keep_named, *_trained_on(folder)])]
    needed = {path for snapshot in snapshots for path in snapshot.paths}
    needed |= {manifest_location(folder, snapshot.name).relative_to(folder) for snapshot in snapshots}
    corpus = folder / CORPUS
    if (corpus / MANIFEST).exists():
        needed |= {f"{CORPUS}/{path}" for path in open_corpus(corpus).paths()}

    found = [(location, location.relative_to(folder), size) for location, size in folder.sizes()]
    manifests = [(location, size) for location, path, size in found if _MANIFEST.fullmatch(path) and path not in needed]
    files = [(location, size) for location, path, size in found if _OURS.fullmatch(path) and path not in needed]
    labels = {match["labels"] for _, path, _ in found if path not in needed and (match := _OURS.fullmatch(path))}
    # Before the labels that they are of, by which alone they are known to be garbage.
    derived = list(_derived(found, labels))
    return Garbage(
        kept=[snapshot.name for snapshot in snapshots],
        snapshots=[location.name.removesuffix(".parquet") for location, _ in manifests],
        # Manifests first: one that is there lists nothing that is gone, wherever this is interrupted.
        files=manifests + derived + files,
        unfinished=[location for location, path in folder.unfinished_files() if _is_ours(path)],
    )


def _trained_on(folder: Location) -> list[str]:
    """The name of the snapshot that the student in the folder was trained on, if it is still there."""
    record = folder / TRAINED_ON
    names = [read_json(record)["snapshot"]] if record.exists() else []
    return [name for name in names if manifest_location(folder, name).exists()]


def _derived(found: Sequence[tuple[Location, str, int]], labels: Collection[str]) -> Iterator[tuple[Location, int]]:
    """What is derived of labels that go: whole tables, which are of no use in parts, and what is of one file alone.

    Args:
        found: the files of the folder, their paths below it, and their sizes
        labels: paths below `labels` of the files that go
    """
    ours = [(location, size, match) for location, path, size in found if (match := _DERIVED.fullmatch(path))]
    tables = {match["table"] for _, _, match in ours if match["labels"] in labels}
    yield from ((location, size) for location, size, match in ours if match["table"] in tables)
    of_one = ((location, size, _OF_ONE.fullmatch(path)) for location, path, size in found)
    yield from ((location, size) for location, size, match in of_one if match and match["labels"] in labels)


def _is_ours(path: str) -> bool:
    return any(pattern.fullmatch(path) for pattern in (_OURS, _DERIVED, _OF_ONE, _MANIFEST))


def delete(lease: Lease, garbage: Garbage) -> None:
    """
    Raises:
        LeaseLost: another run has taken the lease, so what it needs is not known.
    """
    for location in [*(location for location, _ in garbage.files), *garbage.unfinished]:
        lease.check()
        location.delete()
    logger.info("deleted %d files, %d bytes", len(garbage.files) + len(garbage.unfinished), garbage.bytes)
