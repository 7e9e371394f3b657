"""What a tagger is trained on, and how."""

from dataclasses import dataclass, field

from jsonargparse.typing import ClosedUnitInterval, NonNegativeInt

from xner_core.models.model_settings import STARTER, Device
from xner_core.training.fitting_settings import LossSettings, OptimisationSettings


@dataclass(frozen=True)
class TaggerTrainingSettings:
    """What a tagger is trained on, and how.

    Args:
        train: CoNLL files of English sentences; a type that a file never marks is left open there, not taken as O
        dev: a CoNLL file that decides which checkpoint is kept
        out: folder of the trained tagger
        encoder: a Hugging Face encoder, a local folder, or `starter`
        types: entity types to learn
        adapter_rank: rank of a low-rank adapter to train and save in place of the whole model; 0 trains the model
        detokenised: share of the sentences that are read with natural spacing, not with a space between all tokens
        device: `cpu`, `cuda`, or `auto`, which is a GPU where the machine has one
        optimisation: how the weights are fitted
        loss: the loss
        seed: of every random choice
    """

    train: list[str]
    dev: str
    out: str
    encoder: str = STARTER
    types: list[str] = field(default_factory=lambda: ["PER", "LOC", "ORG", "MISC"])
    adapter_rank: NonNegativeInt = 0
    detokenised: ClosedUnitInterval = 0.5
    device: Device = "auto"
    optimisation: OptimisationSettings = field(default_factory=OptimisationSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    seed: int = 1
