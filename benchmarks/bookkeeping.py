"""Measures what is done around the models: nightly runs that find little or nothing to do, planning, and the share of
all that in a run that its models bound.

python benchmarks/bookkeeping.py nightly --folder /tmp/bookkeeping
python benchmarks/bookkeeping.py planning --folder /tmp/bookkeeping
python benchmarks/bookkeeping.py share --folder /tmp/bookkeeping
"""

import json
import logging
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonargparse.typing import ClosedUnitInterval, PositiveInt

from chaos.tiny_models import save_tiny_encoder, save_tiny_tagger
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.cli.job import Command, Job, run_job
from xner_core.corpus import layout
from xner_core.corpus.layout import open_corpus
from xner_core.engine import projection_graph as graph
from xner_core.projection.plan import plan_projection
from xner_core.sample import write_sample_corpus
from xner_core.snapshots.lease import Lease
from xner_core.snapshots.manifest import LABELS, PAIRS, File, file_table
from xner_core.snapshots.repository import open_snapshot, publish
from xner_core.snapshots.state import published_state
from xner_core.storage.files import locate, read_json, write_json
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.workflows import nightly
from xner_core.workflows.nightly import reproject
from xner_core.workflows.projection_settings import NightlySettings

logger = logging.getLogger(__name__)
ROOT = Path(__file__).parent.parent
FILES = 20


@dataclass(frozen=True)
class NightlyTimes:
    """A corpus of short made-up sentences, in files of 20 domains, and models of no size.

    Args:
        folder: an empty local folder
        shards: about how many
        shard_pairs: the most pairs in one
        changed: share of the lines that are other ones in the second night, anywhere in all files
    """

    folder: str
    shards: PositiveInt = 1000
    shard_pairs: PositiveInt = 64
    changed: ClosedUnitInterval = 0.01


@dataclass(frozen=True)
class PlanningTimes:
    """A corpus of which there is a manifest alone, all of it labelled and published.

    Args:
        folder: an empty local folder
        shards: how many
    """

    folder: str
    shards: PositiveInt = 100_000


@dataclass(frozen=True)
class ShareTimes:
    """The bundled sample, several times over, and the starter models.

    Args:
        folder: an empty local folder
        copies: how many times; all texts are different
        shard_pairs: the most pairs in a shard
    """

    folder: str
    copies: PositiveInt = 5
    shard_pairs: PositiveInt = 256


def time_nights(settings: NightlyTimes) -> dict[str, Any]:
    """Times a first night, one in which nothing changed, and one in which a share of the lines did.

    The latter beside a projection of nothing but the shards that it had to make, by a job of its own.
    """
    folder = Path(settings.folder)
    models = _tiny_models(folder)
    chance = random.Random(1)
    # A shard holds about a third of the most that it may.
    lines = [
        f"{number} of {chance.getrandbits(60)}" for number in range(settings.shards * settings.shard_pairs * 2 // 5)
    ]
    text, out = folder / "text", folder / "out"
    _write_lines(text, lines)
    command = ["--corpus", str(text), "--out", str(out), "--shard_pairs", str(settings.shard_pairs), *models]
    first = _job("nightly_reproject", folder, *command)
    again = _job("nightly_reproject", folder, *command)
    before = open_snapshot(str(out))
    for number in chance.sample(range(len(lines)), round(settings.changed * len(lines))):
        lines[number] = f"other {chance.getrandbits(60)}"
    _write_lines(text, lines)
    changed = _job("nightly_reproject", folder, *command)
    part = _part_of_corpus(out / "corpus", folder / "part", open_snapshot(str(out)).paths - before.paths)
    alone = _job("project_corpus", folder, "--corpus", str(part), "--out", str(folder / "alone"), *models)
    return {
        "status": "done",
        "lines": len(lines),
        "shards": first["shards"],
        "first_seconds": first["wall"],
        "nothing_changed_seconds": again["wall"],
        "nothing_changed_seconds_after_imports": again["seconds"],
        "changed_lines": round(settings.changed * len(lines)),
        "changed_shards": changed["projected"]["shards"],
        "changed_seconds": changed["wall"],
        "changed_seconds_beside_projection": round(changed["seconds"] - changed["projection_seconds"], 1),
        "alone_seconds": alone["wall"],
        "alone_shards": alone["shards"],
        "ratio": round(changed["wall"] / alone["wall"], 2),
    }


def time_planning(settings: PlanningTimes) -> dict[str, Any]:
    """Times the opening and planning of a corpus of many shards, and the look whether its snapshot is up to date."""
    folder = locate(settings.folder)
    tagger, aligner = _tiny_settings(Path(settings.folder))
    _write_manifest(Path(settings.folder) / "corpus", settings.shards)
    started = time.monotonic()
    corpus = open_corpus(folder / "corpus")
    plan = plan_projection(corpus, folder, tagger, aligner)
    unfinished = len(plan.unfinished())
    planned, memory = time.monotonic() - started, _peak_memory()
    counts = json.dumps({"pairs": 10, "projected": 0, "quarantined": 0})
    for task in plan.tasks:
        for path in (Path(task.pairs_path), Path(task.labels_path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    files = [
        *(File(PAIRS, task.pairs_path.removeprefix(f"{folder}/"), 0, "de", task.domain, 10) for task in plan.tasks),
        *(
            File(LABELS, task.labels_path.removeprefix(f"{folder}/"), 0, "de", task.domain, 10, counts)
            for task in plan.tasks
        ),
    ]
    with Lease(folder, "bookkeeping") as lease:
        fingerprints = {"tags": plan.tags_fingerprint, "labels": plan.labels_fingerprint}
        publish(lease, file_table(files), source="en", target="de", fingerprints=fingerprints, counts={}, note="")
        started = time.monotonic()
        corpus = open_corpus(folder / "corpus")
        plan = plan_projection(corpus, folder, tagger, aligner)
        left = len(plan.unfinished())
        current = published_state(lease, corpus, plan) is not None
        looked = time.monotonic() - started
    return {
        "status": "done",
        "shards": settings.shards,
        "unfinished": unfinished,
        "planning_seconds": round(planned, 2),
        "planning_peak_memory_mib": memory,
        "unfinished_when_all_are_labelled": left,
        "current": current,
        "planning_and_comparing_seconds": round(looked, 2),
        "peak_memory_mib": _peak_memory(),
    }


def time_share(settings: ShareTimes) -> dict[str, Any]:
    """Times a nightly run with the starter models: all of it, and what of it is neither models nor Ray."""
    folder = Path(settings.folder)
    sample, text = folder / "sample", folder / "text"
    write_sample_corpus(sample, "en", "de")
    text.mkdir(parents=True)
    for file in sample.iterdir():
        lines = file.read_text().splitlines()
        copies = (f"{line} ({number})\n" for number in range(settings.copies) for line in lines)
        (text / file.name).write_text("".join(copies))
    nightly_settings = NightlySettings(corpus=str(text), out=str(folder / "out"), shard_pairs=settings.shard_pairs)
    projecting, footers = _Clock(nightly.run_projection), _Clock(graph._sound_counts)
    # Timed in their place.
    nightly.run_projection, graph._sound_counts = projecting, footers  # pyrefly: ignore[bad-assignment]
    result = reproject(nightly_settings)
    bookkeeping = result["seconds"] - projecting.seconds + footers.seconds
    return {
        "status": "done",
        "pairs": result["labelled"]["pairs"],
        "shards": result["shards"],
        "seconds": result["seconds"],
        "bookkeeping_seconds": round(bookkeeping, 2),
        "share": round(bookkeeping / result["seconds"], 4),
    }


def _peak_memory() -> int:
    """Of this process so far, what it has imported included, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


class _Clock:
    """A function that sums up how long its calls take."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.seconds = 0.0

    def __call__(self, *arguments: Any) -> Any:
        started = time.monotonic()
        try:
            return self.function(*arguments)
        finally:
            self.seconds += time.monotonic() - started


def _job(name: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """The results of a job in a process of its own, and its whole time as `wall`."""
    answer = folder / "answer.json"
    command = [sys.executable, str(ROOT / "jobs" / f"{name}.py"), *arguments, "--json", str(answer)]
    started = time.monotonic()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    wall = round(time.monotonic() - started, 1)
    logger.info("%s: %s s", name, wall)
    return read_json(locate(answer)) | {"wall": wall}


def _tiny_models(folder: Path) -> list[str]:
    tagger, aligner = _tiny_settings(folder)
    arguments = ["--target", "de", "--cleaning.identify_language", "false", "--tagger.model", tagger.model]
    return [*arguments, "--aligner.model", "similarity", "--aligner.encoder", str(aligner.encoder)]


def _tiny_settings(folder: Path) -> tuple[TaggerSettings, AlignerSettings]:
    tagger, encoder = folder / "tagger", folder / "encoder"
    save_tiny_tagger(tagger)
    save_tiny_encoder(encoder)
    return TaggerSettings(str(tagger)), AlignerSettings(model="similarity", encoder=str(encoder))


def _write_lines(text: Path, lines: list[str]) -> None:
    text.mkdir(parents=True, exist_ok=True)
    for number in range(FILES):
        for language, pattern in (("en", "The number {}."), ("de", "Die Zahl {}.")):
            part = lines[number * len(lines) // FILES : (number + 1) * len(lines) // FILES]
            content = "".join(pattern.format(line) + "\n" for line in part)
            path = text / f"d{number}.{language}"
            if not path.exists() or path.read_text() != content:
                path.write_text(content)


def _part_of_corpus(corpus: Path, part: Path, paths: frozenset[str]) -> Path:
    """A corpus of those shards alone that are in a set of paths."""
    manifest = read_json(locate(corpus / layout.MANIFEST))
    shards = []
    for shard in manifest["shards"]:
        path = layout.shard_path("en", "de", shard["domain"], shard["name"])
        if f"{corpus.name}/{path}" in paths:
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(corpus / path, part / path)
            shards.append(shard)
    write_json(locate(part / layout.MANIFEST), manifest | {"shards": shards, "rejected_files": [], "index": {}})
    return part


def _write_manifest(corpus: Path, shards: int) -> None:
    entries = [{"domain": f"d{number % FILES}", "name": f"{number:032x}", "pairs": 10} for number in range(shards)]
    manifest = {"format": layout.FORMAT, "version": layout.VERSION, "source": "en", "target": "de", "shards": entries}
    write_json(locate(corpus / layout.MANIFEST), manifest | {"domains": {}, "rejected_files": []})


JOB = Job(
    __doc__,
    {
        "nightly": Command(NightlyTimes, time_nights, time_nights.__doc__ or ""),
        "planning": Command(PlanningTimes, time_planning, time_planning.__doc__ or ""),
        "share": Command(ShareTimes, time_share, time_share.__doc__ or ""),
    },
)

if __name__ == "__main__":
    run_job(JOB)
