"""How every job gets to Ray."""

import logging
import os

import ray

from xner_core.engine.interruption import close_on_interruption, keep_handlers
from xner_core.errors import RunFailure, XnerError

_HTTP = ("http://", "https://")


def check_address() -> None:
    """
    Raises:
        XnerError: `RAY_ADDRESS` is that of the server that `ray job` talks to, at which no cluster can be joined.
    """
    address = os.environ.get("RAY_ADDRESS", "")
    if address.startswith(_HTTP):
        raise XnerError(
            f"RAY_ADDRESS={address} is where jobs are submitted, not where a cluster is joined: for `ray job submit` "
            f"name it RAY_API_SERVER_ADDRESS and unset RAY_ADDRESS, or set RAY_ADDRESS to auto or HOST:6379"
        )


def ensure_ray() -> None:
    """Connects to the cluster at `RAY_ADDRESS` (which `ray job submit` sets), or starts Ray on this machine.

    Without the variable it never joins a cluster that happens to run here. Ray protects what it starts with a token; a
    cluster at `RAY_ADDRESS` is spoken to in the mode that the user's `RAY_AUTH_MODE` sets.

    Raises:
        XnerError: `RAY_ADDRESS` is no address of a cluster.
        RunFailure: no cluster answers there.
    """
    if ray.is_initialized():
        return
    check_address()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get("RAY_ADDRESS")
    close_on_interruption(ray.shutdown)
    # Ray takes SIGTERM for itself, and then ends without a word.
    with keep_handlers():
        if not address:
            # Threads of a matrix product that wait for one another busily take the CPU from those they wait for, as
            # soon as there are more threads than cores (measured: a training step 8 times slower).
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
            # With the dashboard, without which Ray Train cannot see its own actors.
            ray.init(address="local", include_dashboard=True, logging_level=logging.WARNING)
            return
        try:
            ray.init(address=address, logging_level=logging.WARNING)
        except ValueError as error:
            raise XnerError(f"RAY_ADDRESS={address}: {_first_line(error)}; set it to auto or HOST:6379") from error
        except (ConnectionError, RuntimeError, TimeoutError) as error:
            raise RunFailure(
                f"RAY_ADDRESS={address}: no cluster answers there ({_first_line(error)}); start it, correct the "
                "address, or unset RAY_ADDRESS to use this machine alone"
            ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
