"""The Ray actors of a projection: they hold the models, own a shard at a time, and survive what its pairs do."""

import logging
import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import pyarrow as pa
import ray
import torch
from ray.actor import ActorHandle
from ray.data import ActorPoolStrategy

from xner_core.alignment.aligner import Aligner
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.engine.cluster_settings import PoolSettings
from xner_core.engine.planned_model import require_planned_model
from xner_core.errors import RunFailure, StorageFailure, XnerError
from xner_core.labels.schema import TAGS, quarantined_in
from xner_core.models.devices import is_device_failure, is_out_of_memory
from xner_core.projection.faults.child import ChildModel
from xner_core.projection.faults.deadline import Deadline
from xner_core.projection.faults.fault_settings import FaultSettings
from xner_core.projection.faults.quarantine import Isolate, isolate
from xner_core.projection.plan import ShardTask
from xner_core.projection.stages import align_shard, tag_shard
from xner_core.storage.files import locate, read_table, write_table
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_settings import TaggerSettings

logger = logging.getLogger(__name__)

# Two calls at once in an actor: one reads and tokenises the next shard while the other computes.
_CALLS_AT_ONCE = 2
_MORE_MEMORY = "give each actor more: fewer actors on a node or a GPU, a smaller model, or precision bfloat16"


def pool_strategy(pool: PoolSettings) -> ActorPoolStrategy:
    """How Ray Data grows and feeds a pool of actors."""
    return ActorPoolStrategy(
        min_size=pool.min_size,
        max_size=pool.max_size,
        max_concurrent_calls_per_actor=_CALLS_AT_ONCE,
        max_tasks_in_flight_per_actor=_CALLS_AT_ONCE + 1,
        enable_true_multi_threading=True,
    )


class Attempts:
    """An actor that counts how often work on a file was begun and not ended, for its process died.

    Its counts go with the run, or with its node; then they begin anew, and a shard may be tried more often.
    """

    def __init__(self) -> None:
        self._begun: dict[str, list[float]] = defaultdict(list)

    def deaths(self, path: str) -> tuple[int, float]:
        """How often work on the file has ended with its process, and how long ago it was last begun, in seconds."""
        begun = self._begun[path]
        return len(begun), time.monotonic() - begun[-1] if begun else 0.0

    def begin(self, path: str) -> None:
        """Counts an attempt at a file."""
        self._begun[path].append(time.monotonic())

    def end(self, path: str) -> None:
        """Forgets the attempts at a file, for its process has lived to see their end."""
        self._begun.pop(path, None)


@dataclass(frozen=True)
class FaultGuard:
    """What the actors of a run know about faults.

    Attributes:
        settings: of the job
        total: pairs of the whole projection, which the limit of the quarantine is a share of
        attempts: handle of an `Attempts`
    """

    settings: FaultSettings
    total: int
    attempts: ActorHandle


class _GuardedModel:
    """A tagger or an aligner in this actor's process, and in others for shards that have killed it."""

    def __init__(self, settings: TaggerSettings | AlignerSettings, pool: PoolSettings, guard: FaultGuard) -> None:
        torch.set_num_threads(max(1, int(pool.cpus)))
        self._settings = settings
        self._guard = guard
        self._refused: XnerError | None = None
        try:
            self._model = _load(settings)
        except XnerError as error:
            # Raised by the calls: of what an actor raises while it is made, Ray passes on the text alone.
            self._refused = error
        self._deadline = Deadline()
        self._calls = threading.Semaphore(_CALLS_AT_ONCE)
        self._turn = threading.Lock()

    def run(self, stage: Callable[[Any, Isolate], pa.Table], path: str, pairs: int) -> pa.Table:
        """Runs a stage on a shard: with the model here, or, when that has killed this process before, with another.

        Args:
            stage: a function of a model and of what finds the pairs that the model breaks on
            path: the file that is made of the result, by which attempts are counted
            pairs: how many the shard has

        A device that fails ends this process, as a crash would: nothing else can use the device again.

        Raises:
            XnerError: there is no such model, or no GPU though one was asked for.
            RunFailure: the memory does not suffice, or attempt after attempt has ended with its process.
        """
        if self._refused is not None:
            raise self._refused
        faults = self._guard.settings
        limit = _CALLS_AT_ONCE * faults.timeout(pairs)
        deaths, age = ray.get(self._guard.attempts.deaths.remote(path))
        if deaths >= 2 * faults.attempts:
            raise RunFailure(
                f"{path}: the process that should make it has died {deaths} times, and so it did with its pairs tried "
                "apart; see that its node has enough memory, and run again"
            )
        try:
            if deaths < faults.attempts and age < limit:
                with self._begun(path), self._deadline.after(limit), _ending_with_the_device(path):
                    return stage(self._model, isolate)
            most_deaths = 2 * (faults.allowed(self._guard.total) + 1)
            with (
                self._begun(path, alone=True),
                ChildModel(self._settings, faults.timeout, most_deaths) as child,
            ):
                # A partial is not seen to be as generic as its function.
                return stage(child, partial(isolate, whole=False))  # pyrefly: ignore[bad-argument-type]
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise RunFailure(
                f"{path}: out of memory while it was made, even with one text at a time ({error}); {_MORE_MEMORY}"
            ) from error

    @contextmanager
    def _begun(self, path: str, alone: bool = False) -> Iterator[None]:
        """Counts an attempt; one that is alone in this process has no other shard's death to answer for."""
        with self._turn:
            calls = _CALLS_AT_ONCE if alone else 1
            for _ in range(calls):
                self._calls.acquire()
        try:
            ray.get(self._guard.attempts.begin.remote(path))
            yield
        finally:
            ray.get(self._guard.attempts.end.remote(path))
            self._calls.release(calls)


def _load(settings: TaggerSettings | AlignerSettings) -> Tagger | Aligner:
    try:
        return settings.load()
    except Exception as error:
        if is_out_of_memory(error):
            raise RunFailure(f"out of memory while {settings.model} was loaded ({error}); {_MORE_MEMORY}") from error
        if is_device_failure(error):
            raise RunFailure(
                f"the GPU of {socket.gethostname()} failed while {settings.model} was loaded ({error}); see what "
                "nvidia-smi says there, and run again"
            ) from error
        raise


@contextmanager
def _ending_with_the_device(path: str) -> Iterator[None]:
    """Ends this process when its device fails within the block; what it began is then not ended."""
    try:
        yield
    except Exception as error:
        if not is_device_failure(error):
            raise
        logger.error("%s: the device failed, so this process ends, and a new one tries again", path, exc_info=True)
        # Not in order: what is torn down would call the device, which may block.
        os._exit(1)


class TagShards:
    """An actor that writes the tag file of each shard it is given, unless there is a sound one.

    In a further attempt that is the earlier one if no pair of it is in quarantine, or none has come out of it.
    """

    def __init__(self, settings: TaggerSettings, pool: PoolSettings, guard: FaultGuard) -> None:
        self._settings = settings
        self._tagger = _GuardedModel(settings, pool, guard)

    @cached_property
    def _fingerprint(self) -> str:
        return self._settings.fingerprint()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        task = ShardTask(**row)
        require_planned_model("tagger", self._fingerprint, task.tagger)
        pairs = _read_pairs(task)
        there = task.earlier_tags or task.tags_path
        found = _sound_tags(there, pairs)
        if found is not None and not (task.earlier_tags and _quarantined(found)):
            return row | {"tags_path": there}
        tags = self._tagger.run(
            lambda tagger, isolate: tag_shard(tagger, pairs, isolate), task.tags_path, pairs.num_rows
        )
        if found is not None and _quarantined(tags) >= _quarantined(found):
            return row | {"tags_path": there}
        write_table(locate(task.tags_path), tags)
        return row


def _sound_tags(path: str, pairs: pa.Table) -> pa.Table | None:
    location = locate(path)
    if not location.exists():
        return None
    try:
        tags = read_table(location)
    except StorageFailure:
        raise
    except XnerError:
        return None
    return tags if tags.schema.equals(TAGS) and tags["pair_id"].equals(pairs["pair_id"]) else None


class AlignShards:
    """An actor that writes the label file of each shard it is given, from its tag file.

    A further attempt writes none if no pair has come out of quarantine.
    """

    def __init__(self, settings: AlignerSettings, pool: PoolSettings, guard: FaultGuard) -> None:
        self._settings = settings
        self._aligner = _GuardedModel(settings, pool, guard)

    @cached_property
    def _fingerprint(self) -> str:
        return self._settings.fingerprint()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        task = ShardTask(**row)
        require_planned_model("aligner", self._fingerprint, task.aligner)
        pairs = _read_pairs(task)
        tags = read_table(locate(task.tags_path))
        provenance = {
            "tagger": task.tagger,
            "aligner": task.aligner,
            "shard": task.shard,
            "source_language": task.source,
        }
        labels = self._aligner.run(
            lambda aligner, isolate: align_shard(aligner, pairs, tags, provenance, isolate),
            task.labels_path,
            pairs.num_rows,
        )
        earlier = quarantined_in(task.earlier_labels) if task.earlier_labels else None
        if earlier is not None and _quarantined(labels) >= earlier:
            return row | {"quarantined": earlier}
        write_table(locate(task.labels_path), labels)
        return row | {"quarantined": _quarantined(labels)}


def _quarantined(table: pa.Table) -> int:
    return table.num_rows - table["quarantine"].null_count


def _read_pairs(task: ShardTask) -> pa.Table:
    try:
        pairs = read_table(locate(task.pairs_path))
    except StorageFailure:
        raise
    except XnerError as error:
        raise XnerError(f"{error}; if the corpus was ingested by itself, ingest it again first") from error
    if pairs.num_rows != task.pairs:
        raise XnerError(
            f"{task.pairs_path}: holds {pairs.num_rows} pairs, but {task.pairs} by the manifest of its corpus; "
            "delete it and ingest again"
        )
    return pairs
