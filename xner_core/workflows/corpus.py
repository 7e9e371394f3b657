"""Ingests that keep out of the way of other runs: the folder that is written to is held by its lease meanwhile."""

from typing import Any

from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.corpus.layout import has_snapshots
from xner_core.snapshots.lease import Lease
from xner_core.storage.files import locate


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
        return ingest_corpus(settings)
