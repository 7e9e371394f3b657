"""Opens the snapshots of a folder, and publishes new ones.

    snapshots/latest.json        the name of the latest one, and whose lease there is (`lease.py`)
    snapshots/<name>.parquet     the manifest of each, written before `latest.json` names it

A manifest is never changed, and neither is a file that it lists, so whoever has opened a snapshot goes on reading the
same state, whatever is published meanwhile.
"""

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from xner_core.corpus.layout import SNAPSHOTS
from xner_core.errors import XnerError
from xner_core.snapshots.lease import Lease, read_latest
from xner_core.snapshots.manifest import LABELS, Description, read_description, read_manifest, write_manifest
from xner_core.snapshots.snapshot_settings import LATEST
from xner_core.storage.files import Location, locate


class SnapshotPinned(XnerError):
    """The latest snapshot is to stay the latest until it is released."""


_MISSING_SHOWN = 5
# What folders name is text, also a domain that is called 2019.
_PARTITIONS = ("source", "target", "language", "domain")
_NAMED = re.compile(r"(?<=/)([^/=]+)=[^/]*(?=/)")


@dataclass(frozen=True)
class Snapshot:
    """A complete state of a folder.

    Attributes:
        folder: the folder
        description: what the snapshot says of itself
        files: a row for each file, with the columns `manifest.FILES`, in the order of the corpus
    """

    folder: Location
    description: Description
    files: pa.Table

    @property
    def name(self) -> str:
        return self.description.name

    def addresses(self, table: str = LABELS) -> list[str]:
        """The addresses of the files of a table: pairs, rejected, tags, labels, or the name of a derived one.

        Those in S3 hold their keys as they are, as Polars and DuckDB take them; pyarrow, which takes URIs, reads
        `locate(address)`.
        """
        rows = self.files.filter(pc.equal(self.files["table"], table))
        if not len(rows):
            tables = ", ".join(sorted(set(self.files["table"].to_pylist())))
            raise XnerError(f"snapshot {self.name} of {self.folder} has no table {table!r}; it has {tables}")
        return [self._address(path) for path in rows["path"].to_pylist()]

    def scan(self, table: str = LABELS) -> pl.LazyFrame:
        """A table as Polars reads it; language and domain are columns, of texts whatever they look like."""
        addresses = self.addresses(table)
        # Polars takes every part of a path that holds = for one, also of the folder that the projection is in.
        named = {name for address in addresses for name in _NAMED.findall(address)}
        schema = dict.fromkeys(named.union(_PARTITIONS), pl.String)
        rows = pl.scan_parquet(addresses, hive_partitioning=True, hive_schema=schema, glob=False)
        return rows.drop(named.difference(_PARTITIONS), strict=False)

    def _address(self, path: str) -> str:
        return path if _is_outside(path) else str(self.folder / path)

    @cached_property
    def paths(self) -> frozenset[str]:
        return frozenset(self.files["path"].to_pylist())


def is_repository(folder: Location) -> bool:
    """Whether a snapshot was ever published in a folder."""
    return read_latest(folder).snapshot is not None


def open_snapshot(address: str | Location, name: str = LATEST) -> Snapshot:
    """Opens a snapshot of a folder, local or `s3://…`, by its name or as the `latest`.

    Raises:
        XnerError: there is none, or none of this name, or its manifest is damaged.
    """
    folder = address if isinstance(address, Location) else locate(address)
    if name == LATEST:
        name = _latest_name(folder)
    return Snapshot(folder, *read_manifest(_existing_manifest(folder, name)))


def label_addresses(labels: Iterable[str]) -> list[str]:
    """Addresses of labels, in which a folder that has snapshots stands for the labels of the latest one.

    Args:
        labels: a projection's folder, or `folder@name` for a certain snapshot of it; others are left as they are
    """
    addresses: list[str] = []
    for address in labels:
        folder, at, name = address.rpartition("@")
        if address.endswith(".parquet"):
            # A label file, of which there may be many: nothing is asked of the storage.
            addresses.append(address)
        elif is_repository(locate(address)):
            addresses += open_snapshot(address).addresses()
        elif at and is_repository(locate(folder)):
            addresses += open_snapshot(folder, name).addresses()
        else:
            addresses.append(address)
    return addresses


def history(folder: Location) -> Iterator[Description]:
    """The snapshots of a folder from the latest to its oldest kept ancestor."""
    name: str | None = _latest_name(folder)
    while name is not None and manifest_location(folder, name).exists():
        description = read_description(manifest_location(folder, name))
        yield description
        name = description.parent


def publish(
    lease: Lease,
    files: pa.Table,
    *,
    source: str,
    target: str,
    fingerprints: dict[str, str],
    counts: dict[str, Any],
    note: str,
    restored: str | None = None,
    parts: dict[str, Any] | None = None,
) -> Snapshot:
    """Makes a state the latest snapshot of the folder that the lease is on; a restored one is pinned.

    Raises:
        SnapshotPinned: the latest one is to stay, and this is not another one that is gone back to.
        LeaseLost: another run has taken the lease; nothing was published.
        XnerError: a file of the state is not there, or has another size.
    """
    _require(lease.folder, files)
    if restored is None:
        require_released(lease)
    now = datetime.now(UTC)
    description = Description(
        name=f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        time=now.isoformat(timespec="seconds"),
        parent=lease.snapshot,
        source=source,
        target=target,
        fingerprints=fingerprints,
        counts=counts,
        note=note,
        restored=restored,
        parts=parts or {},
    )
    write_manifest(manifest_location(lease.folder, description.name), description, files)
    lease.publish(description.name, pinned=restored is not None)
    return Snapshot(lease.folder, description, files)


def require_released(lease: Lease) -> None:
    """
    Raises:
        SnapshotPinned: the latest snapshot is to stay.
    """
    if lease.pinned:
        raise SnapshotPinned(
            f"{lease.folder}: {lease.snapshot} was gone back to and is pinned, so nothing takes its place; when the "
            f"corpus or the models are mended: xner snapshots release --out {lease.folder}"
        )


def roll_back(lease: Lease, name: str) -> Snapshot:
    """Publishes the state of an earlier snapshot again, as a new one.

    Raises:
        XnerError: there is no such snapshot, or it is the latest, or files of it are gone.
        LeaseLost: another run has taken the lease; nothing was published.
    """
    earlier = open_snapshot(lease.folder, name)
    if earlier.name == lease.snapshot:
        raise XnerError(f"{name} is the latest snapshot of {lease.folder} already")
    about = earlier.description
    return publish(
        lease,
        earlier.files,
        source=about.source,
        target=about.target,
        fingerprints=about.fingerprints,
        counts=about.counts,
        note=f"rolled back to {name}",
        restored=name,
        parts=about.parts,
    )


def manifest_location(folder: Location, name: str) -> Location:
    """Where the manifest of the snapshot of that name is."""
    return folder / SNAPSHOTS / f"{name}.parquet"


def _latest_name(folder: Location) -> str:
    name = read_latest(folder).snapshot
    if name is None:
        raise XnerError(f"{folder}: no snapshot in this folder; xner nightly publishes them")
    return name


def _existing_manifest(folder: Location, name: str) -> Location:
    location = manifest_location(folder, name)
    if not location.exists():
        names = ", ".join(description.name for description in history(folder)) or "none"
        raise XnerError(f"{folder}: no snapshot {name!r}; there are {names}")
    return location


def _require(folder: Location, files: pa.Table) -> None:
    """
    Raises:
        XnerError: not every file below the folder is there as it is listed.
    """
    sizes = _present_sizes(folder, files)
    listed = zip(files["path"].to_pylist(), files["bytes"].to_pylist(), strict=True)
    wrong = [path for path, size in listed if not _is_outside(path) and sizes.get(path) != size]
    if wrong:
        more = f" and {len(wrong) - _MISSING_SHOWN} more" if len(wrong) > _MISSING_SHOWN else ""
        raise XnerError(
            f"{folder}: a snapshot cannot be published, for files are missing or damaged: "
            f"{', '.join(wrong[:_MISSING_SHOWN])}{more}; delete what is left of them and run again"
        )


def _present_sizes(folder: Location, files: pa.Table) -> dict[str, int]:
    """The sizes of the files that there are in the folders of a state, by their paths."""
    inside = (path for path in files["path"].to_pylist() if not _is_outside(path))
    sizes: dict[str, int] = {}
    for top in sorted({"/".join(path.split("/")[:2]) for path in inside}):
        sizes |= {location.relative_to(folder): size for location, size in (folder / top).sizes()}
    return sizes


def _is_outside(path: str) -> bool:
    return path.startswith("/") or "://" in path
