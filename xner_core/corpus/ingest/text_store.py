"""Where texts are found again, those of a domain in one sequence of files: the corpus that is replaced, and the spool.

Indices have no texts: they are kept once, in the files of the corpus. There the pairs of a domain, those kept and those
rejected each for themselves, lie in the order of the sources, so that counting tells which is which. It is done here,
and nowhere else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner_core.corpus.cleaning import DUPLICATE
from xner_core.corpus.ingest.earlier import EarlierCorpus
from xner_core.corpus.ingest.indexed_source import IndexedSource
from xner_core.corpus.ingest.spool import SpooledBatch
from xner_core.storage.files import Location, read_table

TEXTS = ["source_text", "target_text"]


@dataclass(frozen=True)
class TextFiles:
    """The texts of several files, one after another.

    Attributes:
        files: The files, or batches of them.
        ends: How many pairs each holds, with all before it.
    """

    files: tuple[Location | SpooledBatch, ...]
    ends: np.ndarray

    def around(self, places: np.ndarray) -> tuple["TextFiles", np.ndarray]:
        """Only the files in which some places are, and the places among these files."""
        files, chosen = np.unique(self._files_of(places), return_inverse=True)
        sizes = np.diff(self.ends, prepend=0)[files]
        ends = np.cumsum(sizes)
        moved = places - (self.ends[files] - sizes)[chosen] + (ends - sizes)[chosen]
        return TextFiles(tuple(self.files[file] for file in files.tolist()), ends), moved

    def take(self, places: np.ndarray) -> pa.Table:
        """The texts at some places, in the order of the places: columns as in TEXTS."""
        files = self._files_of(places)
        order = np.argsort(files, kind="stable")
        parts = []
        for file in np.unique(files).tolist():
            chosen = order[files[order] == file]
            first = int(self.ends[file - 1]) if file else 0
            parts.append(_read_texts(self.files[file]).take(pa.array(places[chosen] - first)))
        return pa.concat_tables(parts).take(pa.array(np.argsort(order, kind="stable")))

    def _files_of(self, places: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.ends, places, side="right")


def _read_texts(file: Location | SpooledBatch) -> pa.Table:
    if isinstance(file, SpooledBatch):
        return pa.Table.from_batches([file.read(TEXTS)])
    return read_table(file, TEXTS)


class TextStore:
    """Tells where the texts of the pairs of one domain lie.

    Args:
        domain: The domain.
        sources: All sources, in order.
        earlier: The corpus that is replaced, which has the texts of those that were not read again.

    Attributes:
        files: All that has texts of the domain: files of kept pairs, then of rejected ones, then what was read now.
    """

    def __init__(self, domain: str, sources: Sequence[IndexedSource], earlier: EarlierCorpus) -> None:
        self._domain = domain
        self._earlier = earlier
        kept, rejected = earlier.kept_files.get(domain, []), earlier.rejected_files.get(domain, [])
        files: list[Location | SpooledBatch] = [earlier.location / path for _, path in kept + rejected]
        sizes = [pairs for pairs, _ in kept + rejected]
        self._first_rejected = sum(pairs for pairs, _ in kept)
        self._first_spooled: dict[str, int] = {}
        spooled = sum(sizes)
        for source in sources:
            self._first_spooled[source.name] = spooled
            for batch in source.spooled.get(domain, []):
                files.append(batch)
                sizes.append(batch.pairs)
                spooled += batch.pairs
        self.files = TextFiles(tuple(files), np.cumsum(sizes, dtype=np.int64))

    def finder(self, source: IndexedSource) -> Callable[[pa.RecordBatch], np.ndarray]:
        """What tells where the texts of a source's pairs of the domain lie in `files`, batch by batch and in order.

        It takes batches with `number` and `reason` as `domain_rows` has them, and gives int64, shape (pairs,).
        """
        earlier = source.earlier
        if earlier is None:
            return _Counter(self._first_spooled[source.name]).next
        duplicates = self._earlier.duplicates(earlier)
        kept = _Counter(earlier.kept_before.get(self._domain, 0))
        rejected = _Counter(self._first_rejected + earlier.rejected_before.get(self._domain, 0))

        def find(batch: pa.RecordBatch) -> np.ndarray:
            # What breaks another rule was never a duplicate.
            reason = pc.fill_null(batch["reason"], DUPLICATE)
            keeps_rules = pc.equal(reason, DUPLICATE).to_numpy(zero_copy_only=False)
            was_kept = keeps_rules & ~duplicates[batch["number"].to_numpy() - source.first]
            places = np.empty(batch.num_rows, np.int64)
            places[was_kept] = kept.take(int(was_kept.sum()))
            places[~was_kept] = rejected.take(int((~was_kept).sum()))
            return places

        return find


class _Counter:
    """Hands out places one after another."""

    def __init__(self, first: int) -> None:
        self._first = first

    def take(self, count: int) -> np.ndarray:
        self._first += count
        return np.arange(self._first - count, self._first)

    def next(self, batch: pa.RecordBatch) -> np.ndarray:
        return self.take(batch.num_rows)
