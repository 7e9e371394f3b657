"""What is done to ingest and consensus: they are ended at random moments, or their store fails, and they run again."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tqdm import tqdm

from chaos.bench import Bench, s3_folder
from chaos.scenarios import Outcome, wait_until
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.layout import MANIFEST, open_corpus
from xner_core.errors import XnerError
from xner_core.labels.consensus import consensus_fingerprint, find_consensus
from xner_core.labels.label_files import find_label_files
from xner_core.snapshots.repository import label_addresses
from xner_core.storage.files import Location, locate, read_table
from xner_core.workflows.consensus_settings import ConsensusSettings

SideJob = IngestSettings | ConsensusSettings


def killed_ingests(bench: Bench, chance: random.Random) -> Outcome:
    """SIGKILL for an ingest at random moments, then the same command again; what is visible is whole after each."""
    return _killed(bench, chance, _ingest(bench, str(bench.folder / "killed-ingests")), "ingest killed")


def killed_consensus(bench: Bench, chance: random.Random) -> Outcome:
    """The same for the counting of votes."""
    return _killed(bench, chance, _consensus(bench, str(bench.folder / "killed-consensus")), "consensus killed")


def flaky_ingest(bench: Bench, chance: random.Random) -> Outcome:
    """A corpus in S3, where one request in ten is dropped, refused, or loses its answer."""
    return _in_flaky_store(bench, _ingest(bench, s3_folder("flaky-ingest")))


def flaky_consensus(bench: Bench, chance: random.Random) -> Outcome:
    """Votes in the same store."""
    return _in_flaky_store(bench, _consensus(bench, s3_folder("flaky-consensus")))


def _ingest(bench: Bench, out: str) -> IngestSettings:
    cleaning = CleaningSettings(identify_language=False)
    return IngestSettings(str(bench.settings("undisturbed").corpus), out, "de", shard_pairs=16, cleaning=cleaning)


def _consensus(bench: Bench, out: str) -> ConsensusSettings:
    bench.undisturbed()
    return ConsensusSettings([bench.settings("undisturbed").out], out)


def _killed(bench: Bench, chance: random.Random, settings: SideJob, fault: str) -> Outcome:
    outcome = Outcome()
    expected = _undisturbed(bench, settings)
    runs = 0
    times = bench.times(10)
    progress = tqdm(total=times, desc=fault)
    while outcome.faults[fault] < times and not outcome.problems:
        # What one has begun, the other takes up.
        before, out = _written(settings.out), settings.out
        driver = bench.start(settings, on_cluster=outcome.drivers % 2 == 0)
        outcome.drivers += 1
        # Most kills wait until there is something half done, so that not all of them hit the start.
        if chance.random() < 0.8:
            wait_until(lambda before=before, out=out: _written(out) != before, driver)
        driver.process.join(chance.uniform(0.0, 0.8))
        if driver.process.is_alive():
            driver.kill()
            outcome.faults[fault] += 1
            progress.update()
        elif not driver.done:
            outcome.problems.append(f"a job failed; {driver.log}")
        else:
            # Done too early: another one begins, elsewhere.
            outcome.problems += _problems(settings, expected)
            runs += 1
            settings = replace(settings, out=f"{settings.out.removesuffix(f'-{runs - 1}')}-{runs}")
        outcome.problems += _half_written(settings)
    progress.close()
    outcome.ended(bench.finish(settings, on_cluster=True))
    outcome.problems += _problems(settings, expected)
    outcome.notes = {"undisturbed runs between": runs}
    return outcome


def _in_flaky_store(bench: Bench, settings: SideJob) -> Outcome:
    outcome = Outcome()
    expected = _undisturbed(bench, settings)
    before = Counter(bench.proxy.faults)
    bench.proxy.share = 0.1
    try:
        for on_cluster in (False, True):
            each = replace(settings, out=f"{settings.out}-{'cluster' if on_cluster else 'process'}")
            outcome.ended(bench.finish(each, on_cluster=on_cluster))
    finally:
        bench.proxy.share = 0.0
    outcome.faults = Counter({f"request {kind}": n for kind, n in (bench.proxy.faults - before).items()})
    for where in ("cluster", "process"):
        each = replace(settings, out=f"{settings.out}-{where}")
        outcome.problems += _problems(each, expected) + _half_written(each)
    return outcome


def _undisturbed(bench: Bench, settings: SideJob) -> dict[str, Any]:
    """What the same job makes in one process when nothing disturbs it."""
    alone = replace(settings, out=str(bench.folder / f"undisturbed-{type(settings).__name__}"))
    last = bench.finish(alone, tries=2)[-1]
    if not last.done:
        raise XnerError(f"the undisturbed job failed; see {last.log}")
    return _result(alone)


def _result(settings: SideJob) -> dict[str, Any]:
    """What a job has made: the content of its files, by their paths."""
    out = locate(settings.out)
    if isinstance(settings, IngestSettings):
        corpus = open_corpus(out)
        manifest = corpus.manifest
        for source in manifest["index"]["sources"]:
            # When they were looked at, and whether they had been left alone for long enough by then.
            source["files"] = [content for content, *_ in source["files"]]
        return {MANIFEST: manifest} | {path: _content(out / path) for path in corpus.paths()}
    files = find_label_files(label_addresses(settings.labels))
    find_consensus(f"{out}/{consensus_fingerprint(files)}", files)
    return {file.relative_to(out): _content(file) for file in out.files()}


def _content(file: Location) -> bytes:
    with file.open_input() as stream:
        return stream.read()


def _problems(settings: SideJob, expected: dict[str, Any]) -> list[str]:
    try:
        found = _result(settings)
    except XnerError as error:
        return [f"there is no whole result: {error}"]
    problems = [f"{settings.out}: {name} is not there" for name in expected.keys() - found.keys()]
    problems += [f"{settings.out}: {name} is too much" for name in found.keys() - expected.keys()]
    both = found.keys() & expected.keys()
    return problems + [f"{settings.out}: {name} is different" for name in both if found[name] != expected[name]]


def _written(out: str) -> set[str]:
    """The files that are there."""
    return {str(file) for file in locate(out).files()}


def _half_written(settings: SideJob) -> list[str]:
    """Files that are there under their own names, and cannot be read."""
    problems = []
    for file in locate(settings.out).files():
        if file.name.endswith(".parquet"):
            try:
                read_table(file)
            except XnerError as error:
                problems.append(str(error))
    return problems


SIDE_JOBS: dict[str, Callable[[Bench, random.Random], Outcome]] = {
    scenario.__name__.replace("_", "-"): scenario
    for scenario in (flaky_ingest, flaky_consensus, killed_ingests, killed_consensus)
}
