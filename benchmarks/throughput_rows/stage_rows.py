"""Rows of the stages by themselves, in one process: tag, align, and what is left of them where models cost nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from throughput_rows.layout import made, part
from throughput_rows.measured import MODELS, PAIRS, SHARD_PAIRS, Measured, Work
from throughput_rows.meter import Meter

_WARM = 16
_PROVENANCE = {"source_language": "en", "shard": "0" * 32, "tagger": "0" * 32, "aligner": "0" * 32}


def read_pairs(work: Work) -> pa.Table:
    """The pairs that models read."""
    return pq.read_table(Path(work.inputs) / PAIRS)


def shards(pairs: pa.Table) -> Iterator[pa.Table]:
    """The pairs as a projection takes them."""
    for start in range(0, pairs.num_rows, SHARD_PAIRS):
        yield pairs.slice(start, SHARD_PAIRS)


def free_model(work: Work, name: str) -> str:
    """The folder of a model that costs next to nothing."""
    return str(Path(work.inputs).absolute() / MODELS / name)


def tagger_settings(work: Work, model: str | None = None, **more: Any) -> Any:
    """Settings of the tagger, as the row's checkout has them."""
    return made("tagging.tagger_settings:TaggerSettings", model=model or work.tagger, device=work.device, **more)


def aligner_settings(work: Work, model: str | None = None, **more: Any) -> Any:
    """Settings of the aligner, as the row's checkout has them."""
    return made("alignment.aligner_settings:AlignerSettings", model=model or work.aligner, device=work.device, **more)


def spans_of(table: pa.Table) -> list[list[list[Any]]]:
    """The entities of each row of tags, or the projected ones of labels, as [type, start, end]."""
    found = []
    for entities in table["entities"].to_pylist():
        start, end = ("target_start", "target_end") if entities and "status" in entities[0] else ("start", "end")
        found.append([[one["type"], one[start], one[end]] for one in entities if one[start] is not None])
    return found


def tag_and_align(tagger: Any, aligner: Any, pairs: pa.Table, provenance: dict[str, str] = _PROVENANCE) -> pa.Table:
    """The labels of a shard."""
    tags = part("projection.stages:tag_shard")(tagger, pairs)
    return part("projection.stages:align_shard")(aligner, pairs, tags, provenance)


def tag(work: Work) -> dict[str, Measured]:
    """Tags both sides of all pairs."""
    torch.set_num_threads(work.threads)
    pairs, tagger, tag_shard = read_pairs(work), tagger_settings(work).load(), part("projection.stages:tag_shard")
    tag_shard(tagger, pairs[:_WARM])
    with Meter() as meter:
        tags = pa.concat_tables([tag_shard(tagger, shard) for shard in shards(pairs)])
    return {"tag": _labelled(meter, tags, pairs.num_rows / meter.wall_seconds, "pairs/s")}


def align(work: Work) -> dict[str, Measured]:
    """Aligns the entities that the tagger finds."""
    torch.set_num_threads(work.threads)
    pairs, aligner = read_pairs(work), aligner_settings(work).load()
    tag_shard, align_shard = part("projection.stages:tag_shard"), part("projection.stages:align_shard")
    tagger = tagger_settings(work, mentions=False).load()
    both = [(shard, tag_shard(tagger, shard)) for shard in shards(pairs)]
    align_shard(aligner, both[0][0][:_WARM], both[0][1][:_WARM], _PROVENANCE)
    with Meter() as meter:
        labels = pa.concat_tables([align_shard(aligner, shard, tags, _PROVENANCE) for shard, tags in both])
    return {"align": _labelled(meter, labels, pairs.num_rows / meter.wall_seconds, "pairs/s")}


def host(work: Work) -> dict[str, Measured]:
    """Tags, aligns and writes with models that cost next to nothing, on one thread."""
    torch.set_num_threads(1)
    pairs, out, write_table = read_pairs(work), Path(work.scratch), part("storage.files:write_table")
    tagger = tagger_settings(work, free_model(work, "tagger")).load()
    aligner = aligner_settings(work, free_model(work, "aligner")).load()
    tag_and_align(tagger, aligner, pairs[:_WARM])
    locate, made = part("storage.files:locate"), []
    with Meter() as meter:
        for number, shard in enumerate(shards(pairs)):
            made.append(out / f"{number}.parquet")
            write_table(locate(str(made[-1])), tag_and_align(tagger, aligner, shard))
    labels = pa.concat_tables([pq.read_table(file) for file in made])
    return {"host": _labelled(meter, labels, pairs.num_rows / meter.cpu_seconds, "pairs/s a core")}


def _labelled(meter: Meter, table: pa.Table, value: float, unit: str) -> Measured:
    measured = meter.measured(value, unit)
    measured.labels = spans_of(table)
    measured.counts = {"pairs": table.num_rows, "entities": sum(map(len, measured.labels))}
    return measured
