"""What all settings say of models: names that they go by, devices, and number types."""

from typing import Literal

# The name of the models that ship with xner.
STARTER = "starter"

# `auto` is a GPU where there is one.
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "bfloat16"]
TrainingPrecision = Literal["auto", "float32", "bfloat16"]
