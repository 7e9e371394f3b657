"""Folders of models in an object store: fetched to this machine to be read, and uploaded when they are whole."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from xner_core.errors import XnerError
from xner_core.models.starter_encoder import cache_folder
from xner_core.storage.file_identity import identify, require_unchanged
from xner_core.storage.files import Location, locate
from xner_core.storage.hashing import fingerprint

# What of a folder belongs to a model.
MODEL_FILES = ["*.json", "*.safetensors", "*.model", "*.txt"]


def local_folder(name: str) -> Path:
    """A folder of a model on this machine; one of an object store is fetched, once for all processes.

    The copy is kept in the cache under what tells the files apart without reading them, in S3 their ETags; so a folder
    that has changed is fetched again.

    Raises:
        XnerError: there is no such folder in the object store, or it changes while it is fetched.
    """
    if "://" not in name:
        return Path(name)
    source = locate(name)
    files = {file.name: file for file in source.files() if file.parent == source and _is_of_model(file)}
    if not files:
        raise XnerError(f"{name}: no such folder, or it holds no model; mend the address")
    identities = {name: identify(file, None) for name, file in files.items()}
    key = fingerprint(address=name, files={name: identity.content for name, identity in identities.items()})
    folder = cache_folder() / "models" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
                for file in files.values():
                    _copy(file, locate(Path(aside) / "model" / file.name))
                    require_unchanged(file, identities[file.name])
                (Path(aside) / "model").rename(folder)
    return folder


def _is_of_model(file: Location) -> bool:
    return any(Path(file.name).match(pattern) for pattern in MODEL_FILES)


@contextmanager
def output_folder(address: str, last: str) -> Iterator[Path]:
    """A local folder to make a model in; for an object store, one in the cache, uploaded when the block ends.

    If it raises, what is there stays there, so that the same training goes on on this machine.

    Args:
        address: folder of the model, local or s3://
        last: name of the file that says that the model is whole
    """
    if "://" not in address:
        yield Path(address)
        return
    target = locate(address)
    folder = cache_folder() / "unfinished" / fingerprint(address=str(target))
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    for file in sorted((file for file in folder.iterdir() if file.is_file()), key=lambda file: file.name == last):
        _copy(locate(file), target / file.name)
    shutil.rmtree(folder)


def _copy(source: Location, target: Location) -> None:
    with source.open_input() as read, target.open_output() as written:
        shutil.copyfileobj(read, written)
