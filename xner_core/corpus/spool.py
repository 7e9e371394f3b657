"""Pairs set aside on the local disk between reading them and writing them out, apart by domain."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from xner_core.corpus.cleaning import DUPLICATE
from xner_core.corpus.deduplication import DuplicateFinder
from xner_core.corpus.readers import RawPair
from xner_core.errors import XnerError
from xner_core.hashing import digest, pair_id

BATCH_PAIRS = 16_384
BATCH_CHARACTERS = 1 << 24
MAX_DOMAINS = 1000
SCHEMA = pa.schema(
    {
        "row": pa.int64(),
        "pair_id": pa.string(),
        "source_text": pa.string(),
        "target_text": pa.string(),
        "score": pa.float32(),
        "origin": pa.string(),
        "line": pa.int64(),
        "reason": pa.string(),
    }
)


class Spool:
    """Takes pairs in reading order, and gives them back domain by domain, once it is known which are duplicates.

    Args:
        folder: An empty local folder.
        source: Language of the source texts.
        target: Language of the target texts.
    """

    def __init__(self, folder: Path, source: str, target: str):
        self.folder = folder
        self.languages = (source, target)
        self.rows = 0
        self._files = 0
        self._characters = 0
        self._waiting: dict[str, list[tuple]] = defaultdict(list)
        self._batches: dict[str, list[Path]] = defaultdict(list)
        self._finder = DuplicateFinder(folder)
        self._digests: list[bytes] = []
        self._digest_rows: list[int] = []

    def add(self, domain: str, pair: RawPair, origin: str, reason: str | None, normal: tuple[str, str]) -> None:
        """Adds a pair: rejected for a reason, or accepted unless its normal form repeats that of an earlier one."""
        if reason is None:
            self._digests.append(digest((normal[0].encode(), normal[1].encode())))
            self._digest_rows.append(self.rows)
        identity = pair_id(*self.languages, pair.source_text, pair.target_text)
        self._waiting[domain].append(
            (self.rows, identity, pair.source_text, pair.target_text, pair.score, origin, pair.line, reason)
        )
        self.rows += 1
        self._characters += len(pair.source_text) + len(pair.target_text)
        if self.rows % BATCH_PAIRS == 0 or self._characters > BATCH_CHARACTERS:
            self._flush()

    def finish(self) -> None:
        """Ends the adding, and finds the duplicates."""
        self._flush()
        self._duplicates = self._finder.duplicates(self.rows)

    @property
    def domains(self) -> list[str]:
        return sorted(self._batches)

    def batches(self, domain: str) -> Iterator[pa.RecordBatch]:
        """The pairs of a domain in reading order, columns as in SCHEMA; `reason` is null for those that are kept."""
        for path in self._batches[domain]:
            with pa.memory_map(str(path)) as file:
                batch = pa.ipc.open_file(file).get_batch(0)
                repeated = pa.array(self._duplicates[batch["row"].to_numpy()])
                reason = pc.if_else(repeated, DUPLICATE, batch["reason"])
                yield batch.set_column(SCHEMA.get_field_index("reason"), "reason", reason)

    def _flush(self) -> None:
        self._finder.add(b"".join(self._digests), self._digest_rows)
        for domain, rows in self._waiting.items():
            path = self.folder / f"{self._files:08}.arrow"
            self._files += 1
            columns = [
                pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)
            ]
            with pa.ipc.new_file(path, SCHEMA) as file:
                file.write_batch(pa.record_batch(columns, SCHEMA))
            self._batches[domain].append(path)
        if len(self._batches) > MAX_DOMAINS:
            raise XnerError(
                f"more than {MAX_DOMAINS} domains; a domain is a kind of text such as news, not a document: "
                "set one for all with --domain, or mend the domain column"
            )
        self._waiting.clear()
        self._digests.clear()
        self._digest_rows.clear()
        self._characters = 0
