"""A small JSON file that several processes replace, each only if it still is the one that it has seen.

In an object store that is a conditional put (`If-None-Match: *` for the first, `If-Match` for each later one), through
obstore, since Arrow has none. On a local disk the comparison and the rename happen under `flock`, which the kernel
releases when its holder dies.
"""

import fcntl
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import obstore
from obstore.exceptions import BaseError

if TYPE_CHECKING:
    from obstore import UpdateVersion

from xner_core.errors import XnerError
from xner_core.storage.files import Location, read_json, write_json
from xner_core.storage.object_store import s3_object, storage_errors

# Makes each version's content, and so its ETag, unlike all others, even where the same value comes back.
_CHANGE = "change"


class Conflict(Exception):
    """The record is no longer the one that was seen."""


@dataclass(frozen=True)
class Seen:
    """What a record held at some moment; no value and no version where there was no record yet."""

    value: dict[str, Any] | None = None
    version: str | None = None


class SharedRecord:
    """A record at a location, on a local disk or in S3."""

    def __init__(self, location: Location) -> None:
        self.location = location

    def read(self) -> Seen:
        """What the record holds now, and which change made it so.

        Raises:
            XnerError: it is damaged, or the storage fails.
        """
        if not self.location.is_s3:
            if not self.location.exists():
                return Seen()
            value = self._record(read_json(self.location))
            return Seen(value, value[_CHANGE])
        with storage_errors(self.location, "read"):
            try:
                found = obstore.get(*s3_object(self.location.path))
                content = bytes(found.bytes())
            except FileNotFoundError:
                return Seen()
        try:
            return Seen(self._record(json.loads(content)), found.meta["e_tag"])
        except ValueError as error:
            raise XnerError(f"{self.location}: not valid JSON ({error})") from error

    def _record(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or _CHANGE not in value:
            raise XnerError(f"{self.location}: not written by xner; put back what a run wrote here")
        return value

    def replace(self, seen: Seen, value: dict[str, Any]) -> Seen:
        """Puts a value in the place of the one that was seen.

        Raises:
            Conflict: another value is there by now.
            XnerError: the location is on another kind of storage.
        """
        value = value | {_CHANGE: uuid.uuid4().hex}
        if self.location.is_local:
            with storage_errors(self.location, "written"):
                return self._replace_file(seen, value)
        if self.location.is_s3:
            return self._replace_object(seen, value)
        raise XnerError(f"{self.location}: results are kept on a local disk or in S3, not here")

    def _replace_file(self, seen: Seen, value: dict[str, Any]) -> Seen:
        path = Path(self.location.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A file of its own, since the record's is another one after each rename.
        lock = os.open(path.with_name(f".{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.read().version != seen.version:
                raise Conflict
            write_json(self.location, value)
        finally:
            os.close(lock)
        return Seen(value, value[_CHANGE])

    def _replace_object(self, seen: Seen, value: dict[str, Any]) -> Seen:
        mode: Literal["create"] | UpdateVersion = "create" if seen.version is None else {"e_tag": seen.version}
        content = (json.dumps(value, indent=2) + "\n").encode()
        try:
            # One request and no upload in parts, of which the condition would hold for none.
            put = obstore.put(*s3_object(self.location.path), content, mode=mode, use_multipart=False)
        except (BaseError, OSError) as error:
            # The answer to a put that succeeded may have been lost, and the put repeated.
            now = self.read()
            if now.value is not None and now.value[_CHANGE] == value[_CHANGE]:
                return now
            if now.version != seen.version:
                raise Conflict from error
            with storage_errors(self.location, "written"):
                raise
        return Seen(value, put["e_tag"])
