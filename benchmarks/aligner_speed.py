"""Times aligners on the same pairs of a corpus, with the entities that the tagger finds, in one run.

python benchmarks/aligner_speed.py --corpus corpora/en-de --domain news --aligners '[starter, similarity]'
"""

import itertools
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jsonargparse.typing import PositiveInt

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.query import AlignmentQuery
from xner_core.cli.job import Command, Job, run_job
from xner_core.corpus.layout import Corpus, open_corpus
from xner_core.errors import XnerError
from xner_core.models.model_settings import STARTER
from xner_core.storage.files import locate, read_table
from xner_core.tagging.tagger_settings import TaggerSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpeedSettings:
    """What is timed, and on what.

    Args:
        corpus: folder of an ingested corpus, local or s3://
        domain: domain that the pairs are of
        aligners: `starter`, `similarity`, or folders that xner train-aligner wrote; ratios are to the last of them
        pairs: pairs that have an entity
        rounds: how often each aligner aligns a part of the pairs, in turn with the others
        tagger: finds the entities
        batch_tokens: tokens, padding included, that an encoder reads at once
        threads: of the CPU
    """

    corpus: str
    domain: str
    aligners: list[str] = field(default_factory=lambda: [STARTER, "similarity"])
    pairs: PositiveInt = 600
    rounds: PositiveInt = 5
    tagger: TaggerSettings = field(default_factory=TaggerSettings)
    batch_tokens: PositiveInt = 1024
    threads: PositiveInt = 1


def time_aligners(settings: SpeedSettings) -> dict[str, Any]:
    """Pairs/s of each aligner, over all rounds, and its median ratio to the last aligner in the same round."""
    torch.set_num_threads(settings.threads)
    queries = _queries(open_corpus(locate(settings.corpus)), settings)
    aligners = [AlignerSettings(name, batch_tokens=settings.batch_tokens).load() for name in settings.aligners]
    seconds: list[list[float]] = [[] for _ in aligners]
    for number in range(settings.rounds):
        part = queries[number :: settings.rounds]
        for aligner, times in zip(aligners, seconds, strict=True):
            started = time.perf_counter()
            aligner.align(part)
            times.append(time.perf_counter() - started)
    rows = [
        {
            "aligner": name,
            "pairs_per_second": round(len(queries) / sum(times), 1),
            "ratio": round(
                float(torch.tensor([last / own for own, last in zip(times, seconds[-1], strict=True)]).median()), 2
            ),
        }
        for name, times in zip(settings.aligners, seconds, strict=True)
    ]
    for row in rows:
        logger.info("%(aligner)s: %(pairs_per_second)s pairs/s, %(ratio)s times the last", row)
    entities = sum(len(query.source_spans) for query in queries)
    return {"status": "done", "corpus": settings.corpus, "pairs": len(queries), "entities": entities, "rows": rows}


def _queries(corpus: Corpus, settings: SpeedSettings) -> list[AlignmentQuery]:
    """The first pairs of the domain that have an entity."""
    tagger = replace(settings.tagger, batch_tokens=settings.batch_tokens).load()
    queries: list[AlignmentQuery] = []
    pairs = _pairs(corpus, settings.domain)
    while batch := list(itertools.islice(pairs, 256)):
        for (source, target), entities in zip(batch, tagger.tag([source for source, _ in batch]), strict=True):
            if entities:
                spans, types = (tuple(getattr(entity, name) for entity in entities) for name in ("span", "type"))
                queries.append(AlignmentQuery(source, target, spans, types))
        if len(queries) >= settings.pairs:
            return queries[: settings.pairs]
    raise XnerError(
        f"{settings.corpus}: {len(queries)} pairs of domain {settings.domain!r} have an entity; ask for fewer"
    )


def _pairs(corpus: Corpus, domain: str) -> Iterator[tuple[str, str]]:
    for shard in corpus.shards:
        if shard.domain == domain:
            table = read_table(locate(shard.path), ["source_text", "target_text"])
            yield from zip(table["source_text"].to_pylist(), table["target_text"].to_pylist(), strict=True)


JOB = Job(__doc__, Command(SpeedSettings, time_aligners))

if __name__ == "__main__":
    run_job(JOB)
