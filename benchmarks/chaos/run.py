"""Runs scenarios of faults, and says what came of them."""

import logging
import os
import platform
import random
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonargparse.typing import NonNegativeInt, PositiveInt

from chaos.bench import open_bench
from chaos.scenarios import SCENARIOS as OF_PROJECTION
from chaos.scenarios import Outcome
from chaos.side_jobs import SIDE_JOBS
from xner_core.errors import RunFailure
from xner_core.storage.files import locate, read_json, write_json

logger = logging.getLogger(__name__)

SCENARIOS = OF_PROJECTION | SIDE_JOBS


@dataclass(frozen=True)
class ChaosSettings:
    """Which faults are injected.

    Args:
        out: folder, on a local disk, of what the runs make; scenarios that are done there are not done again
        scenarios: which, of flaky-store, damaged-files, poisoned-pairs, killed-actors, killed-drivers, killed-nodes,
            full-disk, two-at-once, flaky-ingest, flaky-consensus, killed-ingests and killed-consensus; all if none
            are named
        starter: with the starter models on the bundled sample, rather than with tiny models on made-up text
        seed: of what is damaged, and when
        minutes: after which no further scenario is begun
    """

    out: str = "out/chaos"
    scenarios: list[str] = field(default_factory=list)
    starter: bool = False
    seed: NonNegativeInt = 0
    minutes: PositiveInt = 60

    def __post_init__(self) -> None:
        if unknown := set(self.scenarios) - set(SCENARIOS):
            raise ValueError(f"unknown scenarios {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")


def run_chaos(settings: ChaosSettings) -> dict[str, Any]:
    """Injects faults into projections, and compares what comes out with undisturbed ones.

    Raises:
        RunFailure: a pair was lost, doubled or labelled otherwise, or a job ended without saying why.
    """
    folder = Path(settings.out).absolute() / f"{'starter' if settings.starter else 'tiny'}-{settings.seed}"
    names = settings.scenarios or list(SCENARIOS)
    ready = {name: folder / f"{name}.json" for name in names}
    begun = time.monotonic()
    if missing := [name for name in names if not ready[name].exists()]:
        with open_bench(folder, settings.seed, settings.starter) as bench:
            for name in missing:
                if time.monotonic() - begun > 60 * settings.minutes:
                    logger.warning("%s is left for another run: %d minutes are over", name, settings.minutes)
                    continue
                started = time.monotonic()
                try:
                    outcome = SCENARIOS[name](bench, random.Random(f"{settings.seed} {name}"))
                except Exception:
                    outcome = Outcome(problems=[traceback.format_exc()])
                seconds = round(time.monotonic() - started, 1)
                logger.info("%s: %d faults in %.0f s %s", name, sum(outcome.faults.values()), seconds, outcome.problems)
                write_json(locate(ready[name]), vars(outcome) | {"seconds": seconds})
    outcomes = {name: read_json(locate(path)) for name, path in ready.items() if path.exists()}
    result = summarise(outcomes) | {
        "models": "starter" if settings.starter else "tiny",
        "seed": settings.seed,
        "machine": {"cpus": os.cpu_count(), "processor": platform.processor() or platform.machine()},
    }
    write_json(locate(folder / "summary.json"), result)
    print(table(outcomes))
    if result["problems"]:
        # So that the next run tries again what went wrong.
        for name, outcome in outcomes.items():
            if outcome["problems"]:
                ready[name].rename(ready[name].with_suffix(".failed.json"))
        raise RunFailure(
            f"{len(result['problems'])} problems, such as {result['problems'][0]}; all are in {folder / 'summary.json'}"
        )
    return {"status": "done"} | result


def summarise(outcomes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Faults by kind, and problems, over all scenarios."""
    faults: Counter[str] = Counter()
    for outcome in outcomes.values():
        faults.update(outcome["faults"])
    return {
        "faults": dict(faults),
        "injected": faults.total(),
        "problems": [problem for outcome in outcomes.values() for problem in outcome["problems"]],
        "scenarios": outcomes,
    }


def table(outcomes: dict[str, dict[str, Any]]) -> str:
    """A row for each scenario, in Markdown."""
    rows = [
        ["scenario", "faults", "of these", "jobs started", "ended with a message", "problems", "seconds"],
        ["---"] * 7,
        *(
            [
                name,
                str(sum(outcome["faults"].values())),
                ", ".join(f"{kind} {count}" for kind, count in outcome["faults"].items()),
                str(outcome["drivers"]),
                str(len(outcome["messages"])),
                str(len(outcome["problems"])),
                f"{outcome['seconds']:.0f}",
            ]
            for name, outcome in outcomes.items()
        ),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
