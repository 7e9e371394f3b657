"""From files of parallel text to a corpus: read what changed, clean, remove duplicates, shard, publish."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from xner_core.corpus.ingest.deduplication import find_duplicates
from xner_core.corpus.ingest.earlier import EarlierCorpus, open_earlier
from xner_core.corpus.ingest.findings import require_few_malformed, source_warnings
from xner_core.corpus.ingest.indexed_source import IndexedSource
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.source_reading import KnownSource, SourceReader
from xner_core.corpus.ingest.spool import spool_folder
from xner_core.corpus.ingest.writer import CorpusWriter
from xner_core.corpus.layout import MANIFEST, open_corpus
from xner_core.corpus.sources import find_sources
from xner_core.errors import XnerError
from xner_core.storage.files import Location, locate
from xner_core.storage.outputs import require_folder
from xner_core.storage.tasks import InProcess, Tasks

logger = logging.getLogger(__name__)


def ingest_corpus(settings: IngestSettings, choose: Callable[[int], Tasks] = lambda _: InProcess()) -> dict[str, Any]:
    """Makes a corpus of parallel text, or brings the one that is there up to date.

    Files that did not change since they were ingested are not read again, and the corpus comes out as if all had been.
    Until the manifest is written, as the last step, an earlier corpus in the same folder stays as it was; whatever goes
    wrong before, nothing of the new one remains. Texts wait in files meanwhile (about their size uncompressed; see
    `spool_folder`), so memory does not grow with them. Wherever the parts are done, the corpus is the same.

    Args:
        settings: What is ingested, and how.
        choose: Where the parts are done, by the bytes of the files that must be read.

    Raises:
        XnerError: bad input, or a folder that holds something else.
    """
    started = time.monotonic()
    require_folder("out", settings.out)
    corpus, out = locate(settings.corpus), locate(settings.out)
    _check_out(settings, corpus, out)
    languages = (settings.source, settings.target)
    sources, warnings = find_sources(corpus, *languages)
    kept_settings = {
        "cleaning": asdict(settings.cleaning),
        "domain": settings.domain,
        "shard_pairs": settings.shard_pairs,
    }
    earlier = open_earlier(out, *languages)
    reader = SourceReader(earlier, languages, settings.cleaning, settings.domain)
    known = [reader.look_up(source) for source in sources]
    tasks = choose(_bytes_of(known, all_of_them=earlier.settings != kept_settings))
    with (
        spool_folder(tasks, out) as folder,
        CorpusWriter(earlier, *languages, settings.shard_pairs, tasks) as writer,
    ):
        indexed = reader.take(known, tasks, folder)
        warnings += require_few_malformed(str(corpus), indexed, settings.malformed_limit)
        pairs_read = sum(source.pairs for source in indexed if source.earlier is None)
        changes = _changes(indexed, earlier)
        if not any(changes.values()) and earlier.settings == kept_settings:
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
        logger.info("%s pairs, %s of them read now; writing %s", f"{rows:,}", f"{pairs_read:,}", out)
        duplicates = find_duplicates(indexed, tasks, folder)
        writer.write_pairs(indexed, duplicates)
        counts = writer.counts
        assert counts["read"] == rows, f"{rows} pairs were read, but {counts['read']} written"
        of_sources = [warning for source in indexed for warning in source_warnings(source, languages)]
        writer.publish(indexed, duplicates, kept_settings, of_sources)
    warnings += of_sources
    _log(warnings)
    shards, files = len(writer.shards), writer.files_written
    result = _result(settings, counts, shards, changes, pairs_read, files, warnings, started)
    logger.info("%s", _summary(counts, out, result["seconds"]))
    return {"status": "done"} | result


def _bytes_of(sources: list[KnownSource], all_of_them: bool) -> int:
    """Bytes of the files that were not ingested as they are now, or of all files."""
    sizes = {
        str(file.location): identity.stamp[0]
        for known in sources
        if all_of_them or known.earlier is None
        for file, identity in zip(known.source.files, known.identities, strict=True)
    }
    return sum(sizes.values())


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


def _summary(counts: dict[str, Any], out: Location, seconds: float) -> str:
    lines = [f"{counts['read']:,} pairs read in {seconds:,.1f} s, {counts['kept']:,} kept in {out}"]
    lines += [f"  {number:>10,} {reason}" for reason, number in counts["rejected"].items() if number]
    return "\n".join(lines)
