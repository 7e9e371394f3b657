"""How every job gets to Ray."""

import logging
import os

import ray


def ensure_ray() -> None:
    """Connects to the cluster at `RAY_ADDRESS` (which `ray job submit` sets), or starts Ray on this machine.

    Without the variable it never joins a cluster that happens to run here. Ray protects what it starts with a token; a
    cluster at `RAY_ADDRESS` is spoken to in the mode that the user's `RAY_AUTH_MODE` sets.
    """
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get("RAY_ADDRESS")
    if address:
        ray.init(address=address, logging_level=logging.WARNING)
    else:
        # Threads of a matrix product that wait for one another busily take the CPU from those they wait for, as soon
        # as there are more threads than cores (measured: a training step 8 times slower).
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        # With the dashboard, without which Ray Train cannot see its own actors.
        ray.init(address="local", include_dashboard=True, logging_level=logging.WARNING)
