"""Pairs of newly read sources, set aside on the local disk until they are written out, apart by source and domain."""

from collections import defaultdict
from pathlib import Path

import pyarrow as pa

from xner_core.corpus.readers import RawPair
from xner_core.errors import XnerError
from xner_core.storage.hashing import DIGEST_BYTES, digest, pair_id

BATCH_PAIRS = 16_384
BATCH_CHARACTERS = 1 << 24
MAX_DOMAINS = 1000
SCHEMA = pa.schema(
    {
        # In its source, in reading order.
        "row": pa.int64(),
        "pair_id": pa.string(),
        "source_text": pa.string(),
        "target_text": pa.string(),
        "score": pa.float32(),
        "origin": pa.string(),
        "line": pa.int64(),
        # Of those that break a rule; the others have the digest of their normal form.
        "reason": pa.string(),
        # What is wrong with a malformed one, and where.
        "fault": pa.string(),
        "normal": pa.binary(DIGEST_BYTES),
    }
)


class Spool:
    """Takes the pairs of one source after another, in reading order.

    Args:
        folder: An empty local folder.
        source: Language of the source texts.
        target: Language of the target texts.
    """

    def __init__(self, folder: Path, source: str, target: str) -> None:
        self.folder = folder
        self.languages = (source, target)
        self.rows = 0
        self._files = 0
        self._domains: set[str] = set()
        self._characters = 0
        self._first = 0
        self._waiting: dict[str, list[tuple]] = defaultdict(list)
        self._source: dict[str, list[Path]] = defaultdict(list)

    def add(self, domain: str, pair: RawPair, origin: str, reason: str | None, normal: tuple[str, str]) -> None:
        """Adds a pair: rejected for a reason, or acceptable unless its normal form repeats that of an earlier one."""
        same = digest((normal[0].encode(), normal[1].encode())) if reason is None else None
        identity = pair_id(*self.languages, pair.source_text, pair.target_text)
        texts = (pair.source_text, pair.target_text)
        row = self.rows - self._first
        self._waiting[domain].append((row, identity, *texts, pair.score, origin, pair.line, reason, pair.fault, same))
        self.rows += 1
        self._characters += len(pair.source_text) + len(pair.target_text)
        if self.rows % BATCH_PAIRS == 0 or self._characters > BATCH_CHARACTERS:
            self._flush()

    def end_source(self) -> dict[str, list[Path]]:
        """Ends a source; returns the files of its batches, by domain."""
        self._flush()
        self._first = self.rows
        source, self._source = self._source, defaultdict(list)
        return {domain: source[domain] for domain in sorted(source)}

    def _flush(self) -> None:
        for domain, rows in self._waiting.items():
            path = self.folder / f"{self._files:08}.arrow"
            self._files += 1
            columns = [
                pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)
            ]
            with pa.ipc.new_file(path, SCHEMA) as file:
                file.write_batch(pa.record_batch(columns, SCHEMA))
            self._source[domain].append(path)
        self._domains |= self._waiting.keys()
        if len(self._domains) > MAX_DOMAINS:
            raise XnerError(
                f"more than {MAX_DOMAINS} domains; a domain is a kind of text such as news, not a document: "
                "set one for all with --domain, or mend the domain column"
            )
        self._waiting.clear()
        self._characters = 0


def read_batch(path: Path) -> pa.RecordBatch:
    """The pairs of a batch, columns as in SCHEMA, of which only what is used comes into memory."""
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).get_batch(0)
