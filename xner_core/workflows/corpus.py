"""The corpus that a job is given, ingested where it is not yet, with the lease on the folder that is written to."""

from pathlib import Path
from typing import Any

from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.corpus.layout import MANIFEST, Corpus, has_snapshots, open_corpus
from xner_core.engine.cluster_tasks import ClusterTasks
from xner_core.engine.resources import count_fitting
from xner_core.engine.session import ensure_ray
from xner_core.errors import XnerError
from xner_core.sample import write_sample_corpus
from xner_core.snapshots.lease import Lease
from xner_core.storage.files import Location, locate
from xner_core.storage.tasks import InProcess, Tasks
from xner_core.workflows.projection_settings import ProjectionSettings

# Of files to read, for which a cluster is worth its start: half a minute's work of one CPU.
LARGE_BYTES = 64 << 20


def ingest_alone(settings: IngestSettings) -> dict[str, Any]:
    """Makes a corpus of parallel text, or brings the one that is there up to date.

    A corpus in a projection's folder is a part of it, so the lease is that of the folder; one that lies by itself has
    its own.

    Raises:
        XnerError: bad input, or a folder that holds something else.
        LeaseHeld: another run is at work in the folder.
    """
    out = locate(settings.out)
    with Lease(out.parent if has_snapshots(out) else out, "ingest_corpus"):
        return ingest_corpus(settings, choose_tasks)


def current_corpus(settings: ProjectionSettings, out: Location) -> tuple[Corpus, dict[str, Any]]:
    """The corpus to project, and what ingesting it gave; nothing if it was ingested before."""
    source = settings.corpus
    if source is not None and (locate(source) / MANIFEST).exists():
        corpus = open_corpus(locate(source))
        if (corpus.source, corpus.target) != (settings.source, settings.target):
            raise XnerError(
                f"{source}: a corpus of {corpus.source}-{corpus.target}, "
                f"but {settings.source}-{settings.target} is to be projected; set source and target"
            )
        return corpus, {}
    if source is None:
        if not out.is_local:
            raise XnerError(f"the sample corpus is written to a local folder; out is {settings.out}")
        source = str(Path(settings.out) / "sample")
        write_sample_corpus(Path(source), settings.source, settings.target)
    ingested = ingest_corpus(
        IngestSettings(
            corpus=source,
            out=str(out / "corpus"),
            source=settings.source,
            target=settings.target,
            shard_pairs=settings.shard_pairs,
            malformed_limit=settings.malformed_limit,
            cleaning=settings.cleaning,
        ),
        choose_tasks,
    )
    return open_corpus(out / "corpus"), ingested


def choose_tasks(size: int) -> Tasks:
    """Where files of so many bytes are worked on: in this process, or if they are large on a cluster's several CPUs."""
    if size < LARGE_BYTES:
        return InProcess()
    ensure_ray()
    return ClusterTasks() if count_fitting({"CPU": 1}) > 1 else InProcess()
