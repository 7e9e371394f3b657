"""Number types of a model's arithmetic; its weights stay float32."""

import torch

from xner_core.models.model_settings import Precision, TrainingPrecision


def arithmetic(device: torch.device, precision: Precision) -> torch.autocast:
    """A context in which a model's matrix products are computed in this precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def is_bfloat16(precision: TrainingPrecision, device: str) -> bool:
    """Whether a training computes in bfloat16: `auto` does where the hardware has it.

    A CPU that has not takes 28 times as long as in float32 (AMD EPYC without AVX-512).

    Args:
        precision: what is asked for
        device: `cpu` or `cuda`
    """
    if precision == "auto" and device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if precision == "auto":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return precision == "bfloat16"
