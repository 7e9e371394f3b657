"""A model in an actor, and the actor itself, so guarded that both survive what pairs do to them."""

import logging
import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import ray
import torch
from ray.actor import ActorHandle

from xner_core.alignment.aligner import Aligner
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.engine.actor_pool import ActorPool
from xner_core.errors import RunFailure, XnerError
from xner_core.models.devices import is_device_failure, is_out_of_memory
from xner_core.projection.faults.child import ChildModel
from xner_core.projection.faults.deadline import Deadline
from xner_core.projection.faults.fault_settings import FaultSettings
from xner_core.projection.faults.quarantine import Isolate, isolate
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_settings import TaggerSettings

logger = logging.getLogger(__name__)

_MORE_MEMORY = "give each actor more: fewer actors on a node or a GPU, a smaller model, or precision bfloat16"


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


class GuardedProcess:
    """This actor's process: its threads, its calls, and when they must have ended.

    Args:
        pool: that the actor belongs to
        guard: what it knows about faults
    """

    def __init__(self, pool: ActorPool, guard: FaultGuard) -> None:
        threads = max(1, int(pool.cpus))
        torch.set_num_threads(threads)
        # Tokenizers ask for it when they start their threads, of which there are otherwise as many as cores.
        os.environ["RAYON_NUM_THREADS"] = str(threads)
        self.guard = guard
        self.calls_at_once = pool.calls_at_once
        self.deadline = Deadline()
        self._calls = threading.Semaphore(self.calls_at_once)
        self._turn = threading.Lock()

    @contextmanager
    def begun(self, path: str, alone: bool = False) -> Iterator[None]:
        """Counts an attempt; one that is alone in this process has no other shard's death to answer for."""
        with self._turn:
            calls = self.calls_at_once if alone else 1
            for _ in range(calls):
                self._calls.acquire()
        try:
            ray.get(self.guard.attempts.begin.remote(path))
            yield
        finally:
            ray.get(self.guard.attempts.end.remote(path))
            self._calls.release(calls)


class GuardedModel:
    """A tagger or an aligner in this actor's process, and in others for shards that have killed it."""

    def __init__(self, settings: TaggerSettings | AlignerSettings, process: GuardedProcess) -> None:
        self._settings = settings
        self._process = process
        self._refused: XnerError | None = None
        try:
            self._model = _load(settings)
        except XnerError as error:
            # Raised by the calls: of what an actor raises while it is made, Ray passes on the text alone.
            self._refused = error

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
        guard, process = self._process.guard, self._process
        faults = guard.settings
        limit = process.calls_at_once * faults.timeout(pairs)
        deaths, age = ray.get(guard.attempts.deaths.remote(path))
        if deaths >= 2 * faults.attempts:
            raise RunFailure(
                f"{path}: the process that should make it has died {deaths} times, and so it did with its pairs tried "
                "apart; see that its node has enough memory, and run again"
            )
        try:
            if deaths < faults.attempts and age < limit:
                with process.begun(path), process.deadline.after(limit), _ending_with_the_device(path):
                    return stage(self._model, isolate)
            most_deaths = 2 * (faults.allowed(guard.total) + 1)
            with (
                process.begun(path, alone=True),
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
