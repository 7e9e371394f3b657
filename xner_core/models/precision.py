"""Number types of a model's arithmetic; its weights stay float32."""

from typing import Literal

import torch

Precision = Literal["float32", "bfloat16"]


def arithmetic(device: torch.device, precision: Precision) -> torch.autocast:
    """A context in which a model's matrix products are computed in this precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
