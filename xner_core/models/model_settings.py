"""What all settings say of models: names that they go by, devices, runtimes, and number types."""

from dataclasses import dataclass
from typing import Any, Literal

# The name of the models that ship with xner.
STARTER = "starter"

# `auto` is a GPU where there is one.
Device = Literal["auto", "cpu", "cuda"]
Runtime = Literal["auto", "torch", "openvino"]
Precision = Literal["auto", "float32", "bfloat16"]
TrainingPrecision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Arithmetic:
    """What a model is computed by, and in which number type; both round, so both are part of what determines labels.

    Attributes:
        runtime: `torch`, or `openvino`, which is for CPUs alone
        precision: of matrix products, and of what goes from layer to layer
    """

    runtime: Literal["torch", "openvino"] = "torch"
    precision: Literal["float32", "bfloat16"] = "float32"

    def identity(self) -> dict[str, Any]:
        """It as plain JSON values; PyTorch, which was the only one once, is not named."""
        runtime = {} if self.runtime == "torch" else {"runtime": self.runtime}
        return {"precision": self.precision} | runtime


FLOAT32 = Arithmetic()
