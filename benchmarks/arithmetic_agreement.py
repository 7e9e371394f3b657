"""Whether tags and alignments stay the same when they are computed otherwise than in PyTorch's float32.

python benchmarks/arithmetic_agreement.py --source news.en.gz --target news.de.gz --pairs 6000 --other emulated-bfloat16

`emulated-bfloat16` is for machines without it: weights, and what goes into and out of each layer, are rounded to it,
while sums are in float32. `float32` is the same arithmetic in batches of another size, and so with other padding. Each
line is the F1 of what the two find, in percent, over all pairs so far.
"""

import gzip
import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jsonargparse.typing import PositiveInt

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.query import AlignmentQuery
from xner_core.cli.job import Command, Job, run_job
from xner_core.models.forward import Outputs
from xner_core.models.model_settings import STARTER, Device
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import Entity

logger = logging.getLogger(__name__)

Found = set[tuple[int, ...] | tuple[int, int, int, str]]
_PAIRS_AT_ONCE = 500


@dataclass(frozen=True)
class AgreementSettings:
    """What is compared, on what.

    Args:
        source: texts with the entities, one a line, plain or .gz
        target: their translations, line by line
        other: what is compared with PyTorch's float32 on the CPU
        device: that the other one computes on
        aligners: `starter`, `similarity`, or folders that xner train-aligner wrote
        pairs: how many, from the first on
        batch_tokens: tokens, padding included, that are read at once; of the other one
        threads: of the CPU
    """

    source: str
    target: str
    other: Literal["emulated-bfloat16", "bfloat16", "openvino-bfloat16", "float32"]
    device: Device = "cpu"
    aligners: tuple[str, ...] = (STARTER, "similarity")
    pairs: PositiveInt = 600
    batch_tokens: PositiveInt = 4096
    threads: PositiveInt = 1


def compare_arithmetic(settings: AgreementSettings) -> dict[str, Any]:
    """For tags and each aligner, what each of the two finds, what both do, and the F1 in percent."""
    torch.set_num_threads(settings.threads)
    one: dict[str, Any] = {"device": "cpu", "runtime": "torch", "precision": "float32"}
    runtime, _, precision = settings.other.rpartition("-")
    emulated = runtime == "emulated"
    other: dict[str, Any] = {"device": settings.device, "runtime": "torch" if emulated else runtime or "torch"}
    other |= {"precision": "float32" if emulated else precision, "batch_tokens": settings.batch_tokens}
    taggers = [TaggerSettings(**one).load(), TaggerSettings(**other).load()]
    aligners = {name: [AlignerSettings(name, **each).load() for each in (one, other)] for name in settings.aligners}
    if emulated:
        for model in (taggers[1], *(both[1] for both in aligners.values())):
            for outputs in _passes(model):
                emulate_bfloat16(outputs)
    counts = {name: [0, 0, 0] for name in ("tags", *aligners)}
    done = 0
    pairs = itertools.islice(zip(_lines(settings.source), _lines(settings.target), strict=True), settings.pairs)
    while part := list(itertools.islice(pairs, _PAIRS_AT_ONCE)):
        tags = [tagger.tag([source for source, _ in part]) for tagger in taggers]
        _count(counts["tags"], *(_typed(found) for found in tags))
        queries = [
            AlignmentQuery(*pair, tuple(entity.span for entity in entities))
            for pair, entities in zip(part, tags[0], strict=True)
        ]
        for name, both in aligners.items():
            _count(counts[name], *(_targets(aligner.align(queries)) for aligner in both))
        done += len(part)
        figures = ", ".join(f"{name} {_f1(*count):.3f}" for name, count in counts.items())
        logger.info("%d pairs: %s", done, figures)
    rows = {
        name: {"float32": count[0], "other": count[1], "both": count[2], "F1": round(_f1(*count), 3)}
        for name, count in counts.items()
    }
    return {"status": "done", "pairs": done, "other": settings.other, "figures": rows}


def emulate_bfloat16(model: torch.nn.Module) -> None:
    """Rounds weights, and from now on what goes into and out of layers, to what bfloat16 has."""

    def rounded(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(rounded, value))
        return value.bfloat16().float() if torch.is_tensor(value) and value.is_floating_point() else value

    with torch.no_grad():
        for weights in model.parameters():
            weights.copy_(rounded(weights))
    for module in model.modules():
        kinds = torch.nn.Linear | torch.nn.LayerNorm | torch.nn.Embedding
        if isinstance(module, kinds) or type(module).__name__.endswith(("Intermediate", "SelfAttention")):
            module.register_forward_pre_hook(lambda _, values: rounded(values))
            module.register_forward_hook(lambda _, values, output: rounded(output))


def _passes(model: Any) -> list[Outputs]:
    """The modules that a tagger or an aligner computes with; each has them at another place."""
    passes = [model._forward] if hasattr(model, "_forward") else model._encoder._passes.values()
    return [each._outputs for each in passes]


def _lines(path: str) -> Iterator[str]:
    with gzip.open(path, "rt") if path.endswith(".gz") else open(path) as file:
        for line in file:
            yield line.strip()


def _typed(found: Sequence[Sequence[Entity]]) -> Found:
    return {(text, *entity.span, entity.type) for text, entities in enumerate(found) for entity in entities}


def _targets(found: Sequence[Sequence[Any]]) -> Found:
    return {
        (pair, number, *alignment.target)
        for pair, alignments in enumerate(found)
        for number, alignment in enumerate(alignments)
        if alignment.target
    }


def _count(count: list[int], one: Found, other: Found) -> None:
    for place, found in enumerate((one, other, one & other)):
        count[place] += len(found)


def _f1(one: int, other: int, both: int) -> float:
    return 200 * both / max(1, one + other)


JOB = Job(__doc__, Command(AgreementSettings, compare_arithmetic))

if __name__ == "__main__":
    run_job(JOB)
