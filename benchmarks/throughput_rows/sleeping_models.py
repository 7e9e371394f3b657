"""Models that sleep for as long as a device would compute, and leave the CPU to others meanwhile.

Apart from the rows, for the actors of every node load them.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.tagging.tagger_settings import TaggerSettings

# Less than the host takes to prepare them, on a core of its own.
_TOKENS_PER_SECOND = 20_000


class SleepingTaggerSettings(TaggerSettings):
    """A tagger that sleeps."""

    def load(self) -> Any:
        """The tagger."""
        return _asleep(super().load())


class SleepingAlignerSettings(AlignerSettings):
    """A trained aligner that sleeps."""

    def load(self) -> Any:
        """The aligner."""
        return _asleep(super().load())


def _asleep(model: Any) -> Any:
    forward = model._forward

    def run(sequences: Sequence[np.ndarray]) -> Any:
        time.sleep(sum(map(len, sequences)) / _TOKENS_PER_SECOND)
        return forward(sequences)

    model._forward = run
    return model
