"""What all settings say of models: names that they go by, devices, and number types."""

from typing import Literal

# The name of the models that ship with xner.
STARTER = "starter"

Precision = Literal["float32", "bfloat16"]
TrainingPrecision = Literal["auto", "float32", "bfloat16"]
