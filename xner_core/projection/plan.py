"""Which files a projection makes, under names that follow from all that determines their content."""

from dataclasses import asdict, dataclass
from typing import Any

from xner_core.alignment.aligner import AlignerSettings
from xner_core.corpus.layout import Corpus
from xner_core.files import Location
from xner_core.hashing import fingerprint
from xner_core.tagging.tagger import TaggerSettings

# Raised whenever the label files of the same tags and alignments would look otherwise.
VERSION = 3


@dataclass(frozen=True)
class ShardTask:
    """One shard's way through the projection; plain values, so that it can be a row of a data set."""

    shard: str
    source: str
    domain: str
    pairs: int
    pairs_path: str
    tags_path: str
    labels_path: str

    def row(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ProjectionPlan:
    """A projection of a corpus: its fingerprints, where its labels lie, and a task for each shard."""

    tags_fingerprint: str
    labels_fingerprint: str
    labels: Location
    tasks: list[ShardTask]

    def unfinished(self) -> list[ShardTask]:
        """The tasks whose label file is not there."""
        present = {str(location) for location in self.labels.files()}
        return [task for task in self.tasks if task.labels_path not in present]


def projection_parts(tagger: TaggerSettings, aligner: AlignerSettings) -> dict[str, Any]:
    """All that determines the labels of a text, by what it belongs to; what is kept of fingerprints to explain them."""
    return {"tagger": tagger.identity(), "aligner": aligner.identity(), "labels": {"version": VERSION}}


def plan_projection(corpus: Corpus, out: Location, tagger: TaggerSettings, aligner: AlignerSettings) -> ProjectionPlan:
    """Plans the projection of all shards of a corpus into `out/tags` and `out/labels`."""
    tags_fingerprint = tagger.fingerprint()
    labels_fingerprint = fingerprint(
        stage="labels", version=VERSION, tags=tags_fingerprint, aligner=aligner.fingerprint()
    )
    tags = out / "tags" / tags_fingerprint
    labels = out / "labels" / labels_fingerprint
    tasks = [
        ShardTask(
            shard=shard.name,
            source=shard.source,
            domain=shard.domain,
            pairs=shard.pairs,
            pairs_path=str(shard.path),
            tags_path=str(tags / f"{shard.name}.parquet"),
            labels_path=str(labels / f"language={shard.target}" / f"domain={shard.domain}" / f"{shard.name}.parquet"),
        )
        for shard in corpus.shards
    ]
    return ProjectionPlan(tags_fingerprint, labels_fingerprint, labels, tasks)
