"""Rows beside what others would take: the pipeline of Transformers, SimAlign, and the machine's own matrix product."""

import importlib
import importlib.util
import os
import time
from typing import Any

import torch
from transformers import pipeline

from throughput_rows.layout import part
from throughput_rows.measured import Measured, Work, not_run
from throughput_rows.meter import Meter
from throughput_rows.stage_rows import aligner_settings, read_pairs, tagger_settings

_BATCH_SIZES = (1, 4, 8, 16, 32, 64)
_TRIED = 128


def against_pipeline(work: Work) -> dict[str, Measured]:
    """Tags the source texts, by xner as it is set, and by the pipeline in float32 at its best batch size."""
    torch.set_num_threads(work.threads)
    texts = read_pairs(work)["source_text"].to_pylist()
    model, tokenizer = part("models.loading:load_token_classifier")(work.tagger)
    model = model.to(work.device)
    rival = pipeline(
        "token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple", device=work.device
    )
    tried = {size: _seconds(lambda size=size: rival(texts[:_TRIED], batch_size=size)) for size in _BATCH_SIZES}
    best = min(tried, key=lambda size: tried[size])
    tagger = tagger_settings(work).load()
    tagger.tag(texts[:_TRIED])
    theirs = _seconds(lambda: rival(texts, batch_size=best))
    with Meter() as meter:
        found = tagger.tag(texts)
    line = meter.measured(theirs / meter.wall_seconds, "times the pipeline")
    line.labels = [[[one.type, *one.span] for one in text] for text in found]
    line.details = {"batch_size": best, "pipeline_texts_per_second": round(len(texts) / theirs, 2)}
    return {"tag, against the pipeline": line}


def against_simalign(work: Work) -> dict[str, Measured]:
    """Aligns the entities of all pairs, by xner as it is set, and all words by SimAlign (argmax, float32)."""
    name = "align, against SimAlign"
    if importlib.util.find_spec("simalign") is None:
        return {name: not_run("times SimAlign", "pip install simalign, and --rows simalign")}
    torch.set_num_threads(work.threads)
    pairs = read_pairs(work)
    tags = part("projection.stages:tag_shard")(tagger_settings(work, mentions=False).load(), pairs)
    span, query = part("text.spans:Span"), part("alignment.query:AlignmentQuery")
    texts = list(zip(pairs["source_text"].to_pylist(), pairs["target_text"].to_pylist(), strict=True))
    queries = [
        query(*both, tuple(span(one["start"], one["end"]) for one in found), tuple(one["type"] for one in found))
        for both, found in zip(texts, tags["entities"].to_pylist(), strict=True)
    ]
    encoder = str(part("models.loading:encoder_folder")(work.encoder))
    rival = importlib.import_module("simalign").SentenceAligner(
        model=encoder, token_type="bpe", matching_methods="a", device=work.device
    )
    aligner = aligner_settings(work).load()
    aligner.align(queries[:16])
    split = [(source.split(), target.split()) for source, target in texts]
    theirs = _seconds(lambda: [rival.get_word_aligns(*both) for both in split])
    with Meter() as meter:
        aligner.align(queries)
    line = meter.measured(theirs / meter.wall_seconds, "times SimAlign")
    line.details = {"simalign_pairs_per_second": round(len(texts) / theirs, 2)}
    return {name: line}


def _seconds(run: Any) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def matrix_rate(device: str, dtype: torch.dtype, size: int = 4096, seconds: float = 2.0) -> float:
    """Multiplications and additions a second of a large matrix product, each counted as one operation."""
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    synchronise = torch.cuda.synchronize if device == "cuda" else int
    for _ in range(2):
        left @ right
    synchronise()
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        left @ right
        synchronise()
        done += 1
    return done * 2 * size**3 / (time.perf_counter() - started)


def useful_operations(config: Any, tokens: list[int]) -> float:
    """Operations of an encoder on texts of so many tokens, padding excluded: products of weights and of attention."""
    hidden, inner = config.hidden_size, config.intermediate_size
    weights = config.num_hidden_layers * (4 * hidden * hidden + 2 * hidden * inner)
    attention = config.num_hidden_layers * 2 * hidden
    return float(sum(2 * weights * count + 2 * attention * count * count for count in tokens))


def share_of_matrix_rate(work: Work) -> dict[str, Measured]:
    """The tagger's share of the matrix rate that this machine is measured at, by useful arithmetic."""
    torch.set_num_threads(work.threads)
    texts = read_pairs(work)["source_text"].to_pylist()
    model, tokenizer = part("models.loading:load_token_classifier")(work.tagger)
    tokens = [len(ids) for ids in tokenizer(texts)["input_ids"]]
    tagger = tagger_settings(work).load()
    tagger.tag(texts[:16])
    size, seconds = (512, 0.2) if work.smoke else (4096, 2.0)
    rate = matrix_rate(work.device, torch.float32, size, seconds)
    with Meter() as meter:
        tagger.tag(texts)
    line = meter.measured(useful_operations(model.config, tokens) / meter.wall_seconds / rate, "share of float32 rate")
    line.details = {"matrix_gflops": round(rate / 1e9, 1), "threads": work.threads, "cpus": os.cpu_count()}
    return {"tag, share of the matrix rate": line}
