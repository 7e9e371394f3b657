"""Takes the sources of a corpus in order: those that are as they were by their indices, others by reading them."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, count, groupby, islice

from xner_core.corpus.blocks import Block, cut_blocks
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.block_reading import (
    BlockReader,
    NumberedBlock,
    SpooledBlock,
    cleaner,
    require_few_domains,
)
from xner_core.corpus.ingest.earlier import EarlierCorpus, EarlierSource
from xner_core.corpus.ingest.findings import PROBED_PAIRS, is_mirrored
from xner_core.corpus.ingest.index import index_name, index_path, write_index
from xner_core.corpus.ingest.indexed_source import IndexedSource
from xner_core.corpus.ingest.spool import SpooledBatch
from xner_core.corpus.inputs import Inflation
from xner_core.corpus.readers import RawPair
from xner_core.corpus.sources import Source
from xner_core.storage.file_identity import Identity, identify, require_unchanged
from xner_core.storage.files import Location
from xner_core.storage.tasks import Tasks

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 10


@dataclass(frozen=True)
class KnownSource:
    """A source of which it is known whether it has to be read.

    Attributes:
        source: The source.
        identities: Of its files.
        index: The name that its index has or will have.
        earlier: What it was in the earlier corpus, if it need not be read again.
    """

    source: Source
    identities: list[Identity]
    index: str
    earlier: EarlierSource | None


class SourceReader:
    """Finds out which sources are not as they were, cleans and spools those, and indexes them.

    Args:
        earlier: The corpus that is replaced, in whose folder the indices are written.
        languages: Of the source and the target texts.
        cleaning: Which pairs are kept.
        domain: One domain for everything; otherwise that of the row, or of the source.
    """

    def __init__(
        self, earlier: EarlierCorpus, languages: tuple[str, str], cleaning: CleaningSettings, domain: str | None
    ) -> None:
        self._earlier = earlier
        self._languages = languages
        self._cleaning = cleaning
        self._domain = domain
        self._identities: dict[str, Identity] = {}
        # What decides what becomes of a pair.
        self._index_settings = {"cleaning": asdict(cleaning), "domain": domain, "languages": list(languages)}

    def look_up(self, source: Source) -> KnownSource:
        """What is known of a source before it is read.

        Raises:
            XnerError: a file is gone, or changes while its digest is taken.
        """
        earlier = self._earlier.sources.get(source.name)
        same_kind = earlier is not None and len(earlier.identities) == len(source.files)
        known = earlier.identities if earlier is not None and same_kind else [None] * len(source.files)
        identities = [self._identify(file.location, one) for file, one in zip(source.files, known, strict=True)]
        name = index_name(source, identities, self._index_settings)
        return KnownSource(source, identities, name, earlier if earlier and earlier.index == name else None)

    def take(self, sources: Sequence[KnownSource], tasks: Tasks, folder: Location) -> list[IndexedSource]:
        """All sources, each with its index in the corpus, and its texts in the spool if it was read.

        Args:
            sources: All of them, in order.
            tasks: Where blocks are read.
            folder: Of the spool.

        Raises:
            XnerError: bad input, or a file that changes while it is read.
        """
        reader = BlockReader(self._languages, self._cleaning, self._domain, folder)
        results = groupby(tasks.map(reader, self._blocks(sources)), lambda block: block.source)
        number, blocks = next(results, (None, None))
        domains: set[str] = set()
        progress = _Progress()
        taken: list[IndexedSource] = []
        first = 0
        for place, known in enumerate(sources):
            found = _Found()
            # A source without pairs has no blocks.
            if blocks is not None and number == place:
                for block in blocks:
                    found.add(block)
                    domains.update(block.domains)
                    require_few_domains(domains)
                    progress.add(known.source.name, block.pairs)
                number, blocks = next(results, (None, None))
            taken.append(self._unchanged(known, first) if known.earlier else self._read(known, found, first))
            first += taken[-1].pairs
        return taken

    def _blocks(self, sources: Sequence[KnownSource]) -> Iterator[NumberedBlock]:
        """The blocks of the sources that have to be read, of each with what tells which side its texts are on."""
        numbers = count()
        for place, known in enumerate(sources):
            if known.earlier is None:
                blocks = cut_blocks(known.source, self._languages)
                probed: list[Block] = []
                pairs: list[RawPair] = []
                while len(pairs) < PROBED_PAIRS and (block := next(blocks, None)):
                    probed.append(block)
                    pairs += islice(block.pairs(*self._languages), PROBED_PAIRS - len(pairs))
                turned = is_mirrored(pairs, cleaner(self._cleaning, self._languages))
                for block in chain(probed, blocks):
                    yield NumberedBlock(next(numbers), place, block, turned)

    def _unchanged(self, known: KnownSource, first: int) -> IndexedSource:
        earlier = known.earlier
        assert earlier is not None
        return IndexedSource(
            known.source.name,
            known.identities,
            known.index,
            self._earlier.location / index_path(known.index),
            earlier.domains,
            first,
            earlier,
            {},
            earlier.reasons,
            earlier.turned,
        )

    def _read(self, known: KnownSource, found: "_Found", first: int) -> IndexedSource:
        source, location = known.source, self._earlier.location / index_path(known.index)
        if source.format == "parquet":
            # Each block of it counted only its own bytes.
            Inflation(str(source.files[0]), known.identities[0].stamp[0]).count(found.inflated)
        spooled = {domain: found.spooled[domain] for domain in sorted(found.spooled)}
        domains = write_index(location, spooled)
        for file, identity in zip(source.files, known.identities, strict=True):
            require_unchanged(file.location, identity)
        return IndexedSource(
            source.name,
            known.identities,
            known.index,
            location,
            domains,
            first,
            None,
            spooled,
            found.reasons,
            found.turned,
        )

    def _identify(self, file: Location, known: Identity | None) -> Identity:
        # An archive has many members.
        if str(file) not in self._identities:
            self._identities[str(file)] = identify(file, known)
        return self._identities[str(file)]


class _Found:
    """What was read of a source, block by block."""

    def __init__(self) -> None:
        self.spooled: dict[str, list[SpooledBatch]] = defaultdict(list)
        self.reasons: Counter[str] = Counter()
        self.inflated = 0
        self.turned = False

    def add(self, block: SpooledBlock) -> None:
        for domain, batches in block.domains.items():
            self.spooled[domain] += batches
        self.reasons += block.reasons
        self.inflated += block.inflated
        self.turned = block.turned


class _Progress:
    """Logs how far reading has come, every few seconds."""

    def __init__(self) -> None:
        self.started = self.shown = time.monotonic()
        self.pairs = 0

    def add(self, name: str, pairs: int) -> None:
        self.pairs += pairs
        now = time.monotonic()
        if now - self.shown >= PROGRESS_SECONDS:
            self.shown = now
            rate = self.pairs / (now - self.started)
            logger.info("%s: %s pairs read, %s pairs/s", name, f"{self.pairs:,}", f"{rate:,.0f}")
