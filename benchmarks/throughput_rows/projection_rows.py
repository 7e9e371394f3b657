"""Rows of the whole projection through Ray, beside the same stages called plainly in one process."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import ray
import torch

from throughput_rows.corpus_rows import start_ray
from throughput_rows.layout import made, part
from throughput_rows.measured import Measured, Work
from throughput_rows.meter import Meter
from throughput_rows.stage_rows import aligner_settings, read_pairs, spans_of, tag_and_align, tagger_settings

# Of a run that shows what it takes to start: actors, and models in them.
_FEW = 2
_SHARD_PAIRS = 64


def projection(work: Work) -> dict[str, Measured]:
    """Projects through Ray, and plainly; what a run of two pairs takes is taken off as start-up.

    The tax is what Ray's run takes beyond that of one process with as many threads, as a share of it.
    """
    scratch, pairs = Path(work.scratch), read_pairs(work)
    corpora = [_ingested(scratch / name, table) for name, table in (("few", pairs[:_FEW]), ("all", pairs))]
    start_ray(work.workers)
    few, _ = _through_ray(work, corpora[0], scratch / "out-first")
    first = few.wall_seconds
    if not work.smoke:
        few, _ = _through_ray(work, corpora[0], scratch / "out-few")
    whole, labels = _through_ray(work, corpora[1], scratch / "out")
    ray.shutdown()
    plain, expected = _plainly(work, corpora[1])
    wall, cpu = whole.wall_seconds - few.wall_seconds, whole.cpu_seconds - few.cpu_seconds
    spans = spans_of(labels)
    line = whole.measured(labels.num_rows / wall, "pairs/s")
    line.counts = {"pairs": labels.num_rows, "projected": sum(map(len, spans))}
    line.counts["unlike one process"] = sum(a != b for a, b in zip(spans, spans_of(expected), strict=True))
    line.details = {"start_up_seconds": round(first, 1), "of_the_next_run": round(few.wall_seconds, 1)}
    line.labels = spans
    in_process = plain.measured(labels.num_rows / plain.wall_seconds, "pairs/s")
    tax = whole.measured(cpu / plain.cpu_seconds - 1, "share of CPU")
    wall_tax = whole.measured(wall / plain.wall_seconds - 1, "share of wall")
    return {"projection": line, "stages in one process": in_process, "Ray's tax": tax, "Ray's tax, wall": wall_tax}


def _ingested(folder: Path, pairs: pa.Table) -> Any:
    """A corpus of the pairs, in shards small enough that several are under way."""
    text = folder / "text"
    text.mkdir(parents=True)
    for language, column in (("en", "source_text"), ("de", "target_text")):
        lines = (f"{' '.join(line.split())}\n" for line in pairs[column].to_pylist())
        (text / f"news.{language}").write_text("".join(lines), encoding="utf-8")
    rules = made("corpus.cleaning_settings:CleaningSettings", identify_language=False)
    # A fixed number of shards, whatever the number of pairs.
    size = max(_SHARD_PAIRS, pairs.num_rows // 16)
    settings = made(
        "corpus.ingest.ingest_settings:IngestSettings",
        corpus=str(text),
        out=str(folder / "corpus"),
        target="de",
        shard_pairs=size,
        cleaning=rules,
    )
    part("corpus.ingest.ingestion:ingest_corpus")(settings)
    return part("corpus.layout:open_corpus")(part("storage.files:locate")(str(folder / "corpus")))


def _through_ray(work: Work, corpus: Any, out: Path) -> tuple[Meter, pa.Table]:
    settings = made(
        "workflows.projection_settings:ProjectionSettings",
        corpus=str(corpus.location),
        out=str(out),
        tagger=tagger_settings(work),
        aligner=aligner_settings(work),
    )
    project_corpus = part("workflows.projection:project_corpus")
    with Meter() as meter:
        result = project_corpus(settings)
    files = {Path(file).name: file for file in Path(result["labels"]).rglob("*.parquet")}
    tables = [pq.read_table(files[f"{shard.name}.parquet"], partitioning=None) for shard in corpus.shards]
    return meter, pa.concat_tables(tables)


def _plainly(work: Work, corpus: Any) -> tuple[Meter, pa.Table]:
    torch.set_num_threads(work.workers)
    tagger, aligner = tagger_settings(work).load(), aligner_settings(work).load()
    locate, write_table = part("storage.files:locate"), part("storage.files:write_table")
    read_table = part("storage.files:read_table")
    tables = []
    with Meter() as meter:
        for shard in corpus.shards:
            provenance = {"source_language": "en", "shard": shard.name, "tagger": "", "aligner": ""}
            tables.append(tag_and_align(tagger, aligner, read_table(locate(str(shard.path))), provenance))
            write_table(locate(str(Path(work.scratch) / "plain" / f"{shard.name}.parquet")), tables[-1])
    return meter, pa.concat_tables(tables)
