"""Rows of what is done to a corpus without a model: ingest, and the votes of labels on names."""

import logging
import sys
from pathlib import Path
from typing import Any

import ray

from throughput_rows.layout import made, part, takes
from throughput_rows.measured import LABEL_FILES, TEXT, Measured, Work, not_run
from throughput_rows.meter import Meter


def start_ray(cpus: int) -> None:
    """Ray on this machine with so many CPUs, as jobs start it; a job then takes what is there."""
    ray.init(address="local", num_cpus=cpus, include_dashboard=True, logging_level=logging.WARNING, log_to_driver=False)


def ingest(work: Work) -> dict[str, Measured]:
    """Ingests made-up text in one process, and as tasks on one CPU and on several."""
    one = _ingest(work, "one")
    lines = {"ingest": one}
    name = f"ingest, {work.workers} CPUs against one"
    function = part("corpus.ingest.ingestion:ingest_corpus")
    if not takes(function, "choose"):
        return lines | {name: not_run("times", "ingest makes no tasks")}
    walls = []
    for cpus in (1, work.workers):
        start_ray(cpus)
        tasks = _cluster_tasks()
        walls.append(_ingest(work, f"tasks{cpus}", choose=lambda _, tasks=tasks: tasks))
        ray.shutdown()
    spread = walls[1]
    spread.value, spread.unit = walls[0].wall_seconds / walls[1].wall_seconds, "times"
    return lines | {name: spread}


def _cluster_tasks() -> Any:
    tasks = part("engine.cluster_tasks:ClusterTasks")()
    # Processes and imports are there before anything is timed.
    list(tasks.map(_imported, range(int(ray.cluster_resources()["CPU"]) * 2)))
    return tasks


def _imported(_: int) -> int:
    return len(sys.modules)


def _ingest(work: Work, name: str, **how: Any) -> Measured:
    settings = made(
        "corpus.ingest.ingest_settings:IngestSettings",
        corpus=str(Path(work.inputs) / TEXT),
        out=str(Path(work.scratch) / name),
        target="de",
    )
    ingest_corpus = part("corpus.ingest.ingestion:ingest_corpus")
    with Meter() as meter:
        result = ingest_corpus(settings, **how)
    measured = meter.measured(result["read"] / meter.cpu_seconds, "pairs/s a core")
    measured.counts = {name: result[name] for name in ("read", "kept", "shards")}
    return measured


def consensus(work: Work) -> dict[str, Measured]:
    """Counts the votes of made-up labels and writes them down."""
    settings = made(
        "workflows.consensus_settings:ConsensusSettings",
        labels=label_folders(work),
        out=str(Path(work.scratch) / "consensus"),
    )
    build_consensus = part("workflows.build_consensus:build_consensus")
    with Meter() as meter:
        result = build_consensus(settings)
    pairs = sum(part("labels.schema:read_counts")(file.location)["pairs"] for file in label_files(work))
    measured = meter.measured(pairs / meter.cpu_seconds, "pairs/s a core")
    names = ("files", "source_names", "target_names", "recovered")
    measured.counts = {"pairs": pairs} | {name: result[name] for name in names}
    return {"consensus": measured}


def label_folders(work: Work) -> list[str]:
    """The folders of the made-up labels."""
    return [str(folder) for folder in sorted((Path(work.inputs) / LABEL_FILES).iterdir())]


def label_files(work: Work) -> list[Any]:
    """The made-up label files."""
    return part("labels.label_files:find_label_files")(label_folders(work))
