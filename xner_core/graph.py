"""The Ray Data graph of a projection: the one place where the stages meet Ray.

Its rows are shard descriptors. A task owns one shard: a tagger actor writes its tag file, an aligner actor reads that
and writes its label file. Both write aside and show the file in one step, under a name that follows from the content,
so that a task that is run again makes the same file again, and no text ever passes through Ray's object store.
"""

import logging
import time
from dataclasses import dataclass, field
from typing import Any

import ray
import torch
from jsonargparse.typing import NonNegativeFloat, PositiveFloat, PositiveInt
from ray.data import ActorPoolStrategy, DataContext

from xner_core.alignment.aligner import AlignerSettings
from xner_core.cluster_check import require_resources
from xner_core.errors import XnerError
from xner_core.files import locate, read_table, write_table
from xner_core.projection.plan import ProjectionPlan, ShardTask
from xner_core.projection.schema import read_counts, sum_counts
from xner_core.projection.stages import align_shard, tag_shard
from xner_core.ray_session import ensure_ray
from xner_core.tagging.tagger import TaggerSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PoolSettings:
    """The actors of one stage.

    Args:
        min_size: actors at the start
        max_size: actors at most, when shards queue and the cluster has room
        cpus: CPUs of each actor, and threads of its model
        gpus: GPUs of each actor; a fraction lets several share one
    """

    min_size: PositiveInt = 1
    max_size: PositiveInt = 1
    cpus: PositiveFloat = 1.0
    gpus: NonNegativeFloat = 0.0

    def __post_init__(self):
        if self.max_size < self.min_size:
            raise ValueError(f"a pool's max_size {self.max_size} is less than its min_size {self.min_size}")

    def strategy(self) -> ActorPoolStrategy:
        # Two calls at once in an actor: one reads and tokenises the next shard while the other computes.
        return ActorPoolStrategy(
            min_size=self.min_size,
            max_size=self.max_size,
            max_concurrent_calls_per_actor=2,
            max_tasks_in_flight_per_actor=3,
            enable_true_multi_threading=True,
        )

    def resources(self) -> dict[str, float]:
        return {"CPU": self.cpus} | ({"GPU": self.gpus} if self.gpus else {})


@dataclass(frozen=True)
class ClusterSettings:
    """What of the cluster a projection takes.

    Args:
        tagger: the tagger's actors
        aligner: the aligner's actors
        stall_timeout: seconds in which no shard is finished, after which the job fails; more than a shard takes
    """

    tagger: PoolSettings = field(default_factory=PoolSettings)
    aligner: PoolSettings = field(default_factory=PoolSettings)
    stall_timeout: PositiveInt = 1800


def _device(pool: PoolSettings) -> str:
    torch.set_num_threads(max(1, int(pool.cpus)))
    return "cuda" if pool.gpus and torch.cuda.is_available() else "cpu"


class TagShards:
    """An actor that writes the tag file of each shard it is given, unless there is one."""

    def __init__(self, settings: TaggerSettings, pool: PoolSettings):
        self._tagger = settings.load(_device(pool))

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        task = ShardTask(**row)
        if not locate(task.tags_path).exists():
            pairs = read_table(locate(task.pairs_path), ["pair_id", "source_text", "target_text"])
            write_table(locate(task.tags_path), tag_shard(self._tagger, pairs))
        return row


class AlignShards:
    """An actor that writes the label file of each shard it is given, from its tag file."""

    def __init__(self, settings: AlignerSettings, pool: PoolSettings, tags_fingerprint: str):
        self._aligner = settings.load(_device(pool))
        self._provenance = {"tagger": tags_fingerprint, "aligner": settings.fingerprint()}

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        task = ShardTask(**row)
        pairs = read_table(locate(task.pairs_path))
        tags = read_table(locate(task.tags_path))
        provenance = self._provenance | {"shard": task.shard, "source_language": task.source}
        write_table(locate(task.labels_path), align_shard(self._aligner, pairs, tags, provenance))
        return row


def run_projection(
    plan: ProjectionPlan, tagger: TaggerSettings, aligner: AlignerSettings, cluster: ClusterSettings
) -> dict[str, Any]:
    """Makes every label file of the plan that is not there yet, and counts all of them.

    Returns:
        the counts of `count_labels` over all shards, and `projected_pairs` and `seconds` of this run alone

    Raises:
        XnerError: the cluster cannot hold the actors, or a label file does not hold its shard's pairs.
    """
    tasks = plan.unfinished()
    started = time.monotonic()
    if tasks:
        ensure_ray()
        require_resources(
            {
                f"tagger x {cluster.tagger.min_size}": [cluster.tagger.resources()] * cluster.tagger.min_size,
                f"aligner x {cluster.aligner.min_size}": [cluster.aligner.resources()] * cluster.aligner.min_size,
            }
        )
        _run(plan, tasks, tagger, aligner, cluster)
    counts = sum_counts([_checked_counts(task) for task in plan.tasks])
    counts["projected_pairs"] = sum(task.pairs for task in tasks)
    counts["seconds"] = round(time.monotonic() - started, 3)
    return counts


def _run(
    plan: ProjectionPlan,
    tasks: list[ShardTask],
    tagger: TaggerSettings,
    aligner: AlignerSettings,
    cluster: ClusterSettings,
) -> None:
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_no_progress_timeout_s = cluster.stall_timeout
    shards = ray.data.from_items([task.row() for task in tasks], override_num_blocks=len(tasks))
    tagged = shards.map(
        TagShards,
        fn_constructor_args=(tagger, cluster.tagger),
        compute=cluster.tagger.strategy(),
        num_cpus=cluster.tagger.cpus,
        num_gpus=cluster.tagger.gpus,
    )
    labelled = tagged.map(
        AlignShards,
        fn_constructor_args=(aligner, cluster.aligner, plan.tags_fingerprint),
        compute=cluster.aligner.strategy(),
        num_cpus=cluster.aligner.cpus,
        num_gpus=cluster.aligner.gpus,
    )
    total = sum(task.pairs for task in tasks)
    done, started = 0, time.monotonic()
    logger.info("projecting %d pairs in %d shards", total, len(tasks))
    for row in labelled.iter_rows():
        done += row["pairs"]
        rate = done / (time.monotonic() - started)
        logger.info("%d of %d pairs, %.1f pairs/s, %.0f s left", done, total, rate, (total - done) / rate)


def _checked_counts(task: ShardTask) -> dict[str, Any]:
    counts = read_counts(locate(task.labels_path))
    if counts["pairs"] != task.pairs:
        raise XnerError(
            f"{task.labels_path}: holds {counts['pairs']} pairs, its shard {task.pairs}; delete it and run again"
        )
    return counts
