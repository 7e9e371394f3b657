"""The sources of the corpus that is made, and their pairs in order, from the indices alone: which of them are kept."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner_core.corpus.cleaning import DUPLICATE
from xner_core.corpus.ingest.earlier import EarlierSource
from xner_core.corpus.ingest.index import DomainRows, read_index
from xner_core.corpus.ingest.spool import SpooledBatch
from xner_core.storage.file_identity import Identity
from xner_core.storage.files import Location

ROWS = pa.schema(
    {
        # Among the pairs of all sources, in order.
        "number": pa.int64(),
        "pair_id": pa.string(),
        "score": pa.float32(),
        "origin": pa.string(),
        "line": pa.int64(),
        # Null for those that are kept.
        "reason": pa.string(),
        # What is wrong with a malformed one, and where.
        "fault": pa.string(),
        "characters": pa.int32(),
    }
)
_COLUMNS = ["row" if name == "number" else name for name in ROWS.names]


@dataclass(frozen=True)
class IndexedSource:
    """A source of the corpus that is made.

    Attributes:
        name: of the source.
        identities: of its files.
        index: the name of its index.
        location: of its index.
        domains: what the index holds of each domain.
        first: pairs of all sources before it.
        earlier: what it was in the earlier corpus, if it was not read again.
        spooled: its pairs as the spool has them, by domain, if it was read.
        reasons: how many of its pairs break which rule, duplicates apart.
        turned: whether its sides were exchanged, its texts being the other way round.
        kept: how many of its pairs are kept, by domain; counted by `domain_rows`.
    """

    name: str
    identities: list[Identity]
    index: str
    location: Location
    domains: dict[str, DomainRows]
    first: int
    earlier: EarlierSource | None
    spooled: dict[str, list[SpooledBatch]]
    reasons: Counter[str]
    turned: bool
    kept: Counter[str] = field(default_factory=Counter)

    @property
    def pairs(self) -> int:
        return sum(held.pairs for held in self.domains.values())

    def read(self, columns: list[str], domain: str | None = None) -> Iterator[pa.RecordBatch]:
        """Some columns of the index, in batches: of the pairs of one domain in order, or of those of all domains."""
        if domain is not None:
            groups = self.domains[domain].groups
        else:
            groups = (0, max((held.groups[1] for held in self.domains.values()), default=0))
        return read_index(self.location, groups, columns)


def domain_rows(domain: str, source: IndexedSource, duplicates: np.ndarray) -> Iterator[pa.RecordBatch]:
    """All pairs of a source and domain in order, with the columns ROWS.

    Args:
        domain: the domain.
        source: the source.
        duplicates: marks the pairs of all sources that repeat an earlier one.
    """
    source.kept[domain] = 0
    for batch in source.read(_COLUMNS, domain):
        numbers = source.first + batch["row"].to_numpy()
        reason = pc.if_else(pa.array(duplicates[numbers]), DUPLICATE, batch["reason"])
        source.kept[domain] += reason.null_count
        made = {"number": pa.array(numbers), "reason": reason}
        yield pa.record_batch([made[name] if name in made else batch[name] for name in ROWS.names], ROWS)
