"""Where texts are found again, each pair's by the number of the pair: in the spool, or in the corpus that is replaced.

Indices have no texts: they are kept once, in the files of the corpus. There the pairs of a domain, those kept and those
rejected each for themselves, lie in the order of the sources, so that counting tells which is which. It is done here,
and nowhere else.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache, partial
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner_core.corpus.ingest.earlier import EarlierCorpus, EarlierSource
from xner_core.corpus.ingest.indexed_source import IndexedSource
from xner_core.corpus.ingest.spool import read_batch
from xner_core.storage.files import read_table

TEXTS = ["source_text", "target_text"]


class TextStore:
    """The texts of the pairs of one domain, of which a few files at a time are in memory.

    Args:
        domain: The domain.
        sources: All sources, in order.
        earlier: The corpus that is replaced, which has the texts of those that were not read again.
        folder: A local folder, for 8 bytes a pair once a text is asked for.
    """

    def __init__(self, domain: str, sources: Sequence[IndexedSource], earlier: EarlierCorpus, folder: Path) -> None:
        self._domain = domain
        self._sources = [source for source in sources if domain in source.domains]
        self._earlier = earlier
        self._folder = folder
        self._kept = earlier.kept_files.get(domain, [])
        self._rejected = earlier.rejected_files.get(domain, [])
        self._first_rejected = sum(pairs for pairs, _ in self._kept)
        self._first_spooled = self._first_rejected + sum(pairs for pairs, _ in self._rejected)

    def take(self, numbers: np.ndarray) -> pa.Table:
        """The texts of some pairs, in their order: columns as in TEXTS.

        Args:
            numbers: of pairs of the domain, among those of all sources: int64, shape (pairs,).
        """
        return self._files.take(self._places[numbers])

    @cached_property
    def _files(self) -> "_FileSequence":
        """All that has texts: files of kept pairs, then of rejected ones, then what was read now."""
        folder = self._earlier.location
        files = [(pairs, partial(read_table, folder / path, TEXTS)) for pairs, path in self._kept + self._rejected]
        files += [(read_batch(path).num_rows, partial(read_batch, path)) for _, path in self._spooled()]
        return _FileSequence(files)

    @cached_property
    def _places(self) -> np.ndarray:
        """Where in that sequence each pair lies, by its number: int64, on disk."""
        last = self._sources[-1]
        with TemporaryFile(dir=self._folder) as file:
            places = np.memmap(file, np.int64, "w+", shape=(last.first + last.pairs,))
        for source in self._sources:
            if source.earlier:
                for rows, found in self._places_before(source, source.earlier):
                    places[source.first + rows] = found
        spooled = self._first_spooled
        for source, path in self._spooled():
            rows = read_batch(path)["row"].to_numpy()
            places[source.first + rows] = np.arange(spooled, spooled + len(rows))
            spooled += len(rows)
        return places

    def _spooled(self) -> Iterator[tuple[IndexedSource, Path]]:
        return ((source, path) for source in self._sources for path in source.spooled.get(self._domain, []))

    def _places_before(self, source: IndexedSource, earlier: EarlierSource) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Numbers of pairs in a source that was not read again, and their places, batch by batch."""
        duplicates = self._earlier.duplicates(earlier)
        kept = earlier.kept_before.get(self._domain, 0)
        rejected = self._first_rejected + earlier.rejected_before.get(self._domain, 0)
        for batch in source.read(["row", "reason"], self._domain):
            rows = batch["row"].to_numpy()
            was_kept = pc.is_null(batch["reason"]).to_numpy(zero_copy_only=False) & ~duplicates[rows]
            yield rows, np.where(was_kept, kept + np.cumsum(was_kept), rejected + np.cumsum(~was_kept)) - 1
            kept += int(was_kept.sum())
            rejected += int((~was_kept).sum())


class _FileSequence:
    """The texts of several files, one after another.

    Args:
        files: of each file how many pairs it holds, and what reads it.
    """

    def __init__(self, files: Sequence[tuple[int, Callable[[], pa.Table | pa.RecordBatch]]]) -> None:
        self._ends = np.cumsum([pairs for pairs, _ in files], dtype=np.int64)
        self._read = [read for _, read in files]
        # What is taken in order comes from one file of each kind at a time.
        self._texts = lru_cache(maxsize=3)(_read_texts)

    def take(self, places: np.ndarray) -> pa.Table:
        """The texts at some places, in the order of the places."""
        files = np.searchsorted(self._ends, places, side="right")
        order = np.argsort(files, kind="stable")
        parts = []
        for file in np.unique(files).tolist():
            chosen = order[files[order] == file]
            first = int(self._ends[file - 1]) if file else 0
            parts.append(self._texts(self._read[file]).take(pa.array(places[chosen] - first)))
        return pa.concat_tables(parts).take(pa.array(np.argsort(order, kind="stable")))


def _read_texts(read: Callable[[], pa.Table | pa.RecordBatch]) -> pa.Table:
    rows = read()
    return pa.table({name: rows[name] for name in TEXTS})
