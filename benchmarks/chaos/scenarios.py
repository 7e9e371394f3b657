"""What is done to projections: each scenario injects faults of one kind, and lets reruns complete what they ended."""

import contextlib
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

from chaos.bench import Bench, Driver, add_node, s3_folder
from chaos.poison import FAULTS, STAGES, mark
from xner_core.workflows.projection_settings import NightlySettings, ProjectionSettings

# Calls of a model that are lost with a driver, at most: its one actor tags or aligns one shard at a time, and may begin
# another before it is ended as well.
IN_FLIGHT = 2
# Seconds that each text takes, asleep, where a run must last for faults to happen in it.
_SLOW = 0.05


@dataclass
class Outcome:
    """What came of a scenario.

    Attributes:
        faults: how many were injected, by kind
        drivers: how often the job was started
        messages: with which the job ended, where it did not go on
        problems: pairs that are lost, doubled or different; jobs that ended without a message; nothing if all is well
        notes: measurements
    """

    faults: Counter[str] = field(default_factory=Counter)
    drivers: int = 0
    messages: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def ended(self, drivers: list[Driver]) -> None:
        """Takes account of drivers that ended by themselves; the last one must have been done."""
        self.drivers += len(drivers)
        for driver in drivers:
            if not driver.done and driver.message:
                self.messages.append(driver.message)
            elif not driver.done:
                self.problems.append(
                    f"a job ended without a message, exit status {driver.process.exitcode}; {driver.log}"
                )
        if not drivers[-1].done:
            self.problems.append(f"reruns did not complete the job; {drivers[-1].log}")


def killed_drivers(bench: Bench, chance: random.Random) -> Outcome:
    """SIGKILL for the driver at random moments, from its start on; the same command again, until it is done."""
    settings, outcome = bench.settings("killed-drivers", seconds=_SLOW), Outcome()
    bench.undisturbed()
    for _ in tqdm(range(bench.times(10)), desc="drivers killed"):
        before = bench.computed(settings)
        driver = bench.start(settings)
        outcome.drivers += 1
        # Most kills wait until models are at work, so that not all of them hit the start.
        if chance.random() < 0.7:
            wait_until(lambda before=before: bench.computed(settings) > before, driver)
        driver.process.join(chance.uniform(0.0, 4.0))
        if not driver.process.is_alive():
            break
        driver.kill()
        outcome.faults["driver killed"] += 1
    outcome.ended(bench.finish(settings))
    outcome.problems += bench.problems(settings)
    shards = len(bench.plan(settings).tasks)
    wasted = bench.computed(settings) - 2 * shards
    limit = IN_FLIGHT * outcome.faults["driver killed"]
    outcome.notes = {"shards": shards, "computed again": wasted, "in flight at the kills, at most": limit}
    if wasted > limit:
        outcome.problems.append(f"{wasted} shards were computed again, more than were in flight")
    return outcome


def killed_actors(bench: Bench, chance: random.Random) -> Outcome:
    """SIGKILL for actors, each with a tagger and an aligner, at random moments of one run, while they load included."""
    settings, outcome = bench.settings("killed-actors", seconds=_SLOW), Outcome()

    def kill() -> bool:
        actors = bench.actors()
        return bool(actors) and _kill(chance.choice(actors).pid)

    _disturb(bench, settings, outcome, "actor killed", bench.times(14), kill, lambda: chance.uniform(1.0, 6.0))
    return outcome


def killed_nodes(bench: Bench, chance: random.Random) -> Outcome:
    """SIGKILL for a node that has actors, with all its processes, in the middle of one run; another node takes over."""
    settings, outcome = bench.settings("killed-nodes", seconds=_SLOW), Outcome()

    def kill() -> bool:
        if not bench.actors():
            return False
        add_node(bench.cluster)
        nodes = [node for node in bench.cluster.list_all_nodes() if not node.head]
        bench.cluster.remove_node(nodes[0], allow_graceful=False)
        return True

    _disturb(bench, settings, outcome, "node killed", bench.times(3), kill, lambda: chance.uniform(4.0, 12.0))
    return outcome


def poisoned_pairs(bench: Bench, chance: random.Random) -> Outcome:
    """Pairs on which a model raises, hangs, or ends its process."""
    settings = bench.settings("poisoned-pairs", poisoned=True, attempts=1, pair_timeout=15.0)
    outcome = Outcome()
    outcome.ended(bench.finish(settings))
    outcome.problems += bench.problems(settings)
    texts = "".join(file.read_text() for file in Path(str(settings.corpus)).glob("*.en"))
    for fault in FAULTS:
        if count := sum(texts.count(mark(stage, fault)) for stage in STAGES):
            outcome.faults[f"pair: {fault}"] = count
    return outcome


def flaky_store(bench: Bench, chance: random.Random) -> Outcome:
    """Everything in S3, where one request in ten is dropped, refused, or loses its answer; then nothing answers."""
    settings, outcome = bench.settings("flaky-store", out=s3_folder("flaky-store")), Outcome()
    before = Counter(bench.proxy.faults)
    bench.proxy.share = 0.1
    try:
        driver = bench.start(settings)
        wait_until(lambda: bench.computed(settings) > IN_FLIGHT, driver)
        # A blackout, shorter than the patience of the job, or not.
        bench.proxy.share = 1.0
        driver.process.join(chance.uniform(5.0, 20.0))
        bench.proxy.share = 0.1
        driver.wait()
        outcome.ended([driver] if driver.done else [driver, *bench.finish(settings)])
    finally:
        bench.proxy.share = 0.0
    outcome.faults = Counter({f"request {kind}": n for kind, n in (bench.proxy.faults - before).items()})
    outcome.problems += bench.problems(settings)
    return outcome


def full_disk(bench: Bench, chance: random.Random) -> Outcome:
    """A disk that is full, and is given a little more room after each failure; mounts a tmpfs, which root alone may."""
    outcome = Outcome()
    disk = bench.folder / "disk"
    disk.mkdir(exist_ok=True)
    settings = bench.settings("full-disk", out=str(disk / "full-disk"))
    sizes = ["150k", "300k", "600k"]
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={sizes[0]}", "tmpfs", disk], check=False).returncode
    ):
        outcome.notes["skipped"] = "no tmpfs can be mounted here"
        return outcome
    try:
        for size in sizes:
            subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)
            driver = bench.start(settings)
            driver.wait()
            outcome.drivers += 1
            if driver.done:
                break
            outcome.faults["disk full"] += 1
            if "No space left on device" not in driver.message:
                outcome.problems.append(f"a full disk was not told of: {driver.message}; {driver.log}")
            else:
                outcome.messages.append(driver.message)
        subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
        outcome.ended(bench.finish(settings))
        outcome.problems += bench.problems(settings)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
    return outcome


def damaged_files(bench: Bench, chance: random.Random, share: float = 0.4) -> Outcome:
    """Label and tag files of a finished run cut short, emptied, overwritten or deleted; then a manifest and a shard."""
    settings, outcome = bench.settings("damaged-files"), Outcome()
    outcome.ended(bench.finish(settings))
    plan = bench.plan(settings)
    files = [Path(path) for task in plan.tasks for path in (task.labels_path, task.tags_path)]
    damage: dict[str, Callable[[Path], Any]] = {
        "cut short": lambda file: os.truncate(file, chance.randrange(1, file.stat().st_size)),
        "emptied": lambda file: os.truncate(file, 0),
        "overwritten": lambda file: file.write_bytes(chance.randbytes(file.stat().st_size)),
        "deleted": Path.unlink,
    }
    for file in chance.sample(files, int(share * len(files))):
        kind = chance.choice(list(damage))
        damage[kind](file)
        outcome.faults[f"file {kind}"] += 1
    outcome.ended(bench.finish(settings))
    outcome.problems += bench.problems(settings)

    shard = Path(chance.choice(plan.tasks).pairs_path)
    lost = next(Path(task.labels_path) for task in plan.tasks if task.pairs_path == str(shard))
    for file in (Path(settings.out) / "corpus" / "manifest.json", shard):
        os.truncate(file, file.stat().st_size // 2)
        lost.unlink(missing_ok=True)
        (lost.parents[4] / "tags" / plan.tags_fingerprint / lost.name).unlink(missing_ok=True)
        outcome.faults["corpus file cut short"] += 1
        driver = bench.start(settings)
        driver.wait()
        if not driver.done and str(file) in driver.message and "delete it" in driver.message:
            # What the message says is what a user does.
            outcome.messages.append(driver.message)
            file.unlink()
        elif not driver.done:
            outcome.problems.append(f"{file} was not named: {driver.message}; {driver.log}")
        outcome.drivers += 1
        outcome.ended(bench.finish(settings))
    outcome.problems += bench.problems(settings)
    return outcome


def two_at_once(bench: Bench, chance: random.Random) -> Outcome:
    """Two nightly runs started together on one folder: one works, and the other says so, or finds nothing to do."""
    outcome = Outcome()
    for number in range(bench.times(2)):
        settings = NightlySettings(**vars(bench.settings(f"two-at-once-{number}")))
        both = [bench.start(settings), bench.start(settings)]
        for driver in both:
            driver.wait()
        outcome.faults["started twice"] += 1
        outcome.ended(sorted(both, key=lambda driver: driver.done))
        outcome.problems += bench.problems(settings)
    return outcome


def _disturb(
    bench: Bench,
    settings: ProjectionSettings,
    outcome: Outcome,
    fault: str,
    times: int,
    inject: Callable[[], bool],
    pause: Callable[[], float],
) -> None:
    """Injects faults into runs at random moments until there were enough; a run that is done too early begins anew."""
    bench.undisturbed()
    progress = tqdm(total=times, desc=f"{fault}s")
    while outcome.faults[fault] < times and not outcome.problems:
        driver = bench.start(settings)
        while driver.process.is_alive() and outcome.faults[fault] < times:
            driver.process.join(pause())
            if driver.process.is_alive() and inject():
                outcome.faults[fault] += 1
                progress.update()
        driver.wait()
        outcome.ended([driver] if driver.done else [driver, *bench.finish(settings)])
        outcome.problems += bench.problems(settings)
        if outcome.faults[fault] < times:
            settings = bench.settings(f"{Path(settings.out).name}-again", seconds=_SLOW)
    progress.close()


def wait_until(happened: Callable[[], bool], driver: Driver, seconds: float = 300) -> None:
    """Waits until something has happened, while the driver runs, and not for ever."""
    deadline = time.monotonic() + seconds
    while not happened() and driver.process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.1)


def _kill(pid: int) -> bool:
    with contextlib.suppress(psutil.Error):
        psutil.Process(pid).kill()
        return True
    return False


SCENARIOS: dict[str, Callable[[Bench, random.Random], Outcome]] = {
    scenario.__name__.replace("_", "-"): scenario
    for scenario in (
        flaky_store,
        damaged_files,
        poisoned_pairs,
        killed_actors,
        killed_drivers,
        killed_nodes,
        full_disk,
        two_at_once,
    )
}
