"""Publishes the present state of a projection's folder: which files make it up, and what they hold."""

import json
from collections.abc import Iterator, Mapping

import pyarrow.compute as pc

from xner_core.corpus.layout import REJECTED, Corpus
from xner_core.errors import XnerError
from xner_core.files import Location, locate
from xner_core.projection.plan import ProjectionPlan
from xner_core.projection.schema import read_counts, sum_counts
from xner_core.snapshots.lease import Lease
from xner_core.snapshots.manifest import LABELS, PAIRS, TAGS, File, file_table
from xner_core.snapshots.repository import Snapshot, open_snapshot, publish


def publish_state(
    lease: Lease, corpus: Corpus, plan: ProjectionPlan, derived: Mapping[str, Location] | None = None, note: str = ""
) -> Snapshot:
    """Publishes a finished projection as the latest snapshot of its folder, unless that is the latest already.

    Args:
        lease: on the projection's folder
        corpus: the corpus, in the folder or elsewhere
        plan: the projection
        derived: folders `<table>/<fingerprint>` of tables made of the labels, with partitions like theirs, by the names
            of the tables
        note: why it is published

    Raises:
        LeaseLost: another run has taken the lease; nothing was published.
        XnerError: a file is not there.
    """
    derived = derived or {}
    latest = open_snapshot(lease.folder) if lease.snapshot else None
    files = file_table(_files(lease.folder, corpus, plan, derived, _known_counts(latest)))
    fingerprints = {TAGS: plan.tags_fingerprint, LABELS: plan.labels_fingerprint}
    fingerprints |= {table: location.relative_to(lease.folder / table) for table, location in derived.items()}
    if latest and latest.files.equals(files) and latest.description.fingerprints == fingerprints:
        return latest
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
        },
        note=note,
    )


def _files(
    folder: Location, corpus: Corpus, plan: ProjectionPlan, derived: Mapping[str, Location], known: dict[str, str]
) -> Iterator[File]:
    sizes = _sizes(corpus.location)
    for shard in corpus.shards:
        path = _path(folder, shard.path)
        yield File(PAIRS, path, _size(sizes, shard.path), corpus.target, shard.domain, shard.pairs)
    for location in corpus.rejected_files:
        yield File(REJECTED, _path(folder, str(location)), _size(sizes, str(location)))

    sizes = _sizes(folder / TAGS / plan.tags_fingerprint)
    for task in plan.tasks:
        # Whoever has removed tags to save space has lost nothing that labels need.
        if task.tags_path in sizes:
            yield File(TAGS, _path(folder, task.tags_path), sizes[task.tags_path], None, task.domain)

    sizes = _sizes(plan.labels)
    for task in plan.tasks:
        path = _path(folder, task.labels_path)
        size = _size(sizes, task.labels_path)
        counts = known.get(path) or json.dumps(read_counts(locate(task.labels_path)), sort_keys=True)
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


def _known_counts(earlier: Snapshot | None) -> dict[str, str]:
    if earlier is None:
        return {}
    labels = earlier.files.filter(pc.equal(earlier.files["table"], LABELS))
    return dict(zip(labels["path"].to_pylist(), labels["counts"].to_pylist(), strict=True))
