"""What becomes of pairs that a model breaks on, and when a job gives up."""

import math
from dataclasses import dataclass

from jsonargparse.typing import ClosedUnitInterval, PositiveFloat, PositiveInt

from xner_core.errors import RunFailure

# Pairs that may together take twice the time of one alone: a batch is that much faster.
_PAIRS_PER_TIMEOUT = 128


@dataclass(frozen=True)
class FaultSettings:
    """What becomes of pairs that a model breaks on, and when the job gives up.

    Args:
        attempts: how often a shard is tried as a whole when its process dies; then its pairs are tried apart
        pair_timeout: seconds after which a model hangs on a pair; n pairs may take 1 + n / 128 times as long
        quarantine_limit: share of the pairs in quarantine above which the job stops
        retry_quarantine: try the pairs again that an earlier run has put into quarantine
    """

    attempts: PositiveInt = 2
    pair_timeout: PositiveFloat = 60.0
    quarantine_limit: ClosedUnitInterval = 0.01
    retry_quarantine: bool = False

    def timeout(self, pairs: int) -> float:
        """Seconds that a model may take for so many pairs."""
        return self.pair_timeout * (1 + pairs / _PAIRS_PER_TIMEOUT)

    def allowed(self, pairs: int) -> int:
        """How many of so many pairs may be in quarantine."""
        return math.floor(self.quarantine_limit * pairs)

    def check(self, quarantined: int, pairs: int) -> None:
        """Stops the job when too much is in quarantine.

        Raises:
            RunFailure: it is.
        """
        if quarantined > self.allowed(pairs):
            raise RunFailure(
                f"{quarantined:,} of {pairs:,} pairs are in quarantine, more than faults.quarantine_limit = "
                f"{self.quarantine_limit:g} of them; the column `quarantine` of the labels says why. Mend the cause "
                "and run again with faults.retry_quarantine, or raise the limit"
            )
