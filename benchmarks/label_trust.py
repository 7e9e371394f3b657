"""What labels are worth before a student learns them: gold sentence pairs are projected, and compared with the gold.

python benchmarks/label_trust.py --gold gold.jsonl --targets '[de, pt]' --thresholds '[[0.6, 0.3], [0.7, 0.3]]'

The rows of the table are ways to read the same labels: all that is projected; what the tagger finds in the target text
by itself (direct transfer); and both together, as trust settings with these thresholds (learnt, masked) have it. What
is masked is neither right nor wrong: `F1` takes it as missed, `F1 unmasked` leaves the gold entities out that it
overlaps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
import torch
from jsonargparse.typing import PositiveInt

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.cli.job import Command, Job, run_job
from xner_core.evaluation.gold import GoldPair, GoldSentence, read_gold
from xner_core.evaluation.text_table import text_table
from xner_core.projection.stages import align_shard, tag_shard
from xner_core.storage.hashing import pair_id
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import Entity, Span, entities_of_tags, tags_of_entities
from xner_core.training.features import AnnotatedText
from xner_core.training.student_settings import TrustSettings
from xner_core.training.trust import annotate

_PROJECTED, _MENTIONS = "projected", "direct transfer"


@dataclass(frozen=True)
class TrustComparison:
    """What is compared, on what.

    Args:
        gold: JSON lines of sentences annotated in several languages, plain or .gz, as xner evaluate takes them
        targets: target languages
        source: source language
        types: entity types to score; all that both sides of the gold mark if none are given
        thresholds: pairs of scores, from which on spans are learnt and masked
        form: rule out what the written form of a name speaks against, as students do by default; annotations differ in
            it, and that of Europarl has adjectives of nationality in lowercase
        tagger: the tagger
        aligner: the aligner
        threads: of the CPU
    """

    gold: str
    targets: list[str]
    source: str = "en"
    types: list[str] | None = None
    thresholds: list[tuple[float, float]] = field(default_factory=lambda: [(0.3, 0.3), (0.6, 0.3), (0.7, 0.3)])
    form: bool = False
    tagger: TaggerSettings = field(default_factory=TaggerSettings)
    aligner: AlignerSettings = field(default_factory=AlignerSettings)
    threads: PositiveInt = 1


def compare_trust(settings: TrustComparison) -> dict[str, Any]:
    """Scores of each way to read the labels, in percent, for each target language."""
    torch.set_num_threads(settings.threads)
    tagger, aligner = settings.tagger.load(), settings.aligner.load()
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for target in settings.targets:
        pairs = read_gold(settings.gold, settings.source, target)
        table = _pairs_table(pairs, settings.source, target)
        provenance = {"source_language": settings.source, "shard": "gold", "tagger": "", "aligner": ""}
        labels = align_shard(aligner, table, tag_shard(tagger, table), provenance)
        types = set(settings.types or _marked(pairs))
        figures[target] = {
            name: _scores([gold for _, gold in pairs], texts, types) for name, texts in _readings(labels, settings)
        }
    rows = [
        [f"{target} {name}", *(f"{value:.1f}" for value in scores.values())]
        for target, readings in figures.items()
        for name, scores in readings.items()
    ]
    print(text_table(["", *next(iter(next(iter(figures.values())).values()))], rows))
    return {"status": "done", "gold": settings.gold, "figures": figures}


def _pairs_table(pairs: Sequence[GoldPair], source: str, target: str) -> pa.Table:
    return pa.table(
        {
            "pair_id": [pair_id(source, target, one.text, other.text) for one, other in pairs],
            "source_text": [one.text for one, _ in pairs],
            "target_text": [other.text for _, other in pairs],
            "score": pa.nulls(len(pairs), pa.float32()),
            "origin": ["gold"] * len(pairs),
        }
    )


def _marked(pairs: Sequence[GoldPair]) -> set[str]:
    one, other = ({entity.type for pair in pairs for entity in pair[side].entities()} for side in (0, 1))
    return one & other


def _readings(labels: pa.Table, settings: TrustComparison) -> Iterator[tuple[str, list[AnnotatedText]]]:
    form = {} if settings.form else {"lowercase": 1.0, "hyphenated": 1.0, "touching": False}
    trusting = partial(TrustSettings, **form)
    plain = trusting(learnt=0.0, masked=0.0, mentions=0.0)
    yield _PROJECTED, list(annotate(labels, plain))
    own = trusting(learnt=0.0, masked=0.0, unexplained=0.0)
    column = labels.schema.get_field_index("entities")
    nothing = pa.array([[]] * len(labels), labels.schema.field(column).type)
    yield _MENTIONS, list(annotate(labels.set_column(column, "entities", nothing), own))
    for learnt, masked in settings.thresholds:
        trust = trusting(learnt=learnt, masked=masked)
        yield f"both, {learnt:g} and {masked:g}", list(annotate(labels, trust))


def _scores(gold: Sequence[GoldSentence], texts: Sequence[AnnotatedText], types: set[str]) -> dict[str, float]:
    right = learnt = wanted = unmasked = masked = 0
    for sentence, text in zip(gold, texts, strict=True):
        marked = {(entity.span, entity.type) for entity in sentence.entities() if entity.type in types}
        found = {_whole(entity, sentence.tokens) for entity in text.entities if entity.type in types}
        right += len(found & marked)
        learnt += len(found)
        wanted += len(marked)
        unmasked += sum(not any(span.overlaps(other) for other in text.masked) for span, _ in marked)
        masked += len(text.masked)
    return {
        "precision": 100 * right / max(1, learnt),
        "recall": 100 * right / max(1, wanted),
        "F1": 200 * right / max(1, learnt + wanted),
        "F1 unmasked": 200 * right / max(1, learnt + unmasked),
        "masked per 100 entities": 100 * masked / max(1, wanted),
    }


def _whole(entity: Entity, tokens: Sequence[Span]) -> tuple[Span, str]:
    """An entity's span, made that of the tokens which it overlaps."""
    covered = entities_of_tags(tags_of_entities([entity], tokens), tokens)
    return (covered[0].span if covered else entity.span), entity.type


JOB = Job(__doc__, Command(TrustComparison, compare_trust))

if __name__ == "__main__":
    run_job(JOB)
