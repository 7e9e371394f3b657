"""The Ray actor of a projection: it holds a tagger and an aligner, and owns a shard at a time from pairs to labels."""

from functools import cached_property
from typing import Any

import pyarrow as pa

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.engine.actor_pool import ActorPool
from xner_core.engine.guarded_model import FaultGuard, GuardedModel, GuardedProcess
from xner_core.engine.planned_model import require_planned_model
from xner_core.errors import StorageFailure, XnerError
from xner_core.labels.schema import TAGS, quarantined_in
from xner_core.projection.plan import ShardTask
from xner_core.projection.stages import align_shard, tag_shard
from xner_core.storage.files import locate, read_table, write_table
from xner_core.tagging.tagger_settings import TaggerSettings


class ProjectShards:
    """An actor that writes the tag file and the label file of each shard it is given.

    Both models are in one process, so that no shard waits for one of them while the other has nothing to do, and what
    is known of a text need be found but once.
    """

    def __init__(self, tagger: TaggerSettings, aligner: AlignerSettings, pool: ActorPool, guard: FaultGuard) -> None:
        self._settings = {"tagger": tagger, "aligner": aligner}
        process = GuardedProcess(pool, guard)
        self._tagger = GuardedModel(tagger, process)
        self._aligner = GuardedModel(aligner, process)

    @cached_property
    def _fingerprints(self) -> dict[str, str]:
        return {what: settings.fingerprint() for what, settings in self._settings.items()}

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Makes the labels of a shard; returns its row, with how many pairs are in quarantine."""
        task = ShardTask(**row)
        for what, planned in (("tagger", task.tagger), ("aligner", task.aligner)):
            require_planned_model(what, self._fingerprints[what], planned)
        pairs = _read_pairs(task)
        return row | {"quarantined": self._align(task, pairs, self._tag(task, pairs))}

    def _tag(self, task: ShardTask, pairs: pa.Table) -> pa.Table:
        """The tags of a shard, which are written unless there are sound ones.

        In a further attempt these are the earlier ones if no pair of them is in quarantine, or none comes out of it.
        """
        found = _sound_tags(task.earlier_tags or task.tags_path, pairs)
        if found is not None and not (task.earlier_tags and _quarantined(found)):
            return found
        tags = self._tagger.run(
            lambda tagger, isolate: tag_shard(tagger, pairs, isolate), task.tags_path, pairs.num_rows
        )
        if found is not None and _quarantined(tags) >= _quarantined(found):
            return found
        write_table(locate(task.tags_path), tags)
        return tags

    def _align(self, task: ShardTask, pairs: pa.Table, tags: pa.Table) -> int:
        """Writes the labels of a shard, in a further attempt only if a pair has come out of quarantine.

        Returns:
            how many pairs are in quarantine
        """
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
            return earlier
        write_table(locate(task.labels_path), labels)
        return _quarantined(labels)


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
