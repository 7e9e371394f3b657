"""Whether a file that was read once is still the same, told without reading it again where that is safe.

An object in S3 is the same as long as its ETag is. A local file is taken for the same while its size and both its times
are; a program can set one of them back, but not the time of its last change of any kind. Where they differ, or where
the file was written so shortly before it was looked at that a clock may not tell the next change, its content decides.
"""

import hashlib
import os
import time
from dataclasses import dataclass
from typing import Any

import obstore

from xner_core.errors import XnerError
from xner_core.storage.files import Location
from xner_core.storage.object_store import s3_object, storage_errors

# More than the steps in which any common file system tells times.
_SETTLED_SECONDS = 3


@dataclass(frozen=True)
class Identity:
    """What is known of a file.

    Attributes:
        content: equal for equal content: a digest, or what S3 gives instead
        stamp: what shows without reading whether the file is still the same
        settled: whether it always does, or a change right after it was taken may not show
    """

    content: str
    stamp: list[Any]
    settled: bool


def identify(file: Location, known: Identity | None) -> Identity:
    """The identity of a file, which is read only where what is known of it does not show that it is the same.

    Raises:
        XnerError: the file is gone, or changes while it is read.
    """
    stamp = _stamp(file)
    if known is not None and known.settled and known.stamp == stamp:
        return known
    if file.is_s3:
        return Identity(f"{stamp[0]}:{stamp[1]}", stamp, settled=True)
    with file.open_input() as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    identity = Identity(content, stamp, settled=time.time_ns() - max(stamp[1:]) > _SETTLED_SECONDS * 10**9)
    require_unchanged(file, identity)
    return identity


def require_unchanged(file: Location, identity: Identity) -> None:
    """
    Raises:
        XnerError: the file is no longer the one that was identified.
    """
    if _stamp(file) != identity.stamp:
        raise XnerError(f"{file}: changed while it was read; run again when it is complete")


def _stamp(file: Location) -> list[Any]:
    with storage_errors(file, "looked up"):
        try:
            if file.is_local:
                status = os.stat(file.path)
                return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
            if file.is_s3:
                head = obstore.head(*s3_object(file.path))
                return [head["size"], head["e_tag"]]
        except FileNotFoundError as error:
            raise XnerError(f"{file}: no such file") from error
        info = file.filesystem.get_file_info(file.path)
        return [info.size, info.mtime_ns]
