"""Where a checkout keeps what the rows call: the one module that knows the layout of the baseline (4b02e93)."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import xner_core

# Modules of today, and where the baseline has what the rows take from them; CHANGELOG.md lists them all.
_BASELINE = {
    "alignment.aligner_settings": "alignment.aligner",
    "alignment.query": "alignment.aligner",
    "corpus.cleaning_settings": "corpus.cleaning",
    "corpus.ingest.ingest_settings": "corpus.ingest",
    "corpus.ingest.ingestion": "corpus.ingest",
    "engine.cluster_settings": "graph",
    "engine.training_job": "training.job",
    "labels.label_files": "projection.label_files",
    "labels.schema": "projection.schema",
    "storage.files": "files",
    "tagging.tagger_settings": "tagging.tagger",
    "text.spans": "spans",
    "training.fitting_settings": "training.trainer",
    "training.student_plan": "training.student",
    "training.student_settings": "training.student",
    "workflows.build_consensus": "consensus",
    "workflows.consensus_settings": "consensus",
    "workflows.projection": "pipeline",
    "workflows.projection_settings": "pipeline",
}


def is_baseline() -> bool:
    """Whether this process has the baseline's package."""
    # By its files: where another checkout is installed for editing, its modules would be found as well.
    return not (Path(xner_core.__file__ or "").parent / "engine").is_dir()


def part(name: str) -> Any:
    """A function or class of the package, `module:name` by today's layout."""
    module, _, attribute = name.partition(":")
    found = importlib.import_module(f"xner_core.{_BASELINE.get(module, module) if is_baseline() else module}")
    return getattr(found, attribute)


def made(name: str, **values: Any) -> Any:
    """An instance of a class of settings, without the values that it has no field for."""
    settings = part(name)
    known = {field.name for field in fields(settings)}
    return settings(**{key: value for key, value in values.items() if key in known})


def takes(function: Callable[..., Any], parameter: str) -> bool:
    """Whether a function has a parameter of this name."""
    return parameter in inspect.signature(function).parameters


def student_settings(recipe: Any, labels: list[str], out: str, consensus: str | None) -> Any:
    """`StudentSettings`, whose recipe has another name in the baseline."""
    name = "recipe" if is_baseline() else "student"
    return part("training.student_settings:StudentSettings")(labels, out, consensus=consensus, **{name: recipe})
