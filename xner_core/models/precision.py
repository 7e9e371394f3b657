"""Number types of a model's arithmetic, and what `auto` stands for."""

from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import AutoConfig

from xner_core.errors import XnerError
from xner_core.models.model_settings import Arithmetic, Device, Precision, Runtime, TrainingPrecision

# Types of models that are built as BERT is, which OpenVINO and packed sequences are tested with. What bfloat16 does to
# labels was looked at with the starter's encoder alone, of XLM-R's kind, and emulated (docs/models.md).
BERT_LIKE = frozenset({"bert", "camembert", "roberta", "xlm-roberta"})


def autocast(device: torch.device, arithmetic: Arithmetic) -> torch.autocast:
    """A context in which PyTorch computes matrix products in the precision that it has, while weights are float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=arithmetic == Arithmetic("torch", "bfloat16"))


def settled(runtime: Runtime, precision: Precision, device: Device, model: Path) -> Arithmetic:
    """What a model is computed by, and how.

    `auto` is what is fastest of that which gives the same labels: on a GPU bfloat16, on a CPU that has it OpenVINO's
    bfloat16 where that is installed, and PyTorch's float32 everywhere else, and for models not built as BERT is.

    Args:
        runtime: that is asked for
        precision: that is asked for
        device: `auto` is the device that this process sees
        model: folder of the model

    Raises:
        XnerError: OpenVINO was asked for on a GPU, or for a model that is not built as BERT is.
    """
    on_gpu = device == "cuda" or (device == "auto" and runtime != "openvino" and torch.cuda.is_available())
    if on_gpu and runtime == "openvino":
        raise XnerError("the runtime openvino computes on CPUs alone: take the device cpu, or the runtime torch")
    if runtime == "torch" and precision != "auto":
        return Arithmetic(runtime, precision)
    kind = AutoConfig.from_pretrained(model, trust_remote_code=False).model_type
    if kind not in BERT_LIKE:
        # Of others, OpenVINO was seen to convert some without end (longformer).
        if runtime == "openvino":
            raise XnerError(f"{model}: a model of type {kind!r} is not computed by OpenVINO; take the runtime torch")
        return Arithmetic("torch", "float32" if precision == "auto" else precision)
    if runtime != "auto" and precision != "auto":
        return Arithmetic(runtime, precision)
    # A driver without a GPU plans for those of its cluster.
    gains = has_bfloat16("cuda") if on_gpu and torch.cuda.is_available() else on_gpu or has_bfloat16("cpu")
    if runtime == "auto":
        takes = not on_gpu and gains and precision != "float32" and find_spec("openvino") is not None
        runtime = "openvino" if takes else "torch"
    if precision == "auto":
        # PyTorch's own gains little on a CPU.
        precision = "bfloat16" if gains and (on_gpu or runtime == "openvino") else "float32"
    return Arithmetic(runtime, precision)


def is_bfloat16(precision: TrainingPrecision, device: str) -> bool:
    """Whether a training computes in bfloat16: `auto` does where the hardware has it.

    A CPU that has not takes 28 times as long as in float32 (AMD EPYC without AVX-512).

    Args:
        precision: what is asked for
        device: `cpu` or `cuda`
    """
    return has_bfloat16(device) if precision == "auto" else precision == "bfloat16"


def has_bfloat16(device: str) -> bool:
    """Whether the hardware has instructions for it, rather than emulating it."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
