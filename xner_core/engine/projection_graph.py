"""The Ray Data graph of a projection: the one place where the stages meet Ray.

Its rows are shard descriptors. A task owns one shard: an actor writes its tag file and then its label file, aside, and
shows each in one step under a name that follows from the content, so that a task that is run again makes the same files
again, and no text ever passes through Ray's object store.
"""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import ray
from ray.data import DataContext
from ray.data.exceptions import ExecutionTimeoutError

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.engine.actor_pool import ActorPool, choose_pool
from xner_core.engine.actors import ProjectShards
from xner_core.engine.cluster_settings import ClusterSettings
from xner_core.engine.guarded_model import Attempts, FaultGuard
from xner_core.engine.resources import cluster_device
from xner_core.engine.session import ensure_ray
from xner_core.errors import RunFailure, StorageFailure, XnerError
from xner_core.labels.schema import quarantined_in, read_counts, sum_counts
from xner_core.projection.faults.fault_settings import FaultSettings
from xner_core.projection.plan import ProjectionPlan, ShardTask
from xner_core.storage.files import locate
from xner_core.tagging.tagger_settings import TaggerSettings

logger = logging.getLogger(__name__)


# Files whose footers are read at once.
_FOOTERS_AT_ONCE = 16
# An object store that fails is asked again, with growing pauses: by its clients for some seconds, then for about a
# minute. So Arrow and obstore begin what it answered.
_STORE_FAILS = ["AWS Error", "Generic S3 error"]
_STORE_RETRIES = 6
# Actors that may die one after another before their models are loaded.
_DEATHS_WHILE_LOADING = 3


def run_projection(
    plan: ProjectionPlan,
    tagger: TaggerSettings,
    aligner: AlignerSettings,
    cluster: ClusterSettings,
    faults: FaultSettings,
    rate: float | None = None,
) -> tuple[ProjectionPlan, dict[str, Any]]:
    """Makes every label file of the plan that is not there yet, or is damaged, and counts all of them.

    Args:
        plan: what is made
        tagger: which tags
        aligner: which aligns
        cluster: on how much of the cluster
        faults: what becomes of pairs that a model breaks on
        rate: pairs per second of an earlier run, if one is known, from which the end is foretold

    Returns:
        the plan with the label files that are the newest now; the counts of `count_labels` over all shards, and of this
        run alone `projected_shards`, `projected_pairs` and `seconds`

    Raises:
        XnerError: the cluster cannot hold the actors, or a shard of the corpus is damaged.
        RunFailure: too many pairs are in quarantine; a disk, a store or the cluster failed; nothing goes on any more.
    """
    started = time.monotonic()
    counts = _sound_counts(plan)
    tasks = _tasks(plan, counts, faults)
    total = sum(task.pairs for task in plan.tasks)
    again = {task.shard for task in tasks}
    quarantined = sum(one["quarantined"] for shard, one in counts.items() if shard not in again)
    faults.check(quarantined, total)
    if tasks:
        tagger, aligner = tagger.pinned(), aligner.pinned()
        ensure_ray()
        # Each is asked for once: of a GPU that is there, a process of the cluster has to say whether it can be used.
        devices = {device: cluster_device(device) for device in {tagger.device, aligner.device}}
        tagger = replace(tagger, device=devices[tagger.device])
        aligner = replace(aligner, device=devices[aligner.device])
        pairs = sum(task.pairs for task in tasks)
        device = "cuda" if "cuda" in (tagger.device, aligner.device) else "cpu"
        pool = choose_pool(cluster, device, len(tasks), pairs)
        logger.info("projecting %d pairs in %d shards by %s%s", pairs, len(tasks), pool, _foretold(pairs, rate))
        for row in _project(
            tasks, (tagger, aligner), pool, cluster.stall_timeout, FaultGuard(faults, total, _start_attempts())
        ):
            quarantined += row["quarantined"]
            faults.check(quarantined, total)
        plan = plan.newest()
        counts = _sound_counts(plan)
        if lost := [task for task in plan.tasks if task.shard not in counts]:
            raise RunFailure(f"{len(lost)} shards ended without sound labels, such as {lost[0].labels_path}; run again")
    result = sum_counts(counts.values())
    result["projected_shards"] = len(tasks)
    result["projected_pairs"] = sum(task.pairs for task in tasks)
    result["seconds"] = round(time.monotonic() - started, 3)
    return plan, result


def _sound_counts(plan: ProjectionPlan) -> dict[str, dict[str, Any]]:
    """The counts of the label files that are there and hold all their shard's pairs."""
    missing = {task.shard for task in plan.unfinished()}
    present = [task for task in plan.tasks if task.shard not in missing]
    with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as pool:
        counts = dict(zip((task.shard for task in present), pool.map(_counts, present), strict=True))
    return {shard: one for shard, one in counts.items() if one}


def _tasks(plan: ProjectionPlan, counts: dict[str, dict[str, Any]], faults: FaultSettings) -> list[ShardTask]:
    """What is to be done: shards without sound labels and, if they are tried again, those with pairs in quarantine."""
    missing = [task for task in plan.tasks if task.shard not in counts]
    if not faults.retry_quarantine:
        return missing
    again = {shard for shard, one in counts.items() if one["quarantined"]}
    with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as pool:
        tagged = pool.map(lambda task: quarantined_in(task.tags_path), missing)
        again |= {task.shard for task, quarantined in zip(missing, tagged, strict=True) if quarantined}
    return [task for task in missing if task.shard not in again] + plan.retried(again)


def _counts(task: ShardTask) -> dict[str, Any] | None:
    try:
        counts = read_counts(locate(task.labels_path))
    except StorageFailure:
        raise
    except XnerError as error:
        logger.warning("%s; it is projected again", error)
        return None
    if counts["pairs"] != task.pairs:
        logger.warning(
            "%s: holds %d pairs, its shard %d; it is projected again", task.labels_path, counts["pairs"], task.pairs
        )
        return None
    return counts


def _foretold(pairs: int, rate: float | None) -> str:
    if not rate:
        return ""
    end = time.strftime("%Y-%m-%d %H:%M", time.localtime(time.time() + pairs / rate))
    return f"; at {rate:g} pairs/s, as in the last run here, they are done at {end}"


def _project(
    tasks: list[ShardTask],
    models: tuple[TaggerSettings, AlignerSettings],
    pool: ActorPool,
    stall_timeout: int,
    guard: FaultGuard,
) -> Iterator[dict[str, Any]]:
    """Yields the row of each shard when its label file is written."""
    context = DataContext.get_current()
    context.enable_progress_bars = False
    faults = guard.settings
    # Of both stages.
    patience = 4 * faults.attempts * faults.timeout(max(task.pairs for task in tasks))
    context.execution_no_progress_timeout_s = stall_timeout + patience
    context.raise_original_map_exception = True
    context.retried_map_errors = _STORE_FAILS
    context.max_map_retries = _STORE_RETRIES
    context.max_consecutive_actor_init_deaths = _DEATHS_WHILE_LOADING
    shards = ray.data.from_items([task.row() for task in _in_order(tasks, pool)], override_num_blocks=len(tasks))
    labelled = shards.map(
        # A class of actors is taken in the place of a function, which the annotations of Ray do not say.
        ProjectShards,  # pyrefly: ignore[bad-argument-type]
        fn_constructor_args=(*models, pool, guard),
        compute=pool.strategy(),
        num_cpus=pool.cpus,
        num_gpus=pool.gpus or None,
    )
    total = sum(task.pairs for task in tasks)
    done, started = 0, time.monotonic()
    try:
        for row in labelled.iter_rows():
            done += row["pairs"]
            rate = done / (time.monotonic() - started)
            logger.info("%d of %d pairs, %.1f pairs/s, %.0f s left", done, total, rate, (total - done) / rate)
            yield row
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, XnerError):
            raise error.cause from None
        raise
    except ExecutionTimeoutError as error:
        raise RunFailure(
            f"no shard was finished for {context.execution_no_progress_timeout_s:.0f} s; see whether the cluster still "
            f"has the nodes that the job needs, and run again, or raise cluster.stall_timeout ({error})"
        ) from None
    except ray.exceptions.RayError as error:
        raise RunFailure(f"the cluster failed ({error}); what is finished is kept: run again") from error


def _in_order(tasks: list[ShardTask], pool: ActorPool) -> list[ShardTask]:
    """The smallest shards first, so that there are labels soon; then the largest, so that all actors end together."""
    ordered = sorted(tasks, key=lambda task: task.pairs)
    return ordered[: pool.size] + ordered[: pool.size - 1 : -1]


def _start_attempts() -> ray.actor.ActorHandle:
    actor: Any = ray.remote(Attempts)
    return actor.options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
