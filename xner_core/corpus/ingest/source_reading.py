"""Takes the sources of a corpus in order: those that are as they were by their indices, others by reading them."""

import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from functools import cached_property, lru_cache
from itertools import chain, islice
from pathlib import Path

from xner_core.corpus.cleaning import MALFORMED, Cleaner
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.findings import PROBED_PAIRS, is_mirrored
from xner_core.corpus.ingest.index import index_name, index_path
from xner_core.corpus.ingest.indexed_source import IndexedSource
from xner_core.corpus.ingest.spool import Spool
from xner_core.corpus.ingest.writer import CorpusWriter
from xner_core.corpus.naming import domain_name
from xner_core.corpus.readers import RawPair
from xner_core.corpus.sources import Source
from xner_core.storage.file_identity import Identity, identify, require_unchanged
from xner_core.storage.files import Location
from xner_core.text.normal_form import normal_form

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 10


class SourceReader:
    """Takes the sources one after another; cleans and spools those that are not as they were, and has them indexed.

    Args:
        writer: Of the corpus that is made.
        cleaning: Which pairs are kept.
        domain: One domain for everything; otherwise that of the row, or of the source.
        folder: An empty local folder for the spool.
    """

    def __init__(self, writer: CorpusWriter, cleaning: CleaningSettings, domain: str | None, folder: Path) -> None:
        self._writer = writer
        self._cleaning = cleaning
        self._domain = domain
        self._languages = (writer.source, writer.target)
        self._spool = Spool(folder, *self._languages)
        self._pairs = 0
        self._progress = _Progress()
        self._identities: dict[str, Identity] = {}
        # What decides what becomes of a pair.
        self._index_settings = {"cleaning": asdict(cleaning), "domain": domain, "languages": list(self._languages)}

    @property
    def pairs_read(self) -> int:
        """Pairs of the sources that were read, so far."""
        return self._spool.rows

    def take(self, source: Source) -> IndexedSource:
        """The next source, with its index in the corpus, and its texts in the spool if it was read.

        Raises:
            XnerError: bad input, or a file that changes while it is read.
        """
        earlier = self._writer.earlier.sources.get(source.name)
        same_kind = earlier is not None and len(earlier.identities) == len(source.files)
        known = earlier.identities if earlier is not None and same_kind else [None] * len(source.files)
        identities = [self._identify(file.location, one) for file, one in zip(source.files, known, strict=True)]
        name = index_name(source, identities, self._index_settings)
        if earlier is None or earlier.index != name:
            earlier = None
            spooled, reasons, turned = self._read(source)
            domains = self._writer.write_index(name, spooled)
            for file, identity in zip(source.files, identities, strict=True):
                require_unchanged(file.location, identity)
        else:
            spooled, domains, reasons, turned = {}, earlier.domains, earlier.reasons, earlier.turned
        taken = IndexedSource(
            source.name,
            identities,
            name,
            self._writer.location / index_path(name),
            domains,
            self._pairs,
            earlier,
            spooled,
            reasons,
            turned,
        )
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
        spool = self._spool
        reasons: Counter[str] = Counter()
        pairs, turned = self._pairs_of(source)
        for pair in pairs:
            texts = (pair.source_text, pair.target_text)
            normal = (normal_form(texts[0]), normal_form(texts[1]))
            domain = self._domain or (_row_domain(pair.domain) if pair.domain else source.domain)
            reason = MALFORMED if pair.fault else self._cleaner.reason(texts, normal)
            if reason:
                reasons[reason] += 1
            spool.add(domain, pair, pair.origin or source.name, reason, normal)
            if spool.rows % 1024 == 0:
                self._progress.show(source.name, spool.rows)
        return spool.end_source(), reasons, turned

    def _pairs_of(self, source: Source) -> tuple[Iterable[RawPair], bool]:
        """The pairs of a source with each text on its side, and whether the sides had to be exchanged for that."""
        pairs = source.pairs(*self._languages)
        first = list(islice(pairs, PROBED_PAIRS))
        turned = is_mirrored(first, self._cleaner)
        pairs = chain(first, pairs)
        return (pair.turned() for pair in pairs) if turned else pairs, turned

    @cached_property
    def _cleaner(self) -> Cleaner:
        return Cleaner(self._cleaning, *self._languages)


_row_domain = lru_cache(maxsize=4096)(domain_name)


class _Progress:
    """Logs how far reading has come, every few seconds."""

    def __init__(self) -> None:
        self.started = self.shown = time.monotonic()

    def show(self, name: str, pairs: int) -> None:
        now = time.monotonic()
        if now - self.shown >= PROGRESS_SECONDS:
            self.shown = now
            logger.info("%s: %s pairs read, %s pairs/s", name, f"{pairs:,}", f"{pairs / (now - self.started):,.0f}")
