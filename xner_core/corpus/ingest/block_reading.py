"""What becomes of a block of a source: read, cleaned, with ids and digests, in a file of the spool."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner_core.corpus.blocks import Block
from xner_core.corpus.cleaning import MALFORMED, Cleaner
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.spool import SCHEMA, SpooledBatch, SpoolFile
from xner_core.corpus.naming import domain_name
from xner_core.corpus.readers import RawPair
from xner_core.errors import XnerError
from xner_core.storage.files import Location
from xner_core.storage.hashing import digest, pair_id
from xner_core.text.normal_form import normal_form

BATCH_PAIRS = 16_384
BATCH_CHARACTERS = 1 << 24
MAX_DOMAINS = 1000


@dataclass(frozen=True)
class NumberedBlock:
    """A block to read.

    Attributes:
        number: Among the blocks of all sources.
        source: The number of its source.
        block: The block.
        turned: Whether the texts of its source are on each other's sides.
    """

    number: int
    source: int
    block: Block
    turned: bool


@dataclass(frozen=True)
class SpooledBlock:
    """A block that was read.

    Attributes:
        source: The number of its source.
        turned: Whether the texts of the source are on each other's sides.
        pairs: How many it has.
        domains: Where they are, by domain.
        reasons: How many break which rule.
        inflated: Bytes that were read of a compressed Parquet file.
    """

    source: int
    turned: bool
    pairs: int
    domains: dict[str, list[SpooledBatch]]
    reasons: Counter[str]
    inflated: int


@dataclass(frozen=True)
class BlockReader:
    """Reads blocks, each for itself.

    Attributes:
        languages: Of the source and the target texts.
        cleaning: Which pairs are kept.
        domain: One domain for everything; otherwise that of the row, or of the source.
        folder: Of the spool.
    """

    languages: tuple[str, str]
    cleaning: CleaningSettings
    domain: str | None
    folder: Location

    def __call__(self, numbered: NumberedBlock) -> SpooledBlock:
        """
        Raises:
            XnerError: bad input.
        """
        block, pairs = numbered.block, 0
        domains: dict[str, list[SpooledBatch]] = defaultdict(list)
        reasons: Counter[str] = Counter()
        with SpoolFile(self.folder / f"{numbered.number:08}.arrow") as file:
            for read in _batches(block.pairs(*self.languages)):
                names, batch = self._columns(block, numbered.turned, block.first + pairs, read)
                pairs += len(read)
                for count in batch["reason"].drop_null().value_counts().to_pylist():
                    reasons[count["values"]] += count["counts"]
                for domain, part in _by_domain(names, batch):
                    domains[domain].append(file.add(part))
                require_few_domains(domains)
        inflation = block.source.files[0].inflation if block.source.format == "parquet" else None
        inflated = inflation.counted if inflation else 0
        return SpooledBlock(numbered.source, numbered.turned, pairs, dict(domains), reasons, inflated)

    def _columns(self, block: Block, turned: bool, row: int, pairs: list[RawPair]) -> tuple[list[str], pa.RecordBatch]:
        """The domains of some pairs, and their columns as in SCHEMA."""
        one, other, lines, scores, domains, origins, faults = map(list, zip(*pairs, strict=True))
        sources, targets = (other, one) if turned else (one, other)
        reason_of = cleaner(self.cleaning, self.languages).reason
        reasons: list[str | None] = []
        digests: list[bytes | None] = []
        for source, target, fault in zip(sources, targets, faults, strict=True):
            if fault:
                reasons.append(MALFORMED)
                digests.append(None)
                continue
            normal = (normal_form(source), normal_form(target))
            reason = reason_of((source, target), normal)
            reasons.append(reason)
            digests.append(digest((normal[0].encode(), normal[1].encode())) if reason is None else None)
        names = [self.domain or (_row_domain(domain) if domain else block.source.domain) for domain in domains]
        texts = [pa.array(column, pa.string()) for column in (sources, targets)]
        made = {
            "row": pa.array(np.arange(row, row + len(pairs))),
            "pair_id": [pair_id(*self.languages, *both) for both in zip(sources, targets, strict=True)],
            "source_text": texts[0],
            "target_text": texts[1],
            "score": scores,
            "origin": [origin or block.source.name for origin in origins],
            "line": lines,
            "reason": reasons,
            "fault": faults,
            "normal": digests,
            "characters": pc.add(*map(pc.utf8_length, texts)),
        }
        return names, pa.record_batch([pa.array(made[field.name], field.type) for field in SCHEMA], SCHEMA)


def require_few_domains(domains: dict | set) -> None:
    """
    Raises:
        XnerError: there are more domains than a corpus may have.
    """
    if len(domains) > MAX_DOMAINS:
        raise XnerError(
            f"more than {MAX_DOMAINS} domains; a domain is a kind of text such as news, not a document: "
            "set one for all with --domain, or mend the domain column"
        )


def cleaner(settings: CleaningSettings, languages: tuple[str, str]) -> Cleaner:
    """The cleaner of these settings, one for a process."""
    return _cleaner(astuple(settings), languages)


@lru_cache(maxsize=4)
def _cleaner(settings: tuple, languages: tuple[str, str]) -> Cleaner:
    return Cleaner(CleaningSettings(*settings), *languages)


def _batches(pairs: Iterator[RawPair]) -> Iterator[list[RawPair]]:
    batch: list[RawPair] = []
    characters = 0
    for pair in pairs:
        batch.append(pair)
        characters += len(pair.source_text) + len(pair.target_text)
        if len(batch) == BATCH_PAIRS or characters > BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _by_domain(names: list[str], batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    if len(set(names)) == 1:
        yield names[0], batch
        return
    coded = pa.array(names).dictionary_encode()
    codes = coded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes))
    ordered = batch.take(pa.array(order))
    for domain, end, start in zip(coded.dictionary.to_pylist(), ends, [0, *ends[:-1]], strict=True):
        yield domain, ordered.slice(start, end - start)


_row_domain = lru_cache(maxsize=4096)(domain_name)
