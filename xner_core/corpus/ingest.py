"""From files of parallel text to a corpus: read, clean, remove duplicates, shard, publish."""

import logging
import re
import time
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jsonargparse.typing import PositiveInt

from xner_core.corpus.cleaning import Cleaner, CleaningSettings, normalise
from xner_core.corpus.layout import MANIFEST, open_corpus
from xner_core.corpus.sources import Source, domain_name, find_sources
from xner_core.corpus.spool import Spool
from xner_core.corpus.writer import CorpusWriter
from xner_core.errors import XnerError
from xner_core.files import Location, locate

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 10
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]+)*")


@dataclass
class IngestSettings:
    """What is read, and how it is kept.

    Args:
        corpus: A file or folder of parallel text, local or s3://. Taken are all files of the language pair: Moses pairs
            (news.en.gz beside news.de.gz), .tsv, .tmx, .jsonl, .parquet, and OPUS .zip archives.
        out: Folder of the corpus to make, local or s3://. An earlier corpus of the same language pair is replaced.
        target: Language code of the target texts, as the files name it (de, zh, pt_BR).
        source: Language code of the source texts.
        domain: One domain for everything; otherwise that of the row, or the name of the file.
        shard_pairs: The most pairs in a shard.
        cleaning: Which pairs are kept.
    """

    corpus: str
    out: str
    target: str
    source: str = "en"
    domain: str | None = None
    shard_pairs: PositiveInt = 4096
    cleaning: CleaningSettings = field(default_factory=CleaningSettings)

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            if not _LANGUAGE.fullmatch(getattr(self, name)):
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected a language code such as en or zh_CN")
        if self.source == self.target:
            raise ValueError(f"source and target are both {self.source}")
        if self.domain is not None and self.domain != domain_name(self.domain):
            raise ValueError(f"domain {self.domain!r} cannot name a folder; {domain_name(self.domain)!r} could")


def ingest_corpus(settings: IngestSettings) -> dict[str, Any]:
    """Makes a corpus of parallel text.

    Until the manifest is written, as the last step, an earlier corpus in the same folder stays as it was; whatever goes
    wrong before, nothing of the new one remains. Texts wait on the local disk meanwhile (in TMPDIR, about their size
    uncompressed), so memory does not grow with them.

    Raises:
        XnerError: bad input, or a folder that holds something else.
    """
    started = time.monotonic()
    corpus, out = locate(settings.corpus), locate(settings.out)
    _check_out(settings, corpus, out)
    sources = find_sources(corpus, settings.source, settings.target)
    with TemporaryDirectory(prefix="xner-ingest-") as folder:
        spool = Spool(Path(folder), settings.source, settings.target)
        read = _read(sources, settings, spool)
        spool.finish()
        if not spool.rows:
            raise XnerError(f"{corpus}: {', '.join(read)} hold no pair")
        logger.info("read %s pairs; writing %s", f"{spool.rows:,}", out)
        with CorpusWriter(out, settings.source, settings.target, settings.shard_pairs) as writer:
            for domain in spool.domains:
                writer.write_domain(domain, spool.batches(domain))
            counts = writer.counts
            assert counts["read"] == spool.rows, f"{spool.rows} pairs were read, but {counts['read']} written"
            writer.publish(
                sources=[{"name": name, "pairs": pairs} for name, pairs in read.items()],
                settings={
                    "cleaning": asdict(settings.cleaning),
                    "domain": settings.domain,
                    "shard_pairs": settings.shard_pairs,
                },
            )
    seconds = time.monotonic() - started
    logger.info("%s", _summary(counts, out, seconds))
    return {
        "status": "done",
        "out": str(out),
        "source": settings.source,
        "target": settings.target,
        **counts,
        "shards": len(writer.shards),
        "files_written": len(writer.written),
        "seconds": round(seconds, 3),
        "pairs_per_second": round(spool.rows / seconds, 1),
    }


def _check_out(settings: IngestSettings, corpus: Location, out: Location) -> None:
    if f"{out}/".startswith(f"{corpus}/"):
        raise XnerError(f"{out}: lies in the folder that is read; choose an --out beside it")
    if (out / MANIFEST).exists():
        earlier = open_corpus(out)
        if (earlier.source, earlier.target) != (settings.source, settings.target):
            raise XnerError(
                f"{out}: holds a corpus of {earlier.source} and {earlier.target}; choose another --out for "
                f"{settings.source} and {settings.target}"
            )


def _read(sources: list[Source], settings: IngestSettings, spool: Spool) -> dict[str, int]:
    """Reads, cleans and spools all pairs; returns how many each source has."""
    cleaner = Cleaner(settings.cleaning, settings.source, settings.target)
    read: dict[str, int] = {}
    progress = _Progress()
    for source in sources:
        before = spool.rows
        for pair in source.pairs(settings.source, settings.target):
            texts = (pair.source_text, pair.target_text)
            normal = (normalise(texts[0]), normalise(texts[1]))
            domain = settings.domain or (_row_domain(pair.domain) if pair.domain else source.domain)
            spool.add(domain, pair, pair.origin or source.name, cleaner.reason(texts, normal), normal)
            if spool.rows % 1024 == 0:
                progress.show(source.name, spool.rows)
        read[source.name] = spool.rows - before
    return read


_row_domain = lru_cache(maxsize=4096)(domain_name)


class _Progress:
    """Logs how far reading has come, every few seconds."""

    def __init__(self):
        self.started = self.shown = time.monotonic()

    def show(self, name: str, pairs: int) -> None:
        now = time.monotonic()
        if now - self.shown >= PROGRESS_SECONDS:
            self.shown = now
            logger.info("%s: %s pairs read, %s pairs/s", name, f"{pairs:,}", f"{pairs / (now - self.started):,.0f}")


def _summary(counts: dict[str, Any], out: Location, seconds: float) -> str:
    lines = [f"{counts['read']:,} pairs read in {seconds:,.1f} s, {counts['kept']:,} kept in {out}"]
    lines += [f"  {number:>10,} {reason}" for reason, number in counts["rejected"].items() if number]
    return "\n".join(lines)
