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

    The precision `auto` is float32, as long as nothing has shown that labels stay the same without it. The runtime
    `auto` is OpenVINO for bfloat16 on a CPU that has it, where that is installed, and PyTorch for everything else, and
    for models not built as BERT is.

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
    precision = "float32" if precision == "auto" else precision
    if runtime == "torch" or (runtime == "auto" and precision == "float32"):
        return Arithmetic("torch", precision)
    kind = AutoConfig.from_pretrained(model, trust_remote_code=False).model_type
    if kind not in BERT_LIKE:
        # Of others, OpenVINO was seen to convert some without end (longformer).
        if runtime == "openvino":
            raise XnerError(f"{model}: a model of type {kind!r} is not computed by OpenVINO; take the runtime torch")
        return Arithmetic("torch", precision)
    if runtime == "auto":
        takes = not on_gpu and has_bfloat16("cpu") and find_spec("openvino") is not None
        runtime = "openvino" if takes else "torch"
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
