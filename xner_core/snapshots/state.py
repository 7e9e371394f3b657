"""Publishes the present state of a projection's folder: which files make it up, and what they hold."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from xner_core.corpus.layout import REJECTED, Corpus
from xner_core.errors import StorageFailure, XnerError
from xner_core.labels.schema import read_counts, sum_counts
from xner_core.projection.plan import ProjectionPlan
from xner_core.snapshots.lease import Lease
from xner_core.snapshots.manifest import LABELS, PAIRS, TAGS, File, file_table
from xner_core.snapshots.repository import Snapshot, open_snapshot, publish
from xner_core.storage.files import Location, locate


def publish_state(
    lease: Lease,
    corpus: Corpus,
    plan: ProjectionPlan,
    derived: Mapping[str, Location] | None = None,
    note: str = "",
    parts: Mapping[str, Any] | None = None,
    pairs_per_second: float | None = None,
) -> Snapshot:
    """Publishes a finished projection as the latest snapshot of its folder, unless that is the latest already.

    Args:
        lease: on the projection's folder
        corpus: the corpus, in the folder or elsewhere
        plan: the projection
        derived: folders `<table>/<fingerprint>` of tables made of the labels, with partitions like theirs, by the names
            of the tables
        note: why it is published
        parts: what the fingerprints of the tags and of the labels were taken of, by these names
        pairs_per_second: of the projection; that of the latest snapshot if none is given

    Raises:
        SnapshotPinned: the latest one is to stay.
        LeaseLost: another run has taken the lease; nothing was published.
        XnerError: a file is not there.
    """
    latest = open_snapshot(lease.folder) if lease.snapshot else None
    files = _files(lease.folder, corpus, plan, derived or {}, latest)
    fingerprints = _fingerprints(lease.folder, plan, derived or {})
    if latest and latest.files.equals(files) and latest.description.fingerprints == fingerprints:
        return latest
    if pairs_per_second is None and latest:
        pairs_per_second = latest.description.counts.get("pairs_per_second")
    labelled = files.filter(pc.equal(files["table"], LABELS))["counts"].to_pylist()
    return publish(
        lease,
        files,
        source=corpus.source,
        target=corpus.target,
        fingerprints=fingerprints,
        counts={
            "pairs": {name: corpus.manifest[name] for name in ("read", "kept", "rejected")},
            "shards": len(plan.tasks),
            "labelled": sum_counts(map(json.loads, labelled)),
            "pairs_per_second": pairs_per_second,
        },
        note=note,
        parts=dict(parts or {}),
    )


def published_state(lease: Lease, corpus: Corpus, plan: ProjectionPlan) -> Snapshot | None:
    """The latest snapshot, if it is that of a projection, and all its files are there and have their sizes."""
    latest = open_snapshot(lease.folder) if lease.snapshot else None
    if latest is None:
        return None
    derived = {
        table: lease.folder / table / fingerprint
        for table, fingerprint in latest.description.fingerprints.items()
        if table not in (TAGS, LABELS)
    }
    if latest.description.fingerprints != _fingerprints(lease.folder, plan, derived):
        return None
    try:
        files = _files(lease.folder, corpus, plan, derived, latest)
    except StorageFailure:
        raise
    except XnerError:
        return None
    return latest if latest.files.equals(files) else None


def published_labels(lease: Lease) -> list[str]:
    """The addresses of the label files of the latest snapshot, if there is one."""
    return open_snapshot(lease.folder).addresses(LABELS) if lease.snapshot else []


def _fingerprints(folder: Location, plan: ProjectionPlan, derived: Mapping[str, Location]) -> dict[str, str]:
    own = {TAGS: plan.tags_fingerprint, LABELS: plan.labels_fingerprint}
    return own | {table: location.relative_to(folder / table) for table, location in derived.items()}


def _files(
    folder: Location, corpus: Corpus, plan: ProjectionPlan, derived: Mapping[str, Location], latest: Snapshot | None
) -> pa.Table:
    return file_table(_each_file(folder, corpus, plan, derived, _known_counts(latest)))


def _each_file(
    folder: Location,
    corpus: Corpus,
    plan: ProjectionPlan,
    derived: Mapping[str, Location],
    known: dict[tuple[str, int], str],
) -> Iterator[File]:
    sizes = _sizes(corpus.location)
    for shard in corpus.shards:
        path = _path(folder, shard.path)
        yield File(PAIRS, path, _size(sizes, shard.path), corpus.target, shard.domain, shard.pairs)
    for location in corpus.rejected_files:
        yield File(REJECTED, _path(folder, str(location)), _size(sizes, str(location)))

    sizes = _sizes(plan.tags)
    for task in plan.tasks:
        # Whoever has removed tags to save space has lost nothing that labels need.
        if task.tags_path in sizes:
            yield File(TAGS, _path(folder, task.tags_path), sizes[task.tags_path], None, task.domain)

    sizes = _sizes(plan.labels)
    for task in plan.tasks:
        path = _path(folder, task.labels_path)
        size = _size(sizes, task.labels_path)
        counts = known.get((path, size)) or json.dumps(read_counts(locate(task.labels_path)), sort_keys=True)
        yield File(LABELS, path, size, corpus.target, task.domain, task.pairs, counts)

    for table, location in derived.items():
        sizes = _sizes(location)
        for task in plan.tasks:
            address = str(location / locate(task.labels_path).relative_to(plan.labels))
            yield File(table, _path(folder, address), _size(sizes, address), corpus.target, task.domain)


def _sizes(folder: Location) -> dict[str, int]:
    return {str(location): size for location, size in folder.sizes()}


def _size(sizes: dict[str, int], address: str) -> int:
    if address not in sizes:
        raise XnerError(f"{address}: no such file, so there is no complete state to publish; run again")
    return sizes[address]


def _path(folder: Location, address: str) -> str:
    return address.removeprefix(f"{folder}/")


def _known_counts(earlier: Snapshot | None) -> dict[tuple[str, int], str]:
    """What the label files of an earlier state count of themselves, by their paths and sizes."""
    if earlier is None:
        return {}
    labels = earlier.files.filter(pc.equal(earlier.files["table"], LABELS))
    path, size, counts = (labels[name].to_pylist() for name in ("path", "bytes", "counts"))
    return dict(zip(zip(path, size, strict=True), counts, strict=True))
