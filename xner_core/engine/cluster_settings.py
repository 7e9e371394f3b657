"""What of a cluster a projection takes."""

from dataclasses import dataclass, field

from jsonargparse.typing import PositiveFloat, PositiveInt

from xner_core.models.model_settings import Device


@dataclass(frozen=True)
class PoolSettings:
    """The actors of one stage.

    Args:
        min_size: actors at the start
        max_size: actors at most, when shards queue and the cluster has room
        cpus: CPUs of each actor, and threads of its model
        gpus: GPUs that each actor takes where it computes on one; a fraction lets several share it
    """

    min_size: PositiveInt = 1
    max_size: PositiveInt = 1
    cpus: PositiveFloat = 1.0
    gpus: PositiveFloat = 0.5

    def __post_init__(self) -> None:
        if self.max_size < self.min_size:
            raise ValueError(f"a pool's max_size {self.max_size} is less than its min_size {self.min_size}")

    def resources(self, device: Device) -> dict[str, float]:
        """What each actor takes of the cluster, on a device, `cpu` or `cuda`."""
        return {"CPU": self.cpus} | ({"GPU": self.gpus} if device == "cuda" else {})


@dataclass(frozen=True)
class ClusterSettings:
    """What of the cluster a projection takes.

    Args:
        tagger: the tagger's actors
        aligner: the aligner's actors
        stall_timeout: seconds in which no shard is finished, after which the job fails, beyond what attempts at a shard
            may take; more than pairs that hang take in one shard
    """

    tagger: PoolSettings = field(default_factory=PoolSettings)
    aligner: PoolSettings = field(default_factory=PoolSettings)
    stall_timeout: PositiveInt = 1800
