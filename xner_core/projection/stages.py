"""What is done to the pairs of one shard: tag their source sides, then align the entities with their target sides."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from xner_core.alignment.aligner import Aligner, Alignment, AlignmentQuery
from xner_core.errors import XnerError
from xner_core.labels.schema import LABELS, PROJECTED, TAGS, UNKNOWN, with_counts
from xner_core.projection.faults.quarantine import Isolate, isolate
from xner_core.tagging.tagger import Tagger
from xner_core.text.spans import Entity, Span


def tag_shard(tagger: Tagger, pairs: pa.Table, isolate: Isolate = isolate) -> pa.Table:
    """The entities of each pair's source side, and the tagger's own mentions in its target side, in the schema `TAGS`.

    Args:
        tagger: the tagger; its settings say whether there are mentions
        pairs: with columns `pair_id`, `source_text` and `target_text`
        isolate: finds the pairs that the tagger breaks on; they go into quarantine
    """
    sides = [pairs["source_text"].to_pylist()]
    if tagger.settings.mentions:
        sides.append(pairs["target_text"].to_pylist())

    def tag(rows: Sequence[tuple[str, ...]]) -> list[list[list[dict[str, Any]]]]:
        """The tags of each row's texts."""
        texts = [text for row in rows for text in row]
        found = [[_tag(entity) for entity in entities] for entities in tagger.tag(texts)]
        return [found[i : i + len(sides)] for i in range(0, len(found), len(sides))]

    found, quarantine = isolate(tag, list(zip(*sides, strict=True)))
    entities = [tags[0] if tags else [] for tags in found]
    rows = {
        "pair_id": pairs["pair_id"],
        "entities": entities,
        "mentions": [tags[1] if tags and tagger.settings.mentions else None for tags in found],
        "quarantine": quarantine,
    }
    counts = {
        "pairs": pairs.num_rows,
        "entities": sum(map(len, entities)),
        "quarantined": sum(reason is not None for reason in quarantine),
    }
    return with_counts(pa.table(rows, schema=TAGS), counts)


def _tag(entity: Entity) -> dict[str, Any]:
    return {
        "type": entity.type,
        "start": entity.span.start,
        "end": entity.span.end,
        "confidence": entity.confidence,
    }


def align_shard(
    aligner: Aligner, pairs: pa.Table, tags: pa.Table, provenance: dict[str, str], isolate: Isolate = isolate
) -> pa.Table:
    """The labels of each pair, in the schema `LABELS`.

    Args:
        aligner: the aligner
        pairs: with columns `pair_id`, `source_text`, `target_text`, `score` and `origin`
        tags: what `tag_shard` made of these pairs
        provenance: the columns `source_language`, `shard`, `tagger` and `aligner`
        isolate: finds the pairs that the aligner breaks on; they go into quarantine

    Raises:
        XnerError: the tags are not those of the pairs.
    """
    if not pairs["pair_id"].equals(tags["pair_id"]):
        raise XnerError(f"the tags of shard {provenance['shard']} are not of its pairs; delete them and run again")
    tagged = tags["entities"].to_pylist()
    queries = [
        AlignmentQuery(
            source,
            target,
            tuple(Span(entity["start"], entity["end"]) for entity in entities),
            tuple(entity["type"] for entity in entities),
        )
        for source, target, entities in zip(
            pairs["source_text"].to_pylist(), pairs["target_text"].to_pylist(), tagged, strict=True
        )
    ]
    alignments, quarantine = isolate(aligner.align, queries)
    quarantine = [of_tags or reason for of_tags, reason in zip(tags["quarantine"].to_pylist(), quarantine, strict=True)]
    labels = [
        [] if reason else [_label(*both) for both in zip(entities, found or (), strict=True)]
        for entities, found, reason in zip(tagged, alignments, quarantine, strict=True)
    ]
    rows = {name: pairs[name] for name in ("pair_id", "source_text", "target_text", "score", "origin")}
    rows |= {"entities": labels, "mentions": tags["mentions"], "quarantine": quarantine}
    rows |= {name: pa.repeat(value, pairs.num_rows) for name, value in provenance.items()}
    table = pa.table({name: rows[name] for name in LABELS.names}, schema=LABELS)
    return with_counts(table, count_labels(labels, quarantine))


def _label(tag: dict[str, Any], alignment: Alignment) -> dict[str, Any]:
    target = alignment.target
    return {
        "type": tag["type"],
        "source_start": tag["start"],
        "source_end": tag["end"],
        "target_start": target.start if target else None,
        "target_end": target.end if target else None,
        "tagger_confidence": tag["confidence"],
        "aligner_confidence": alignment.confidence,
        "status": PROJECTED if target else UNKNOWN,
        "reason": alignment.reason,
    }


def count_labels(labels: Sequence[Sequence[dict[str, Any]]], quarantine: Sequence[str | None]) -> dict[str, Any]:
    """What a label file counts of itself; counts of files can be added up."""
    entities = [entity for row in labels for entity in row]
    return {
        "pairs": len(labels),
        "quarantined": sum(reason is not None for reason in quarantine),
        "entities": len(entities),
        "projected": sum(entity["status"] == PROJECTED for entity in entities),
        "projected_by_type": dict(Counter(entity["type"] for entity in entities if entity["status"] == PROJECTED)),
        "unknown_by_reason": dict(Counter(entity["reason"] for entity in entities if entity["status"] == UNKNOWN)),
    }
