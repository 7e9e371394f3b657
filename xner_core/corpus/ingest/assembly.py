"""The pairs of a domain in the order of the sources, from the indices alone: which are kept, where their texts are."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner_core.corpus.cleaning import DUPLICATE
from xner_core.corpus.ingest.earlier import EarlierCorpus, EarlierSource
from xner_core.corpus.ingest.index import DomainRows, read_index
from xner_core.storage.file_identity import Identity
from xner_core.storage.files import Location

# Which texts a pair's place is counted in: those of the spool, or those that were kept, or rejected, before.
SPOOLED, KEPT, REJECTED = range(3)
_COLUMNS = ["row", "pair_id", "score", "origin", "line", "reason", "fault", "characters"]
ROWS = pa.schema(
    {
        "pair_id": pa.string(),
        "score": pa.float32(),
        "origin": pa.string(),
        "line": pa.int64(),
        # Null for those that are kept.
        "reason": pa.string(),
        # What is wrong with a malformed one, and where.
        "fault": pa.string(),
        "characters": pa.int32(),
        "store": pa.int8(),
        "place": pa.int64(),
    }
)


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
    reasons: Counter[str]
    turned: bool
    kept: Counter[str] = field(default_factory=Counter)

    @property
    def pairs(self) -> int:
        return sum(held.pairs for held in self.domains.values())


def domain_rows(
    domain: str, sources: Sequence[IndexedSource], duplicates: np.ndarray, before: EarlierCorpus
) -> Iterator[pa.RecordBatch]:
    """All pairs of a domain, with the columns ROWS.

    Args:
        domain: the domain.
        sources: all sources, in order.
        duplicates: marks the pairs of all sources that repeat an earlier one.
        before: the earlier corpus.
    """
    spooled = 0
    for source in sources:
        if domain not in source.domains:
            continue
        source.kept[domain] = 0
        places = _EarlierPlaces(domain, source.earlier, before) if source.earlier else None
        for batch in read_index(source.location, source.domains[domain].groups, _COLUMNS):
            rows = batch["row"].to_numpy()
            if places:
                store, place = places.of(rows, batch["reason"])
            else:
                store, place = np.full(len(rows), SPOOLED), np.arange(spooled, spooled + len(rows))
                spooled += len(rows)
            reason = pc.if_else(pa.array(duplicates[source.first + rows]), DUPLICATE, batch["reason"])
            source.kept[domain] += reason.null_count
            made = {"reason": reason, "store": pa.array(store, pa.int8()), "place": pa.array(place, pa.int64())}
            columns = [made[name] if name in made else batch[name] for name in ROWS.names]
            yield pa.record_batch(columns, ROWS)


class _EarlierPlaces:
    """Counts through the pairs of a source in one domain, as they lay in the earlier corpus."""

    def __init__(self, domain: str, source: EarlierSource, before: EarlierCorpus):
        self._duplicates = before.duplicates(source)
        self._kept = source.kept_before.get(domain, 0)
        self._rejected = source.rejected_before.get(domain, 0)

    def of(self, rows: np.ndarray, reasons: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Store and place of the next pairs, with these numbers in the source and these reasons for being rejected."""
        kept = pc.is_null(reasons).to_numpy(zero_copy_only=False) & ~self._duplicates[rows]
        place = np.where(kept, self._kept + np.cumsum(kept) - 1, self._rejected + np.cumsum(~kept) - 1)
        self._kept += int(kept.sum())
        self._rejected += int((~kept).sum())
        return np.where(kept, KEPT, REJECTED), place
