"""Where a job may write, found out before it works: a folder that can be written, and that outlives the job."""

import errno
import json
import os
import tempfile
from pathlib import Path

from xner_core.errors import XnerError

# Set by `ray job submit` for the process that it starts: JSON with the runtime environment.
_JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"
# No bad input: whatever needs room says so, and goes on when there is some.
_FULL = (errno.ENOSPC, errno.EDQUOT)
# Below these Ray unpacks the folders that jobs were submitted with, and deletes those that no job uses any more.
_PACKAGES = ("working_dir_files", "py_modules_files")


def require_output(name: str, address: str) -> None:
    """Checks the address of something that a job makes.

    Args:
        name: of the setting that holds it
        address: a file or a folder, local or s3://, which need not be there

    Raises:
        XnerError: it would be deleted with the package of a submitted job, or nothing can be written there.
    """
    require_lasting(name, address)
    if "://" in address:
        # Whether an object store takes it, the lease on the folder finds out.
        return
    folder = path = Path(address).absolute()
    try:
        folder = next(each for each in (path, *path.parents) if each.exists())
        if not folder.is_dir():
            if folder != path:
                raise NotADirectoryError(f"{folder} is a file")
            folder = folder.parent
        # The rights of a folder do not say it all: it may be on a disk that is full or read-only.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if error.errno in _FULL:
            return
        reason = error.strerror or str(error)
        raise XnerError(
            f"{name} {address}: nothing can be written there ({folder}: {reason}); name another place, or change its "
            "permissions"
        ) from error


def require_folder(name: str, address: str) -> None:
    """Checks the address of a folder that a job makes or adds to; raises as `require_output` does."""
    require_output(name, address)
    if "://" not in address and Path(address).is_file():
        raise XnerError(f"{name} {address}: is a file, and a folder is needed; name another")


def require_lasting(name: str, address: str) -> None:
    """
    Raises:
        XnerError: under `ray job submit --working-dir`, the address is relative.
    """
    if "://" in address or Path(address).is_absolute() or not _in_package():
        return
    raise XnerError(
        f"{name} {address}: a relative path lies in the package of this submitted job, on one machine, and is deleted "
        f"with it; name an absolute path that all machines share, such as /shared/{Path(address).name}, or s3://…"
    )


def _in_package() -> bool:
    """Whether this process works in a folder that Ray has unpacked for a job."""
    try:
        environment = json.loads(os.environ.get(_JOB_CONFIG, "{}")).get("runtime_env") or {}
    except ValueError:
        environment = {}
    return bool(environment.get("working_dir")) or any(name in Path.cwd().parts for name in _PACKAGES)
