"""What of a cluster a projection takes."""

from dataclasses import dataclass

from jsonargparse.typing import PositiveFloat, PositiveInt


@dataclass(frozen=True)
class ClusterSettings:
    """What of the cluster a projection takes; the job says what it has chosen.

    Args:
        actors: processes with a tagger and an aligner each, at most; by default as many as the cluster holds when all
            of its nodes are there, with 3 GiB of memory for each
        cpus: CPUs of each actor, and threads of its models; by default 1, and beside a GPU the actor's share of its
            node's
        gpus: GPUs that each actor takes where it computes on one; by default a share, up to a quarter, such that the
            node's CPUs keep the GPU busy
        stall_timeout: seconds in which no shard is finished, after which the job fails, beyond what attempts at a shard
            may take; more than pairs that hang take in one shard
    """

    actors: PositiveInt | None = None
    cpus: PositiveFloat | None = None
    gpus: PositiveFloat | None = None
    stall_timeout: PositiveInt = 1800
