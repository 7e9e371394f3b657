"""The clients of an object store, one of a kind for each bucket and process, and what the errors of storage become.

Arrow's filesystem reads, lists and deletes; obstore has what that lacks: uploads that are whole or not there, ETags,
and puts on a condition. Credentials, region and endpoint of both come from the usual AWS environment variables
(`AWS_ENDPOINT_URL` …).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from gzip import BadGzipFile
from typing import TypeVar

from obstore.exceptions import BaseError
from obstore.store import S3Store
from pyarrow import fs

from xner_core.errors import StorageFailure

Result = TypeVar("Result")

_READINGS = 4
_VARIABLES = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)


@contextmanager
def storage_errors(what: object, doing: str) -> Iterator[None]:
    """Makes a `StorageFailure` that names the file of whatever a disk, Arrow or obstore raises for a storage.

    Args:
        what: the file or folder
        doing: what failed, as in "could not be <read>"
    """
    try:
        yield
    except (StorageFailure, BadGzipFile):
        # What a file holds is no matter of its storage.
        raise
    except (OSError, BaseError) as error:
        # obstore adds a page for those who debug it.
        reason = " ".join(str(error).partition("\n\nDebug source:")[0].split())
        raise StorageFailure(
            f"{what}: could not be {doing} ({reason}); see to its disk, network or permissions, and run again"
        ) from error


def read_persistently(read: Callable[[], Result]) -> Result:
    """What a reading gives, which is begun again if the storage fails within it.

    Arrow asks again by itself, but not where the text of a refusal is longer than what was asked for (seen with Arrow
    26): a few bytes, of an end of a file or of an array.

    Raises:
        OSError: it fails every time; that of Arrow, or a `StorageFailure`.
    """
    for _ in range(_READINGS - 1):
        with suppress(OSError):
            return read()
    return read()


def s3_filesystem(bucket: str) -> fs.S3FileSystem:
    """Arrow's client of a bucket; its paths begin with the bucket's name."""
    return _filesystem(bucket, _environment())


def s3_object(path: str) -> tuple[S3Store, str]:
    """obstore's client of a bucket, and the key of an object in it.

    Args:
        path: <bucket>/<key>
    """
    bucket, _, key = path.partition("/")
    return _store(bucket, _environment()), key


def _environment() -> tuple[str | None, ...]:
    return tuple(map(os.environ.get, _VARIABLES))


@lru_cache
def _filesystem(bucket: str, environment: tuple[str | None, ...]) -> fs.S3FileSystem:
    # By its address, from which Arrow finds the bucket's region where none is set.
    return fs.FileSystem.from_uri(f"s3://{bucket}")[0]


@lru_cache
def _store(bucket: str, environment: tuple[str | None, ...]) -> S3Store:
    endpoints = dict(zip(_VARIABLES, environment, strict=True))
    endpoint = endpoints["AWS_ENDPOINT_URL_S3"] or endpoints["AWS_ENDPOINT_URL"] or ""
    return S3Store(bucket, client_options={"allow_http": endpoint.startswith("http://")})
