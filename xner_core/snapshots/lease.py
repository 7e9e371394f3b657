"""Who may change a projection's folder: one run at a time, for as long as it shows that it is alive.

The lease lies in the same record as the name of the latest snapshot, and every change of the record is conditional. So
a run that was stopped for too long, and whose lease another run has taken, cannot publish: its next change is refused.

Clocks of two machines need not agree. A holder renews its lease several times in `seconds`; who wants it watches the
record, and takes it once it has not changed for that long. A holder on this machine whose process is gone loses it at
once.
"""

import logging
import os
import socket
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xner_core.corpus.layout import SNAPSHOTS
from xner_core.errors import RunFailure, StorageFailure, XnerError
from xner_core.snapshots.record import Conflict, Seen, SharedRecord
from xner_core.snapshots.snapshot_settings import LEASE_SECONDS
from xner_core.storage.files import Location

logger = logging.getLogger(__name__)

LATEST_FILE = "latest.json"
_RENEWALS = 6
# Changes of the record that may come before one of ours; more, and the storage does not do as it is asked.
_CONFLICTS = 5


class LeaseHeld(RunFailure):
    """Another run is at work in the folder."""


class LeaseLost(RunFailure):
    """This run did not renew its lease in time, and another may be at work by now."""


@dataclass(frozen=True)
class Latest:
    """The record of a folder: its latest snapshot, whose lease there is, and whether the snapshot is to stay.

    A pinned snapshot is one that was gone back to. Nothing is published in its place until it is released.
    """

    snapshot: str | None
    lease: dict[str, Any] | None
    pinned: bool = False


def record_of(folder: Location) -> SharedRecord:
    """The record that says which snapshot of a folder is the latest, and who holds its lease."""
    return SharedRecord(folder / SNAPSHOTS / LATEST_FILE)


def read_latest(folder: Location) -> Latest:
    """The latest snapshot of a folder and its lease, as they stand now."""
    return _latest(record_of(folder).read())


def _latest(seen: Seen) -> Latest:
    value = seen.value or {}
    return Latest(value.get("snapshot"), value.get("lease"), value.get("pinned", False))


class Lease:
    """The right to change a folder; a context manager that takes it, keeps it, and gives it back.

    Args:
        folder: the folder, local or in S3
        purpose: what the run does, for those whom it keeps waiting
        seconds: how long the lease outlives its holder

    Raises:
        LeaseHeld: another run has it, and is alive.
        XnerError: the storage ignores the condition of a conditional put.
    """

    def __init__(self, folder: Location, purpose: str, seconds: float = LEASE_SECONDS) -> None:
        self.folder = folder
        self._record = record_of(folder)
        self._own = {
            "id": uuid.uuid4().hex,
            "purpose": purpose,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "process": _process(os.getpid()),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": seconds,
        }
        self._seconds = seconds
        self._seen = Seen()
        self._renewed = 0.0
        self._changing = threading.Lock()
        self._ended = threading.Event()
        self._lost = False

    def __enter__(self) -> "Lease":
        self._take()
        self._keeper = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._keeper.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._keeper.join()
        self._give_back()

    @property
    def snapshot(self) -> str | None:
        """The name of the latest snapshot."""
        return _latest(self._seen).snapshot

    @property
    def pinned(self) -> bool:
        """Whether the latest snapshot is to stay the latest."""
        return _latest(self._seen).pinned

    def pin(self, pinned: bool) -> None:
        """Lets the latest snapshot stay the latest, or no longer."""
        self.check()
        self._change(pinned=pinned)

    def check(self) -> None:
        """
        Raises:
            LeaseLost: the lease has run out.
        """
        if self._lost or time.monotonic() - self._renewed > self._seconds:
            self._lost = True
            raise LeaseLost(
                f"{self.folder}: this run could not renew its lease for {self._seconds} s, so another may be at work; "
                "what it made stays, and the next run takes it up"
            )

    def publish(self, snapshot: str, pinned: bool = False) -> None:
        """Makes a snapshot the latest one, and one that stays so if it is pinned.

        Raises:
            LeaseLost: another run has taken the lease.
        """
        self.check()
        self._change(snapshot=snapshot, pinned=pinned)

    def _change(self, **changes: Any) -> None:
        with self._changing:
            for _ in range(_CONFLICTS):
                started = time.monotonic()
                try:
                    self._seen = self._record.replace(self._seen, (self._seen.value or {}) | changes)
                except Conflict:
                    # An earlier change of ours, of which no answer came, or another run's.
                    now = self._record.read()
                    if _latest(now).lease != self._own:
                        self._lost = True
                        self.check()
                    self._seen = now
                else:
                    self._renewed = started
                    return
        raise StorageFailure(f"{self._record.location}: could not be written, for it changes all the time; run again")

    def _keep(self) -> None:
        while not self._ended.wait(self._seconds / _RENEWALS):
            try:
                self._change()
            except LeaseLost as error:
                logger.error("%s", error)
                return
            except Exception as error:
                # Whatever it is, the lease outlives it for a while, and it may pass.
                logger.warning("the lease on %s could not be renewed, trying again: %s", self.folder, error)

    def _take(self) -> None:
        while True:
            seen = self._record.read()
            if (held := _latest(seen).lease) is not None:
                seen = self._wait_for(seen, held)
            value = {"snapshot": _latest(seen).snapshot, "pinned": _latest(seen).pinned, "lease": self._own}
            self._renewed = time.monotonic()
            try:
                self._seen = self._record.replace(seen, value)
            except Conflict:
                continue
            break
        try:
            # The same again must fail now.
            self._record.replace(seen, value)
        except Conflict:
            return
        except StorageFailure:
            self._give_back()
            raise
        raise XnerError(
            f"{self._record.location}: this storage ignores the condition of a conditional put; use another"
        )

    def _give_back(self) -> None:
        try:
            self._change(lease=None)
        except XnerError as error:
            logger.warning("the lease on %s could not be given back: %s", self.folder, error)

    def _wait_for(self, first: Seen, held: dict[str, Any]) -> Seen:
        """Watches the record until its holder turns out to be dead, and returns it.

        Raises:
            LeaseHeld: it is alive.
        """
        holder = f"{held['purpose']} (process {held['pid']} on {held['host']}, since {held['since']})"
        deadline = time.monotonic() + held["seconds"]
        while not _is_gone(held) and time.monotonic() < deadline:
            time.sleep(min(1.0, held["seconds"] / _RENEWALS / 4))
            seen = self._record.read()
            if seen.version != first.version:
                if _latest(seen).lease is None:
                    return seen
                raise LeaseHeld(f"{self.folder}: {holder} is at work here; run this again when it has ended")
        logger.warning("%s left its lease behind and is gone; taking it", holder)
        return first


def _is_gone(held: dict[str, Any]) -> bool:
    """Whether the holder ran on this machine, and no longer does; false if that cannot be seen from here."""
    own, its = _process(os.getpid()), held["process"]
    return own is not None and its is not None and own[0] == its[0] and _process(held["pid"]) != its


def _process(pid: int) -> list[str] | None:
    """A process as no other ever is: on Linux the boot and namespace in which its id counts, and when it started."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        return None
    try:
        # The name, in brackets, may itself hold spaces and brackets.
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        state, fields = "X", []
    # Neither a dead process nor one whose parent has yet to hear of its death does anything.
    return [f"{boot} {namespace}", "gone" if state in "XZ" else fields[18]]
