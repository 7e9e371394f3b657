"""From files of parallel text to a corpus: read what changed, clean, remove duplicates, shard, publish."""

import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from functools import cached_property, lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xner_core.corpus.cleaning import MALFORMED, Cleaner
from xner_core.corpus.ingest.assembly import IndexedSource, domain_rows
from xner_core.corpus.ingest.earlier import EarlierCorpus
from xner_core.corpus.ingest.findings import PROBED_PAIRS, is_mirrored, require_few_malformed, source_warnings
from xner_core.corpus.ingest.index import find_duplicates, index_name, index_path
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.spool import Spool, read_batch
from xner_core.corpus.ingest.text_store import TextStore
from xner_core.corpus.ingest.writer import CorpusWriter
from xner_core.corpus.layout import MANIFEST, open_corpus
from xner_core.corpus.naming import domain_name
from xner_core.corpus.readers import RawPair
from xner_core.corpus.sources import Source, find_sources
from xner_core.errors import XnerError
from xner_core.storage.file_identity import Identity, identify, require_unchanged
from xner_core.storage.files import Location, locate
from xner_core.storage.outputs import require_folder
from xner_core.text.normal_form import normal_form

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 10


def ingest_corpus(settings: IngestSettings) -> dict[str, Any]:
    """Makes a corpus of parallel text, or brings the one that is there up to date.

    Files that did not change since they were ingested are not read again, and the corpus comes out as if all had been.
    Until the manifest is written, as the last step, an earlier corpus in the same folder stays as it was; whatever goes
    wrong before, nothing of the new one remains. Texts wait on the local disk meanwhile (in TMPDIR, about their size
    uncompressed), so memory does not grow with them.

    Raises:
        XnerError: bad input, or a folder that holds something else.
    """
    started = time.monotonic()
    require_folder("out", settings.out)
    corpus, out = locate(settings.corpus), locate(settings.out)
    _check_out(settings, corpus, out)
    sources, warnings = find_sources(corpus, settings.source, settings.target)
    kept_settings = {
        "cleaning": asdict(settings.cleaning),
        "domain": settings.domain,
        "shard_pairs": settings.shard_pairs,
    }
    with (
        TemporaryDirectory(prefix="xner-ingest-") as folder,
        CorpusWriter(out, settings.source, settings.target, settings.shard_pairs) as writer,
    ):
        reading = _Reading(settings, writer, Spool(Path(folder), settings.source, settings.target))
        indexed = [reading.take(source) for source in sources]
        warnings += require_few_malformed(str(corpus), indexed, settings.malformed_limit)
        changes = _changes(indexed, writer.earlier)
        if not any(changes.values()) and writer.earlier.settings == kept_settings:
            writer.confirm(indexed)
            manifest = open_corpus(out).manifest
            reason = f"none of {len(sources)} sources has changed since they were ingested"
            logger.info("%s: %s", out, reason)
            warnings += manifest["warnings"]
            _log(warnings)
            counts = {name: manifest[name] for name in ("read", "kept", "rejected")}
            status = {"status": "nothing to do", "reason": reason}
            return status | _result(settings, counts, len(manifest["shards"]), changes, 0, 0, warnings, started)
        rows = sum(source.pairs for source in indexed)
        if not rows:
            raise XnerError(f"{corpus}: {', '.join(source.name for source in sources)} hold no pair")
        logger.info("%s pairs, %s of them read now; writing %s", f"{rows:,}", f"{reading.spool.rows:,}", out)
        indices = [(source.location, source.domains, source.first) for source in indexed]
        duplicates = find_duplicates(indices, rows, Path(folder))
        for domain in sorted({domain for source in indexed for domain in source.domains}):
            spooled = [(pairs, partial(read_batch, path)) for path, pairs in reading.spool.batches.get(domain, [])]
            before = writer.earlier
            stores = [TextStore(spooled), before.kept_texts(domain), before.rejected_texts(domain)]
            writer.write_domain(domain, partial(domain_rows, domain, indexed, duplicates, before), stores)
        counts = writer.counts
        assert counts["read"] == rows, f"{rows} pairs were read, but {counts['read']} written"
        languages = (settings.source, settings.target)
        of_sources = [warning for source in indexed for warning in source_warnings(source, languages)]
        writer.publish(indexed, duplicates, kept_settings, of_sources)
    warnings += of_sources
    _log(warnings)
    shards, files = len(writer.shards), len(writer.written_pairs)
    result = _result(settings, counts, shards, changes, reading.spool.rows, files, warnings, started)
    logger.info("%s", _summary(counts, out, result["seconds"]))
    return {"status": "done"} | result


def _result(
    settings: IngestSettings,
    counts: dict[str, Any],
    shards: int,
    changes: dict[str, list[str]],
    pairs_read: int,
    files_written: int,
    warnings: list[str],
    started: float,
) -> dict[str, Any]:
    seconds = time.monotonic() - started
    return {
        "out": str(locate(settings.out)),
        "source": settings.source,
        "target": settings.target,
        **counts,
        "shards": shards,
        "sources": {name: len(names) for name, names in changes.items()},
        "pairs_read": pairs_read,
        "files_written": files_written,
        "warnings": warnings,
        "seconds": round(seconds, 3),
        "pairs_per_second": round(pairs_read / seconds, 1),
    }


def _log(warnings: list[str]) -> None:
    for warning in warnings:
        logger.warning("%s", warning)


def _changes(sources: list[IndexedSource], before: EarlierCorpus) -> dict[str, list[str]]:
    """Names of the sources that are `added`, `changed` or `removed` since the earlier corpus was made."""
    now = {source.name for source in sources}
    return {
        "added": [source.name for source in sources if source.name not in before.sources],
        "changed": [source.name for source in sources if source.name in before.sources and source.earlier is None],
        "removed": sorted(before.sources.keys() - now),
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


class _Reading:
    """Takes the sources one after another; reads those that are not as they were, and writes their indices."""

    def __init__(self, settings: IngestSettings, writer: CorpusWriter, spool: Spool):
        self.settings = settings
        self.spool = spool
        self._writer = writer
        self._pairs = 0
        self._progress = _Progress()
        self._identities: dict[str, Identity] = {}
        # What of the settings decides what becomes of a pair.
        self._index_settings = {
            "cleaning": asdict(settings.cleaning),
            "domain": settings.domain,
            "languages": [settings.source, settings.target],
        }

    def take(self, source: Source) -> IndexedSource:
        earlier = self._writer.earlier.sources.get(source.name)
        same_kind = earlier is not None and len(earlier.identities) == len(source.files)
        known = earlier.identities if same_kind else [None] * len(source.files)
        identities = [self._identify(file.location, one) for file, one in zip(source.files, known, strict=True)]
        name = index_name(source, identities, self._index_settings)
        if earlier is None or earlier.index != name:
            earlier = None
            batches, reasons, turned = self._read(source)
            domains = self._writer.write_index(name, batches)
            for file, identity in zip(source.files, identities, strict=True):
                require_unchanged(file.location, identity)
        else:
            domains, reasons, turned = earlier.domains, earlier.reasons, earlier.turned
        location = self._writer.location / index_path(name)
        first = self._pairs
        taken = IndexedSource(source.name, identities, name, location, domains, first, earlier, reasons, turned)
        self._pairs += taken.pairs
        return taken

    def _identify(self, file: Location, known: Identity | None) -> Identity:
        # An archive has many members.
        if str(file) not in self._identities:
            self._identities[str(file)] = identify(file, known)
        return self._identities[str(file)]

    def _read(self, source: Source) -> tuple[dict[str, list[Path]], Counter[str], bool]:
        """Reads, cleans and spools the pairs of a source.

        Returns:
            where they are, by domain; how many break which rule; whether the sides were exchanged
        """
        settings, spool = self.settings, self.spool
        reasons: Counter[str] = Counter()
        pairs, turned = self._pairs_of(source)
        for pair in pairs:
            texts = (pair.source_text, pair.target_text)
            normal = (normal_form(texts[0]), normal_form(texts[1]))
            domain = settings.domain or (_row_domain(pair.domain) if pair.domain else source.domain)
            reason = MALFORMED if pair.fault else self._cleaner.reason(texts, normal)
            if reason:
                reasons[reason] += 1
            spool.add(domain, pair, pair.origin or source.name, reason, normal)
            if spool.rows % 1024 == 0:
                self._progress.show(source.name, spool.rows)
        return spool.end_source(), reasons, turned

    def _pairs_of(self, source: Source) -> tuple[Iterable[RawPair], bool]:
        """The pairs of a source with each text on its side, and whether the sides had to be exchanged for that."""
        pairs = source.pairs(self.settings.source, self.settings.target)
        first = list(islice(pairs, PROBED_PAIRS))
        turned = is_mirrored(first, self._cleaner)
        pairs = chain(first, pairs)
        return (pair.turned() for pair in pairs) if turned else pairs, turned

    @cached_property
    def _cleaner(self) -> Cleaner:
        return Cleaner(self.settings.cleaning, self.settings.source, self.settings.target)


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
