"""What a folder's labels are computed by, and how: where it is left to `auto`, it is settled once, and stays.

Otherwise another machine, or a package that is installed there, would have all labels made again.
"""

from dataclasses import replace
from typing import Any, TypeVar

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.engine.resources import cluster_device
from xner_core.engine.session import ensure_ray
from xner_core.models.model_settings import FLOAT32
from xner_core.snapshots.lease import Lease
from xner_core.snapshots.repository import open_snapshot
from xner_core.storage.files import read_json, write_json
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.workflows.projection_settings import ProjectionSettings

# Of a folder without a snapshot: what its first labels are being made with.
RECORD = "arithmetic.json"
# All labels were, before a folder said what its own are made with.
_ONCE = dict.fromkeys(("tagger", "aligner"), FLOAT32.identity())

Settings = TypeVar("Settings", bound=ProjectionSettings)
Model = TypeVar("Model", TaggerSettings, AlignerSettings)


def settle(settings: Settings, lease: Lease) -> Settings:
    """The settings with a runtime and a precision for tagger and aligner: those of the labels there are, if these fit.

    In a folder without labels, `auto` is what it stands for on the device that the cluster computes on.
    """
    known = _made_with(lease)
    tagger, aligner = _settled(settings.tagger, known.get("tagger")), _settled(settings.aligner, known.get("aligner"))
    if not lease.snapshot:
        chosen = {"tagger": tagger.arithmetic().identity(), "aligner": aligner.arithmetic().identity()}
        if chosen != known:
            write_json(lease.folder / RECORD, chosen)
    return replace(settings, tagger=tagger, aligner=aligner)


def _made_with(lease: Lease) -> dict[str, dict[str, Any]]:
    """What the labels of a folder are made with; nothing if it has none."""
    if lease.snapshot:
        return open_snapshot(lease.folder).description.parts or _ONCE
    record = lease.folder / RECORD
    if record.exists():
        return read_json(record)
    return _ONCE if any(next(iter((lease.folder / name).files()), None) for name in ("tags", "labels")) else {}


def _settled(model: Model, known: dict[str, Any] | None) -> Model:
    kept = {} if known is None else {"runtime": known.get("runtime", "torch"), "precision": known["precision"]}
    if not kept or any(getattr(model, name) not in ("auto", value) for name, value in kept.items()):
        if model.device == "auto" and model.runtime != "openvino" and "auto" in (model.runtime, model.precision):
            # What is fastest hangs on it.
            ensure_ray()
            model = replace(model, device=cluster_device(model.device))
        arithmetic = model.arithmetic()
        kept = {"runtime": arithmetic.runtime, "precision": arithmetic.precision}
    model = replace(model, **kept)
    # OpenVINO leaves GPUs that have come since to others.
    return replace(model, device="cpu") if model.runtime == "openvino" and model.device == "auto" else model
