"""Where faults are tried: a cluster of several nodes and an S3 server on this machine, and projections that run there.

Drivers are processes of their own, so that they can be killed. They are forks of a server that has imported xner.
"""

import contextlib
import multiprocessing
import os
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar, cast

import psutil
from ray.cluster_utils import Cluster

from chaos.flaky_store import BUCKET, FlakyProxy, environment, object_store
from chaos.label_comparison import differences, read_labels
from chaos.poison import PoisonedAlignerSettings, PoisonedTaggerSettings, mark
from chaos.tiny_models import save_tiny_encoder, save_tiny_tagger
from xner_core.corpus import blocks
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest import shard_writing
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.layout import open_corpus
from xner_core.errors import XnerError
from xner_core.labels import vote_counting
from xner_core.projection.faults.fault_settings import FaultSettings
from xner_core.projection.plan import ProjectionPlan, plan_projection
from xner_core.sample import write_sample_corpus
from xner_core.storage.files import locate
from xner_core.workflows import build_consensus, corpus
from xner_core.workflows.consensus_settings import ConsensusSettings
from xner_core.workflows.nightly import reproject
from xner_core.workflows.projection import project_corpus
from xner_core.workflows.projection_settings import NightlySettings, ProjectionSettings

Started = TypeVar("Started")
JobSettings = ProjectionSettings | IngestSettings | ConsensusSettings
_JOBS: dict[type, Callable[[Any], Any]] = {
    NightlySettings: reproject,
    ProjectionSettings: project_corpus,
    IngestSettings: corpus.ingest_alone,
    ConsensusSettings: build_consensus.build_consensus,
}

# Constants of modules, set so that small work has as many parts as large work has,
_PARTS = [(blocks, "BLOCK_PAIRS", 64), (shard_writing, "GROUP_PAIRS", 64), (vote_counting, "_FILES_OF_GROUP", 16)]
# and so that it is done where that is.
_ON_CLUSTER = [(corpus, "LARGE_BYTES", 0), (build_consensus, "_FILES_IN_PROCESS", 0)]

_NODE = {"num_cpus": 4, "object_store_memory": 100 << 20}
# A node that is killed is missed after 8 s; under load a healthy one may be silent for some.
_HEALTH = {"health_check_period_ms": 1000, "health_check_timeout_ms": 8000, "health_check_failure_threshold": 8}
_RUN_SECONDS = 3600
_SHARD_PAIRS = 16


def run_job(settings: JobSettings, variables: dict[str, str], log: str, on_cluster: bool) -> None:
    """What a driver does: the job of such settings, its output in a file; exit status 1 with a message.

    Args:
        settings: of the job
        variables: of its environment
        log: the file
        on_cluster: whether an ingest or a consensus is done by tasks of the cluster, however small it is
    """
    os.environ.update(variables)
    for module, constant, value in _PARTS + (_ON_CLUSTER if on_cluster else []):
        setattr(module, constant, value)
    with open(log, "ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        _JOBS[type(settings)](settings)
    except XnerError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(1)


@dataclass
class Driver:
    """A driver that was started.

    Attributes:
        process: its process
        log: its output
    """

    process: BaseProcess
    log: Path

    def wait(self, seconds: float = _RUN_SECONDS) -> None:
        """Waits for its end; kills it after so many seconds, and notes that in its log."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.kill()
            self.log.write_text(self.log.read_text(errors="replace") + f"\nstill ran after {seconds:.0f} s\n")

    def kill(self) -> None:
        """Ends it at once, as a lost node would."""
        self.process.kill()
        self.process.join()

    @property
    def done(self) -> bool:
        return self.process.exitcode == 0

    @property
    def message(self) -> str:
        """The line with which it failed; empty if there is none."""
        lines = self.log.read_text(errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.startswith("error: ")), "")


@dataclass
class Bench:
    """Everything that scenarios share.

    Attributes:
        folder: of all files
        cluster: Ray, whose head has no CPUs, and so no actors
        proxy: before the S3 server
        starter: with the models that ship with xner, rather than with tiny ones
    """

    folder: Path
    cluster: Cluster
    proxy: FlakyProxy
    starter: bool = False
    seed: int = 0
    _drivers: int = 0
    _expected: dict[str, list] = field(default_factory=dict)

    def settings(
        self, name: str, out: str | None = None, poisoned: bool = False, seconds: float = 0.0, **faults: Any
    ) -> ProjectionSettings:
        """Of a projection of the marked corpus into a folder of its own, with a journal beside it."""
        journal = str(self.folder / f"{name}.journal")
        if self.starter:
            tagger: dict[str, Any] = {}
            aligner: dict[str, Any] = {}
        else:
            tagger = {"model": self._model("tagger", save_tiny_tagger)}
            aligner = {"model": "similarity", "encoder": self._model("encoder", save_tiny_encoder)}
            aligner["min_confidence"] = 0.0
        watch: dict[str, Any] = {"poisoned": poisoned, "seconds": seconds, "journal": journal}
        of_faults: dict[str, Any] = {"attempts": 3, "quarantine_limit": 0.5} | faults
        return ProjectionSettings(
            corpus=str(self._corpus()),
            out=out or str(self.folder / name),
            shard_pairs=_SHARD_PAIRS,
            cleaning=CleaningSettings(identify_language=False),
            tagger=PoisonedTaggerSettings(**tagger, **watch),
            aligner=PoisonedAlignerSettings(**aligner, **watch),
            faults=FaultSettings(**of_faults),
        )

    def times(self, faults: int) -> int:
        """How often to inject a fault that needs a run of its own: less often where models are slow."""
        return max(1, faults // 3) if self.starter else faults

    def _model(self, name: str, save: Callable[[Path], None]) -> str:
        folder = self.folder / "models" / name
        if not folder.exists():
            save(folder)
        return str(folder)

    def _corpus(self) -> Path:
        """Parallel text: the sample for the starter models, otherwise made up; some pairs are marked."""
        folder = self.folder / "text"
        if folder.exists():
            return folder
        aside = self.folder / "text.partial"
        if self.starter:
            write_sample_corpus(aside, "en", "de")
        else:
            _write_corpus(aside, random.Random(self.seed))
        for number, english in enumerate(sorted(aside.glob("*.en"))):
            # Models that take long to load are killed by the pairs of one file alone.
            deadly = _DEADLY if not self.starter else _DEADLY[:2] if number == 0 else []
            english.write_text(_marked(english.read_text(), random.Random(self.seed), deadly))
        aside.rename(folder)
        return folder

    def start(self, settings: JobSettings, on_cluster: bool = False) -> Driver:
        """Starts a driver; arguments as of `run_job`."""
        self._drivers += 1
        log = self.folder / f"{Path(settings.out).name}-{self._drivers}.log"
        variables = {"RAY_ADDRESS": self.cluster.address}
        process = _context().Process(target=run_job, args=(settings, variables, str(log), on_cluster))
        process.start()
        return Driver(process, log)

    def finish(self, settings: JobSettings, tries: int = 6, on_cluster: bool = False) -> list[Driver]:
        """Runs drivers one after the other until one is done; returns all of them."""
        drivers = []
        while not (drivers and drivers[-1].done) and len(drivers) < tries:
            drivers.append(self.start(settings, on_cluster))
            drivers[-1].wait()
        return drivers

    def problems(self, settings: ProjectionSettings) -> list[str]:
        """In what the finished projection differs from the undisturbed one."""
        expected = self.undisturbed()
        tagger = cast(PoisonedTaggerSettings, settings.tagger)
        return differences(self._labels(settings), expected, tagger.poisoned)

    def undisturbed(self) -> list[dict]:
        """The labels of a projection that nothing disturbs, made once."""
        if "rows" not in self._expected:
            settings = self.settings("undisturbed")
            last = self.finish(settings, tries=2)[-1]
            if not last.done:
                raise XnerError(f"the undisturbed projection failed; see {last.log}")
            self._expected["rows"] = self._labels(settings)
        return self._expected["rows"]

    def _labels(self, settings: ProjectionSettings) -> list[dict]:
        return read_labels(self.plan(settings).labels)

    def plan(self, settings: ProjectionSettings) -> ProjectionPlan:
        """The plan of a projection, made anew from its settings."""
        out = locate(settings.out)
        return plan_projection(open_corpus(out / "corpus"), out, settings.tagger, settings.aligner)

    def computed(self, settings: ProjectionSettings) -> int:
        """How many shards models have been asked for, the tagger and the aligner each, finished or not."""
        journal = Path(str(cast(PoisonedTaggerSettings, settings.tagger).journal))
        return len(journal.read_text().splitlines()) if journal.exists() else 0

    def actors(self) -> list[psutil.Process]:
        """The processes of all actors that project."""
        return [
            process
            for node in self.cluster.list_all_nodes()
            for process in _below(node.all_processes["raylet"][0].process.pid)
            if process.cmdline() and "MapWorker" in process.cmdline()[0]
        ]


def _below(pid: int) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                process.cmdline()
                yield process


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


@contextlib.contextmanager
def open_bench(folder: Path, seed: int, starter: bool) -> Iterator[Bench]:
    """Starts an S3 server, a proxy and a cluster, and ends them."""
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "store"
    store.mkdir(exist_ok=True)
    with object_store(store) as port, FlakyProxy(port, seed) as proxy:
        os.environ |= environment(proxy.port) | {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
        # The server from which drivers are forked is told of no other path, and goes on without what it cannot import.
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
        # Before any thread of Ray's: the server from which drivers are forked.
        first = _context().Process(target=int)
        first.start()
        first.join()
        head = _NODE | {"num_cpus": 0, "include_dashboard": False, "_system_config": _HEALTH}
        cluster = _patiently(lambda: Cluster(initialize_head=True, head_node_args=head))
        try:
            add_node(cluster)
            yield Bench(folder, cluster, proxy, starter, seed)
        finally:
            cluster.shutdown()


def add_node(cluster: Cluster) -> None:
    """Adds a node that has CPUs."""
    _patiently(lambda: cluster.add_node(**_NODE))


def _patiently(start: Callable[[], Started], tries: int = 4) -> Started:
    """Starts something of Ray's, which gives a node no more than 30 s: too few where a machine has much else to do."""
    for left in reversed(range(tries)):
        try:
            return start()
        except Exception as error:
            if not left or "timed out during startup" not in str(error):
                raise
    raise AssertionError


def s3_folder(name: str) -> str:
    """The address of a folder in the flaky store."""
    return f"s3://{BUCKET}/{name}"


_NAMES = ["Anna Weber", "Otto Klein", "Bonn", "Ulm", "Kiel", "Bosch"]
_PAIRS = 240


def _write_corpus(folder: Path, chance: random.Random) -> None:
    folder.mkdir(parents=True)
    for domain in ("news", "talks"):
        english, german = [], []
        for number in range(_PAIRS):
            one, other = chance.sample(_NAMES, 2)
            english.append(f"{one} saw {other} on day {number} of the {domain}.\n")
            german.append(f"Am Tag {number} der {domain} sah {one} auch {other}.\n")
        (folder / f"{domain}.en").write_text("".join(english))
        (folder / f"{domain}.de").write_text("".join(german))


# How many pairs of a file have which fault; those that end a process lie close together, in few shards.
_RAISING = 12
_DEADLY = ["exit", "segfault", "kill", "hang", "spin", "device"]


def _marked(text: str, chance: random.Random, deadly: list[str]) -> str:
    lines = text.split("\n")[:-1]
    start = chance.randrange(len(lines) // 2)
    for place, fault in enumerate(deadly):
        lines[start + place] += " " + mark(chance.choice(["tagger", "aligner"]), fault)
    free = [place for place in range(len(lines)) if not start <= place < start + len(deadly)]
    for place in chance.sample(free, min(_RAISING, len(free) // 4)):
        lines[place] += " " + mark(chance.choice(["tagger", "aligner"]), "raise")
    return "".join(f"{line}\n" for line in lines)
