"""The way from files to batches at any size, in stages that are kept, and several nodes whose models sleep."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from throughput_rows.corpus_rows import start_ray
from throughput_rows.made_up import made_up_pairs, write_text
from throughput_rows.measured import MODELS, TEXT, Measured, Work
from throughput_rows.meter import Meter
from throughput_rows.sleeping_models import SleepingAlignerSettings, SleepingTaggerSettings
from throughput_rows.training_rows import train
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.engine.cluster_settings import ClusterSettings
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.workflows.build_consensus import build_consensus
from xner_core.workflows.consensus_settings import ConsensusSettings
from xner_core.workflows.corpus import ingest_alone
from xner_core.workflows.projection import project_corpus
from xner_core.workflows.projection_settings import ProjectionSettings

# What a stage has found is here, beside what it has made.
_FINISHED = "finished"
# The address of the votes.
_VOTES = "address.txt"
_FEW = 200


def scale(work: Work) -> dict[str, Measured]:
    """Ingests made-up text, projects it with free models, counts votes, plans a training and gives its first batch.

    What is finished lies with the inputs and is taken as it is found, so a run that was interrupted goes on.
    """
    folder = Path(work.inputs) / "stages"
    labels = str(folder / "projection")
    start_ray(work.workers + 1)
    stages: dict[str, Callable[[], tuple[Meter, float]]] = {
        "ingest": lambda: _ingest(work, folder / "corpus"),
        "projection": lambda: _project(work, folder),
        "consensus": lambda: _vote(labels, folder / "votes"),
        "first batch": lambda: _first_batch(work, labels, folder / "votes"),
    }
    lines = {}
    for name, run in stages.items():
        lines[f"{name} at scale"] = _kept(folder / _FINISHED / f"{name}.json", run, work.made)
    ray.shutdown()
    walls = [line.wall_seconds for line in lines.values()]
    memory = {place: max(line.memory[place] for line in lines.values()) for place in ("driver", "largest", "tree")}
    cpu = sum(line.cpu_seconds for line in lines.values())
    whole = Measured(work.made / sum(walls), "pairs/s", round(cpu, 3), round(sum(walls), 3), memory)
    return {"from files to the first batch": whole} | lines


def _kept(file: Path, run: Callable[[], tuple[Meter, float]], pairs: int) -> Measured:
    """What the stage has measured, now or earlier."""
    if not file.exists():
        meter, seconds = run()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(meter.measured(pairs / seconds, "pairs/s"))))
    return Measured(**json.loads(file.read_text()))


def _ingest(work: Work, out: Path) -> tuple[Meter, float]:
    settings = IngestSettings(corpus=str(Path(work.inputs) / TEXT), out=str(out), target="de")
    with Meter() as meter:
        ingest_alone(settings)
    return meter, meter.wall_seconds


def _project(work: Work, folder: Path) -> tuple[Meter, float]:
    models = Path(work.inputs) / MODELS
    settings = ProjectionSettings(
        corpus=str(folder / "corpus"),
        out=str(folder / "projection"),
        tagger=TaggerSettings(model=str(models / "tagger")),
        aligner=AlignerSettings(model=str(models / "aligner")),
    )
    with Meter() as meter:
        project_corpus(settings)
    return meter, meter.wall_seconds


def _vote(labels: str, out: Path) -> tuple[Meter, float]:
    with Meter() as meter:
        result = build_consensus(ConsensusSettings(labels=[labels], out=str(out)))
    (out / _VOTES).write_text(result["consensus"])
    return meter, meter.wall_seconds


def _first_batch(work: Work, labels: str, votes: Path) -> tuple[Meter, float]:
    marks, meter, started, _ = train(work, steps=1, labels=[labels], votes=(votes / _VOTES).read_text())
    return meter, marks["first"] - started


def nodes(work: Work) -> dict[str, Measured]:
    """Projects on 1, 2 and 4 nodes of one machine, with models that sleep for as long as a device would compute.

    What a run of a few pairs takes is taken off as start-up.
    """
    few, whole = Path(work.scratch) / "few", Path(work.inputs) / TEXT
    write_text(few, made_up_pairs(_FEW))
    lines, alone = {}, 0.0
    for count in (1, 2, 4):
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        for _ in range(count):
            cluster.add_node(num_cpus=2)
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.WARNING)
        start_up = _project_asleep(work, few, count).wall_seconds
        meter = _project_asleep(work, whole, count)
        ray.shutdown()
        cluster.shutdown()
        rate = work.made / (meter.wall_seconds - start_up)
        alone = alone or rate
        lines[f"projection, nodes: {count}"] = meter.measured(rate / alone, "times one node")
        lines[f"projection, nodes: {count}"].details = {"pairs_per_second": rate, "start_up_seconds": start_up}
    return lines


def _project_asleep(work: Work, text: Path, nodes: int) -> Meter:
    models = Path(work.inputs) / MODELS
    settings = ProjectionSettings(
        corpus=str(text),
        out=str(Path(work.scratch) / f"{text.name}-{nodes}"),
        shard_pairs=max(64, work.made // 64),
        cleaning=CleaningSettings(identify_language=False),
        tagger=SleepingTaggerSettings(model=str(models / "tagger")),
        aligner=SleepingAlignerSettings(model=str(models / "aligner")),
        cluster=ClusterSettings(actors=nodes, cpus=2),
    )
    with Meter() as meter:
        project_corpus(settings)
    return meter
