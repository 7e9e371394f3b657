"""What determines a student: of the same labels and settings, the one that is there is the one to be trained."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xner_core.errors import XnerError
from xner_core.labels.label_files import LabelFile
from xner_core.storage.files import Location
from xner_core.storage.hashing import file_digest, fingerprint
from xner_core.training.student_model import start_digest
from xner_core.training.student_settings import StudentRecipe

# Raised whenever the same labels and settings would train another student.
VERSION = 5


def identity(
    recipe: StudentRecipe, files: Sequence[LabelFile], votes: Mapping[str, Location] | None = None
) -> dict[str, Any]:
    """All that determines a student, as plain JSON values: the content of its labels, dev set and model; the recipe.

    Raises:
        XnerError: there is no such dev set or model.
    """
    values = recipe.determining()
    values |= {"model": start_digest(recipe), "dev": file_digest(_dev_file(recipe.dev)) if recipe.dev else None}
    return {
        "version": VERSION,
        "labels": fingerprint(files=[file.name for file in files]),
        "votes": fingerprint(files=[str(votes[file.name]) for file in files]) if votes else None,
    } | values


def _dev_file(dev: str) -> Path:
    if not Path(dev).is_file():
        raise XnerError(f"dev {dev}: no such file")
    return Path(dev)
