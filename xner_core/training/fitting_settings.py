"""How the weights of taggers and students are fitted, and by which loss."""

from dataclasses import dataclass
from typing import Literal

from jsonargparse.typing import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from xner_core.models.model_settings import TrainingPrecision


@dataclass(frozen=True)
class LossSettings:
    """The loss of a student.

    Args:
        name: cross_entropy, focal, reverse_focal, generalised_cross_entropy or symmetric_cross_entropy
        gamma: exponent of the weight of focal and reverse_focal, q of the generalised and weight of the reverse part of
            the symmetric cross-entropy; 0 is cross-entropy
        detach_weight: take the weight of focal and reverse_focal as a constant, without a gradient of its own;
            otherwise reverse_focal unlearns what the model is not yet sure of
    """

    name: Literal["cross_entropy", "focal", "reverse_focal", "generalised_cross_entropy", "symmetric_cross_entropy"] = (
        "cross_entropy"
    )
    gamma: NonNegativeFloat = 1.0
    detach_weight: bool = True


@dataclass(frozen=True)
class OptimisationSettings:
    """How weights are fitted.

    Args:
        epochs: passes over the training data
        batch_size: sentences in a step, on each worker
        learning_rate: the highest learning rate, reached after the warm-up; it then falls linearly to 0
        warmup: share of the steps over which the learning rate rises
        weight_decay: of AdamW
        freeze_embeddings: leave the word embeddings as they are (in XLM-R they are most of the weights)
        freeze_layers: leave so many of the lowest layers as they are, which saves their share of the backward pass
        evaluations: how often the dev set is scored over the whole training
        patience: stop after this many scorings without a better F1; 0 never stops early
        precision: of the arithmetic of the encoder, while the weights stay float32; `auto` is bfloat16 where the
            hardware has it, and float32 elsewhere. A GPU that has TF32 multiplies what is float32 in that
    """

    epochs: PositiveFloat = 3.0
    batch_size: PositiveInt = 16
    learning_rate: PositiveFloat = 5e-5
    warmup: ClosedUnitInterval = 0.1
    weight_decay: NonNegativeFloat = 0.01
    freeze_embeddings: bool = True
    freeze_layers: NonNegativeInt = 0
    evaluations: PositiveInt = 6
    patience: NonNegativeInt = 3
    precision: TrainingPrecision = "auto"
