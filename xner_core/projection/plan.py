"""Which files a projection makes, under names that follow from all that determines their content."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.corpus.layout import Corpus
from xner_core.labels.attempts import attempts, of_attempt, split_attempt
from xner_core.storage.files import Location
from xner_core.storage.hashing import fingerprint
from xner_core.tagging.tagger_settings import TaggerSettings

# Raised whenever the label files of the same tags and alignments would look otherwise.
VERSION = 3


@dataclass(frozen=True)
class ShardTask:
    """One shard's way through the projection; plain values, so that it can be a row of a data set.

    Attributes:
        shard: its name
        source: language of its source texts
        domain: of its pairs
        pairs: how many
        tagger: fingerprint of the tagger
        aligner: fingerprint of the aligner
        pairs_path: address of its pairs
        tags_path: address of the tags that are made of them, or are there
        labels_path: address of the labels that are made of these
        earlier_tags: of a further attempt, the address of the tags that have pairs in quarantine, or had none
        earlier_labels: and that of the labels
    """

    shard: str
    source: str
    domain: str
    pairs: int
    tagger: str
    aligner: str
    pairs_path: str
    tags_path: str
    labels_path: str
    earlier_tags: str = ""
    earlier_labels: str = ""

    def row(self) -> dict[str, Any]:
        """The task as a row of Ray Data."""
        return asdict(self)


@dataclass(frozen=True)
class ProjectionPlan:
    """A projection of a corpus: its fingerprints, where its tags and labels lie, and a task for each shard."""

    tags_fingerprint: str
    labels_fingerprint: str
    tags: Location
    labels: Location
    tasks: list[ShardTask]

    def unfinished(self) -> list[ShardTask]:
        """The tasks whose label file is not there."""
        present = set(_addresses(self.labels))
        return [task for task in self.tasks if task.labels_path not in present]

    def newest(self, known: Iterable[str] = ()) -> "ProjectionPlan":
        """The plan with the newest attempt at each shard that is there, or is known to have been.

        Args:
            known: addresses of label files that are made again if they are gone
        """
        tags = attempts(_addresses(self.tags))
        planned = (task.labels_path for task in self.tasks if split_attempt(task.labels_path)[1])
        labels = attempts([*_addresses(self.labels), *known, *planned])
        return replace(self, tasks=[_newest(task, tags, labels) for task in self.tasks])

    def retried(self, shards: Collection[str]) -> list[ShardTask]:
        """The tasks of a next attempt at shards whose files have pairs in quarantine."""
        there = attempts(_addresses(self.tags))
        tasks = []
        for task in self.tasks:
            if task.shard in shards:
                first_tags, _ = split_attempt(task.tags_path)
                newest_tags = max(there.get(first_tags, {0}))
                attempt = 1 + max(newest_tags, split_attempt(task.labels_path)[1])
                tasks.append(
                    replace(
                        task,
                        tags_path=of_attempt(first_tags, attempt),
                        labels_path=of_attempt(task.labels_path, attempt),
                        earlier_tags=of_attempt(first_tags, newest_tags),
                        earlier_labels=task.labels_path,
                    )
                )
        return tasks


def _addresses(folder: Location) -> Iterable[str]:
    return map(str, folder.files())


def _newest(task: ShardTask, tags: Mapping[str, set[int]], labels: Mapping[str, set[int]]) -> ShardTask:
    first_tags, first_labels = split_attempt(task.tags_path)[0], split_attempt(task.labels_path)[0]
    tagged = tags.get(first_tags, {0})
    attempt = max(labels.get(first_labels, tagged))
    # Labels are made of the tags that there were then.
    tags_attempt = max((each for each in tagged if each <= attempt), default=0)
    return replace(task, tags_path=of_attempt(first_tags, tags_attempt), labels_path=of_attempt(first_labels, attempt))


def projection_parts(tagger: TaggerSettings, aligner: AlignerSettings) -> dict[str, Any]:
    """All that determines the labels of a text, by what it belongs to; what is kept of fingerprints to explain them."""
    return {"tagger": tagger.identity(), "aligner": aligner.identity(), "labels": {"version": VERSION}}


def plan_projection(
    corpus: Corpus, out: Location, tagger: TaggerSettings, aligner: AlignerSettings, known: Iterable[str] = ()
) -> ProjectionPlan:
    """Plans the projection of all shards of a corpus into `out/tags` and `out/labels`.

    Args:
        corpus: the corpus
        out: folder of the projection
        tagger: which tags
        aligner: which aligns
        known: addresses of label files that were published, which are made again if they are gone
    """
    tags_fingerprint, aligner_fingerprint = tagger.fingerprint(), aligner.fingerprint()
    labels_fingerprint = fingerprint(
        stage="labels", version=VERSION, tags=tags_fingerprint, aligner=aligner_fingerprint
    )
    tags = out / "tags" / tags_fingerprint
    labels = out / "labels" / labels_fingerprint
    tasks = [
        ShardTask(
            shard=shard.name,
            source=shard.source,
            domain=shard.domain,
            pairs=shard.pairs,
            tagger=tags_fingerprint,
            aligner=aligner_fingerprint,
            pairs_path=str(shard.path),
            tags_path=str(tags / f"{shard.name}.parquet"),
            labels_path=str(labels / f"language={shard.target}" / f"domain={shard.domain}" / f"{shard.name}.parquet"),
        )
        for shard in corpus.shards
    ]
    return ProjectionPlan(tags_fingerprint, labels_fingerprint, tags, labels, tasks).newest(known)
