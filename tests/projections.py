"""Projections by the real stages, with a tagger and an aligner that need no model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xner_core.alignment.query import Alignment, AlignmentQuery
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.corpus.layout import Corpus, open_corpus
from xner_core.projection.plan import ProjectionPlan, plan_projection
from xner_core.projection.stages import align_shard, tag_shard
from xner_core.snapshots.lease import Lease
from xner_core.snapshots.repository import Snapshot
from xner_core.snapshots.state import publish_state
from xner_core.storage.files import Location, locate, read_table, write_table
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import Entity, Span


@dataclass(frozen=True)
class CapitalTagger:
    """Takes each word in capitals for a place."""

    settings: TaggerSettings = field(default_factory=TaggerSettings)

    def fingerprint(self) -> str:
        return "1" * 32

    def tag(self, texts: Sequence[str]) -> list[list[Entity]]:
        return [
            [Entity(Span(*match.span()), "LOC", 0.9) for match in re.finditer(r"[A-Z]{2,}", text)] for text in texts
        ]


@dataclass(frozen=True)
class EqualAligner:
    """Finds the same word in the target text."""

    version: str = "2" * 32

    def fingerprint(self) -> str:
        return self.version

    def align(self, queries: Sequence[AlignmentQuery]) -> list[list[Alignment]]:
        return [[self._align(query, span) for span in query.source_spans] for query in queries]

    def _align(self, query: AlignmentQuery, span: Span) -> Alignment:
        word = query.source_text[span.start : span.end]
        start = query.target_text.find(word)
        if start < 0:
            return Alignment(None, 0.1, "no equal word")
        return Alignment(Span(start, start + len(word)), 0.8)


def places(count: int, start: int = 0) -> list[str]:
    """Names of places, all different."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [letters[i // 26 % 26] + letters[i % 26] + "X" for i in range(start, start + count)]


def write_text(folder: Path, domain: str, places: Sequence[str]) -> None:
    """Writes a Moses pair with a sentence about each place."""
    folder.mkdir(parents=True, exist_ok=True)
    for language, pattern in (("en", "It rains in {}."), ("de", "Es regnet in {}.")):
        (folder / f"{domain}.{language}").write_text("".join(pattern.format(place) + "\n" for place in places))


def ingest(text: Path, out: Location, shard_pairs: int = 4) -> Corpus:
    cleaning = CleaningSettings(identify_language=False)
    ingest_corpus(IngestSettings(str(text), str(out / "corpus"), "de", shard_pairs=shard_pairs, cleaning=cleaning))
    return open_corpus(out / "corpus")


def project(corpus: Corpus, out: Location, aligner: EqualAligner | None = None) -> ProjectionPlan:
    """Writes the tags and labels that are not there yet."""
    tagger, aligner = CapitalTagger(), aligner or EqualAligner()
    plan = plan_projection(corpus, out, tagger, aligner)
    for task in plan.unfinished():
        pairs = read_table(locate(task.pairs_path))
        if not locate(task.tags_path).exists():
            write_table(locate(task.tags_path), tag_shard(tagger, pairs))
        provenance = {"source_language": "en", "shard": task.shard, "tagger": "t", "aligner": aligner.version}
        labels = align_shard(aligner, pairs, read_table(locate(task.tags_path)), provenance)
        write_table(locate(task.labels_path), labels)
    return plan


def publish_projection(text: Path, folder: str | Path | Location, aligner: EqualAligner | None = None) -> Snapshot:
    """Ingests, projects and publishes."""
    out = folder if isinstance(folder, Location) else locate(folder)
    with Lease(out, "a test") as lease:
        corpus = ingest(text, out)
        return publish_state(lease, corpus, project(corpus, out, aligner), note="a test")
