"""Whether a cluster can hold a plan: Ray waits for ever, and silently, for resources that are not there.

Nor does it ask whether a GPU that it hands out is of any use to PyTorch.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import ray
from ray._private.state import state

from xner_core.errors import XnerError
from xner_core.models.devices import local_device
from xner_core.models.model_settings import Device
from xner_core.training.student_settings import StudentRecipe

logger = logging.getLogger(__name__)

Resources = Mapping[str, float]
# Of a GPU, to look whether it can be used.
_LITTLE = 0.01
# Seconds in which a process has started, where there is room for it.
_SOON = 30


def require_resources(demand: Mapping[str, Sequence[Resources]]) -> None:
    """Checks that the cluster can hold some actors all at once; on an autoscaling one, when grown to its full size.

    Args:
        demand: by name, the actors' resources (`CPU`, `GPU`, and custom ones), one mapping for each actor

    Raises:
        XnerError: one actor is larger than any node, or all together need more than there is; says what of what.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    total, grown = _total_resources()
    asked: dict[str, list[float]] = {}
    for actors in demand.values():
        for actor in actors:
            for resource, amount in actor.items():
                asked.setdefault(resource, []).append(amount)
    wanted = "; ".join(f"{name}: {_amounts(_summed(actors))}" for name, actors in demand.items())
    for resource, amounts in asked.items():
        amount = _gpus(amounts) if resource == "GPU" else sum(amounts)
        there = total.get(resource, 0)
        if amount > there + 1e-6:
            raise XnerError(
                f"not enough {resource} in the cluster: {amount:g} needed, {there:g} there ({wanted}); "
                "ask for fewer or smaller actors, or for a larger cluster"
            )
    if grown:
        # Which nodes an autoscaler can start is not known here.
        return
    for name, actors in demand.items():
        for actor in actors:
            if not any(all(node.get(resource, 0) >= amount for resource, amount in actor.items()) for node in nodes):
                raise XnerError(f"{name}: no node of the cluster has {_amounts(actor)}; ask for smaller actors")


def require_workers(recipe: StudentRecipe) -> dict[str, float]:
    """Checks that the cluster can hold the workers of a training and the reading of its labels.

    Args:
        recipe: of the student, on a device that is `cpu` or `cuda`

    Returns:
        what each worker takes

    Raises:
        XnerError: it cannot.
    """
    worker = {"CPU": float(recipe.cpus_per_worker)} | ({"GPU": 1.0} if recipe.device == "cuda" else {})
    require_resources({"training workers": [worker] * recipe.num_workers, "reading of labels": [{"CPU": 1}]})
    return worker


def cluster_device(device: Device) -> Device:
    """The device that the cluster's processes compute on, `cpu` or `cuda`: `auto` is a GPU where the cluster has one.

    The driver's own machine does not matter: a cluster's head often has none.
    """
    if device == "auto":
        return "cuda" if _total_resources()[0].get("GPU") and _is_seen() else "cpu"
    return device


def _is_seen() -> bool:
    """Whether PyTorch sees a GPU that Ray hands out; a warning says why not."""
    try:
        require_cuda({"GPU": _LITTLE})
    except XnerError as error:
        logger.warning("the cluster has GPUs, but cannot compute on them, so CPUs do: %s", error)
        return False
    return True


def require_cuda(process: Resources) -> None:
    """Checks that a process with these resources, among them a GPU, can compute on it: Ray does not look that far.

    Raises:
        XnerError: PyTorch sees no GPU where Ray has one.
    """
    check = ray.remote(local_device).options(num_cpus=process.get("CPU", 0), num_gpus=process["GPU"]).remote("cuda")
    try:
        if not ray.wait([check], timeout=_SOON)[0]:
            logger.warning("the cluster's GPUs are all taken; waiting for %s", _amounts(process))
        ray.get(check)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, XnerError):
            raise error.cause from None
        raise


def count_fitting(demand: Resources) -> int:
    """How many actors with this demand fit into the cluster, on an autoscaling one when grown to its full size.

    At least one: what holds none is refused elsewhere.
    """
    total, grown = _total_resources()
    return max(1, _fitting(demand, total)) if grown else count_fitting_now(demand)


def count_fitting_now(demand: Resources) -> int:
    """How many actors with this demand fit on the nodes that are there, at least one."""
    return max(1, sum(_fitting(demand, node["Resources"]) for node in ray.nodes() if node["Alive"]))


def _fitting(demand: Resources, there: Resources) -> int:
    return int(min(there.get(name, 0) / amount for name, amount in demand.items() if amount) + 1e-6)


def _total_resources() -> tuple[dict[str, float], bool]:
    """What the cluster has, on an autoscaling one when grown to its full size; and whether it is one."""
    grown: dict[str, Any] = state.get_max_resources_from_cluster_config() or {}
    total = {name: max(amount, grown.get(name, 0)) for name, amount in (grown | ray.cluster_resources()).items()}
    return total, bool(grown)


def _gpus(amounts: Sequence[float]) -> float:
    """How many GPUs actors fill: a fraction must lie within one GPU (first fit, the largest first)."""
    free: list[float] = []
    for amount in sorted((amount for amount in amounts if 0 < amount < 1), reverse=True):
        gpu = next((index for index, rest in enumerate(free) if rest > amount - 1e-6), len(free))
        if gpu == len(free):
            free.append(1.0)
        free[gpu] -= amount
    return len(free) + sum(amount for amount in amounts if amount >= 1)


def _summed(actors: Sequence[Resources]) -> dict[str, float]:
    return {name: sum(actor.get(name, 0) for actor in actors) for name in dict.fromkeys(k for a in actors for k in a)}


def _amounts(resources: Resources) -> str:
    return ", ".join(f"{amount:g} {name}" for name, amount in resources.items())
