"""Rows of one GPU: models with random weights in the shapes of the starter, XLM-R base and large."""

import time
from pathlib import Path

import pyarrow as pa
import torch
from transformers import XLMRobertaConfig, XLMRobertaForTokenClassification

from throughput_rows.layout import part
from throughput_rows.measured import Measured, Work
from throughput_rows.meter import Meter
from throughput_rows.rival_rows import matrix_rate, useful_operations
from throughput_rows.stage_rows import aligner_settings, read_pairs, tag_and_align, tagger_settings

# Hidden size, layers, heads, inner size.
SHAPES = {"starter": (384, 12, 12, 1536), "base": (768, 12, 12, 3072), "large": (1024, 24, 16, 4096)}
_BATCH_TOKENS = (16_384, 65_536, 262_144)
_OUTSIDE = 3.0
_LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]


def gpu(work: Work) -> dict[str, Measured]:
    """Tags and aligns in one process, for each shape at the best of several batch sizes, in bfloat16."""
    device, pairs = work.device, read_pairs(work)
    pairs = pairs[:64] if work.smoke else pairs
    rate = matrix_rate(device, torch.bfloat16, *((512, 0.1) if work.smoke else (8192, 2.0)))
    lines: dict[str, Measured] = {}
    for shape in ("starter",) if work.smoke else SHAPES:
        folder = _saved(Path(work.scratch) / shape, shape, Path(work.inputs) / "models" / "tagger")
        of_shape = [_measured(work, shape, folder, pairs, tokens, rate) for tokens in _BATCH_TOKENS]
        best = max(of_shape, key=lambda both: both[0].value or 0.0)
        lines[f"GPU, {shape}"], lines[f"GPU, {shape}, share of bfloat16 rate"] = best
    return lines


def _saved(folder: Path, shape: str, tokenizer: Path) -> Path:
    """A tagger of this shape with random weights."""
    part("models.loading:load_tokenizer")(tokenizer).save_pretrained(folder)
    hidden, layers, heads, inner = SHAPES[shape]
    torch.manual_seed(1)
    config = XLMRobertaConfig(
        vocab_size=250_002,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=514,
        type_vocab_size=1,
        id2label=dict(enumerate(_LABELS)),
        label2id={label: index for index, label in enumerate(_LABELS)},
    )
    model = XLMRobertaForTokenClassification(config)
    with torch.no_grad():
        # In units of the logits' spread, so that there are about as many entities as real models find.
        model.classifier.bias[0] = _OUTSIDE * config.initializer_range * hidden**0.5
    model.save_pretrained(folder)
    return folder


def _measured(
    work: Work, shape: str, folder: Path, pairs: pa.Table, batch_tokens: int, rate: float
) -> tuple[Measured, Measured]:
    more = {"precision": "bfloat16", "batch_tokens": batch_tokens}
    tagger = tagger_settings(work, str(folder), **more).load()
    aligner = aligner_settings(work, "similarity", encoder=str(folder), **more).load()
    tag_and_align(tagger, aligner, pairs[:256])
    started = time.perf_counter()
    tags = part("projection.stages:tag_shard")(tagger, pairs)
    seconds = time.perf_counter() - started
    with Meter() as meter:
        tag_and_align(tagger, aligner, pairs)
    tokenizer = part("models.loading:load_tokenizer")(folder)
    texts = pairs["source_text"].to_pylist() + pairs["target_text"].to_pylist()
    tokens = [len(ids) for ids in tokenizer(texts)["input_ids"]]
    config = XLMRobertaConfig.from_pretrained(folder)
    line = meter.measured(pairs.num_rows / meter.wall_seconds, "pairs/s")
    line.counts = {"pairs": tags.num_rows}
    line.details = {"batch_tokens": batch_tokens, "bfloat16_tflops": round(rate / 1e12, 1), "tag_seconds": seconds}
    share = meter.measured(useful_operations(config, tokens) / seconds / rate, "share, tagging")
    share.details = line.details
    return line, share
