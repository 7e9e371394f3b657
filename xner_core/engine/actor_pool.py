"""How many actors a projection has, and what each of them takes of the cluster."""

from dataclasses import dataclass
from typing import Any

import ray
from ray.data import ActorPoolStrategy

from xner_core.engine.cluster_settings import ClusterSettings
from xner_core.engine.resources import count_fitting, count_fitting_now, require_resources
from xner_core.models.model_settings import Device

# Of an actor with the starter models, twice over; of its node's memory, Ray hands out what it has not kept for objects.
_MEMORY = 3 << 30
# Reading, tokenising and choosing spans keep about so many processes busy while a GPU computes.
_MOST_SHARING_A_GPU = 4
# Fewer pairs are not worth loading the models once more.
_PAIRS_FOR_AN_ACTOR = 256


@dataclass(frozen=True)
class ActorPool:
    """The actors of a projection.

    Attributes:
        size: how many at most
        cpus: CPUs of each, and threads of its models
        gpus: GPUs of each, 0 where it computes on CPUs
    """

    size: int
    cpus: float
    gpus: float

    @property
    def resources(self) -> dict[str, float]:
        """What each actor takes of the cluster."""
        return {"CPU": self.cpus} | ({"GPU": self.gpus} if self.gpus else {})

    @property
    def calls_at_once(self) -> int:
        """Shards that an actor works on at once: one is read and tokenised while the other is computed.

        On one CPU they would only wait for each other.
        """
        return 2 if self.gpus or self.cpus > 1 else 1

    def strategy(self) -> ActorPoolStrategy:
        """How Ray Data grows and feeds the pool."""
        return ActorPoolStrategy(
            min_size=1,
            initial_size=min(self.size, count_fitting_now(self.resources)),
            max_size=self.size,
            max_concurrent_calls_per_actor=self.calls_at_once,
            max_tasks_in_flight_per_actor=self.calls_at_once + 1,
            enable_true_multi_threading=True,
        )

    def __str__(self) -> str:
        actors = "1 actor" if self.size == 1 else f"{self.size} actors, each"
        return f"{actors} with {self.cpus:g} CPUs" + (f" and {self.gpus:g} of a GPU" if self.gpus else "")


def choose_pool(settings: ClusterSettings, device: Device, shards: int, pairs: int) -> ActorPool:
    """The actors for some shards: as settled, and otherwise by what the cluster's nodes have.

    Args:
        settings: what is settled
        device: that the models compute on, `cpu` or `cuda`
        shards: how many are to be projected
        pairs: in all of them

    Raises:
        XnerError: the cluster cannot hold them.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if device == "cuda":
        cpus, gpus = _beside_a_gpu(settings, nodes)
    else:
        cpus, gpus = settings.cpus or _cpus_by_memory(nodes), 0.0
    pool = ActorPool(settings.actors or 1, cpus, gpus)
    require_resources({f"actors x {pool.size}": [pool.resources] * pool.size})
    size = settings.actors or min(count_fitting(pool.resources), max(1, pairs // _PAIRS_FOR_AN_ACTOR))
    return ActorPool(min(size, shards), cpus, gpus)


def _beside_a_gpu(settings: ClusterSettings, nodes: list[dict[str, Any]]) -> tuple[float, float]:
    """CPUs and GPUs of each actor, by the node that has the fewest CPUs for each of its GPUs."""
    shares = [node.get("CPU", 0) / node["GPU"] for node in nodes if node.get("GPU")]
    cpus = min(shares, default=1.0)
    gpus = settings.gpus or 1 / max(1, min(_MOST_SHARING_A_GPU, int(cpus / (settings.cpus or 1))))
    return settings.cpus or max(1.0, float(int(cpus * gpus))), gpus


def _cpus_by_memory(nodes: list[dict[str, Any]]) -> float:
    """1, or more where a node's memory does not hold an actor for each of its CPUs."""
    cpus = [node["CPU"] // max(1, node["memory"] // _MEMORY) for node in nodes if node.get("CPU") and "memory" in node]
    return max(cpus, default=1.0) or 1.0
