"""Independent parts of some work as tasks of the cluster."""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import ray

from xner_core.engine.session import ensure_ray
from xner_core.errors import RunFailure, StorageFailure, XnerError
from xner_core.storage.tasks import Item, Result

logger = logging.getLogger(__name__)

# So many for each CPU are handed out at once: the next is there when one ends, and few results wait for their turn.
_WAITING_PER_CPU = 2
_CANCELLING_SECONDS = 10
# An object store that fails is asked again by its clients for some seconds, and then, as in a projection, after so many
# more.
_STORE_PAUSES = (1, 2, 4, 8, 16)


class ClusterTasks:
    """Does each thing in a process of the cluster, on one CPU; Ray is started or joined when the first is asked for.

    A task whose process or node dies is done again elsewhere, and one that a storage fails is tried again. So it must
    be possible to do it twice.
    """

    @property
    def is_local(self) -> bool:
        """Whether Ray runs on this machine alone, being started here; a cluster that is joined may have others."""
        return not os.environ.get("RAY_ADDRESS")

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results in the order of the items.

        Raises:
            XnerError: as the function does.
            RunFailure: the cluster failed.
        """
        ensure_ray()
        shared = ray.put(function)
        task = ray.remote(_call).options(num_cpus=1, scheduling_strategy="SPREAD")
        waiting: deque[ray.ObjectRef] = deque()
        at_once = max(1, int(_WAITING_PER_CPU * ray.cluster_resources().get("CPU", 1)))
        try:
            for item in items:
                if len(waiting) >= at_once:
                    yield _result(waiting.popleft())
                waiting.append(task.remote(shared, item))
            while waiting:
                yield _result(waiting.popleft())
        finally:
            # After an error nothing is written any more.
            for reference in waiting:
                ray.cancel(reference)
            if waiting:
                ray.wait(list(waiting), num_returns=len(waiting), timeout=_CANCELLING_SECONDS)


def _call(function: Callable[[Any], Any], item: Any) -> Any:
    for pause in _STORE_PAUSES:
        try:
            return function(item)
        except StorageFailure as error:
            logger.warning("%s; trying again in %d s", error, pause)
            time.sleep(pause)
    return function(item)


def _result(reference: ray.ObjectRef) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, XnerError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise RunFailure(f"the cluster failed ({error}); what is finished is kept: run again") from error
