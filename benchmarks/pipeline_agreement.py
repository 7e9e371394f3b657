"""Whether a student that plain Transformers reads finds what xner finds with it.

python benchmarks/pipeline_agreement.py --student out/de/student --gold de.conll.gz,zh.conll.gz

Each gold file's raw texts are read by xner and by the pipeline that the README shows. `agreement` is the F1 of typed
spans, in code points of the text, between the two; `F1` and `F1 pipeline` are those of either against the gold; `torn`
counts the spans that begin or end within a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jsonargparse.typing import PositiveInt
from transformers import pipeline

from xner_core.cli.job import Command, Job, run_job
from xner_core.evaluation.gold import read_sentences
from xner_core.evaluation.tagger_evaluation import marked_types
from xner_core.evaluation.text_table import text_table
from xner_core.models.windows import WINDOW_OVERLAP
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import Entity
from xner_core.text.words import words

# A start, an end and a type.
Found = set[tuple[int, int, str]]


@dataclass(frozen=True)
class PipelineComparison:
    """What is compared, on what.

    Args:
        student: folder of a student
        gold: CoNLL files, or JSON lines; plain or .gz
        language: which side of JSON lines is read
        sentences: of each file at most, evenly spread over it; all without it
        threads: of the CPU
    """

    student: str
    gold: list[str]
    language: str | None = None
    sentences: PositiveInt | None = None
    threads: PositiveInt = 1


def compare_pipeline(settings: PipelineComparison) -> dict[str, Any]:
    """The agreement of the two, and the F1 of each, in percent, for each gold file."""
    torch.set_num_threads(settings.threads)
    use = pipeline("token-classification", model=settings.student, aggregation_strategy="simple", stride=WINDOW_OVERLAP)
    types = {label[2:]: label[2:] for label in use.model.config.label2id or () if label != "O"}
    tagger = TaggerSettings(settings.student, types).load()
    figures: dict[str, dict[str, float]] = {}
    for path in settings.gold:
        sentences = read_sentences(path, settings.language)
        sentences = sentences[:: -(-len(sentences) // (settings.sentences or len(sentences)))]
        texts, marked = [sentence.text for sentence in sentences], marked_types(sentences)
        gold = [_found(sentence.entities()) for sentence in sentences]
        own = [_found(entities) for entities in tagger.tag(texts)]
        piped: list[Found] = [
            {(int(one["start"]), int(one["end"]), one["entity_group"]) for one in use(text)} for text in texts
        ]
        figures[path] = {
            "sentences": len(texts),
            "entities": sum(map(len, own)),
            "agreement": f1(own, piped),
            "F1": f1(_of_types(own, marked), gold),
            "F1 pipeline": f1(_of_types(piped, marked), gold),
            "torn": sum(map(torn, texts, piped)),
        }
    rows = [[Path(path).name, *(f"{value:.4g}" for value in row.values())] for path, row in figures.items()]
    print(text_table(["", *next(iter(figures.values()))], rows))
    return {"status": "done", "student": settings.student, "figures": figures}


def f1(one: Sequence[Found], other: Sequence[Found]) -> float:
    """F1 of typed spans between two readings of the same texts, in percent."""
    shared = sum(len(a & b) for a, b in zip(one, other, strict=True))
    return 200 * shared / max(1, sum(map(len, one)) + sum(map(len, other)))


def torn(text: str, found: Found) -> int:
    """How many spans begin or end within a word."""
    edges = {edge for start, end in words(text) for edge in (start, end)}
    return sum(not {start, end} <= edges for start, end, _ in found)


def _found(entities: Sequence[Entity]) -> Found:
    return {(*entity.span, entity.type) for entity in entities}


def _of_types(readings: Sequence[Found], types: set[str]) -> list[Found]:
    return [{found for found in reading if found[2] in types} for reading in readings]


JOB = Job(__doc__, Command(PipelineComparison, compare_pipeline))

if __name__ == "__main__":
    run_job(JOB)
