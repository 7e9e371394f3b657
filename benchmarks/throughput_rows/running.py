"""Runs rows, each measurement in a process of its own with the package of its checkout, in turn with the baseline's."""

import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from throughput_rows.measured import Measured, Work

logger = logging.getLogger(__name__)
BENCHMARKS = Path(__file__).parents[1]
# Of one measurement.
_SECONDS = 6 * 3600


@dataclass(frozen=True)
class Row:
    """A row, or several that are measured together.

    Attributes:
        function: `module:function` of this package, of a `Work`; gives lines of the table by their names
        needs: what must be prepared
        single: with one thread, so that CPU seconds are of the work alone
        of_present: without a counterpart in the baseline
        named: only measured when it is named
        device: that it is for; any if it is empty
    """

    function: str
    needs: tuple[str, ...] = ()
    single: bool = False
    of_present: bool = False
    named: bool = False
    device: str = ""


@dataclass
class Line:
    """A line of the table: medians over the rounds, of the present checkout and of the baseline."""

    name: str
    row: str
    present: Measured
    baseline: Measured | None
    label_f1: float | None

    @property
    def ratio(self) -> float | None:
        """The present value as a multiple of the baseline's; of seconds and shares too, where less is better."""
        if self.baseline is None or not self.baseline.value or self.present.value is None:
            return None
        return self.present.value / self.baseline.value

    def record(self) -> dict[str, Any]:
        """The line as plain JSON, without the labels."""
        present = {name: value for name, value in asdict(self.present).items() if name != "labels"}
        baseline = self.baseline and self.baseline.value
        return (
            {"name": self.name, "row": self.row, "baseline": baseline, "ratio": self.ratio}
            | present
            | {"label_f1": self.label_f1}
        )


def run_row(name: str, row: Row, work: Work, rounds: int, present: Path, baseline: Path | None) -> list[Line]:
    """Measures a row in rounds, the baseline first in every other one.

    Raises:
        subprocess.CalledProcessError: a measurement failed; its output is in the error.
    """
    work = replace(work, row=name, threads=1 if row.single else work.threads)
    checkouts = [present] if baseline is None or row.of_present else [present, baseline]
    found: dict[Path, list[dict[str, Measured]]] = {checkout: [] for checkout in checkouts}
    for number in range(rounds):
        for checkout in checkouts if number % 2 else checkouts[::-1]:
            found[checkout].append(_measure(row, work, checkout))
            logger.info("%s, round %d: %s", name, number + 1, _told(found[checkout][-1], checkout == baseline))
    lines = []
    for line in found[present][0]:
        now = _median([one[line] for one in found[present]])
        before = [one[line] for one in found.get(baseline, []) if line in one] if baseline else []
        of_before = _median(before) if before else None
        labels = of_before.labels if of_before is not None else None
        f1 = agreement(now.labels, labels) if now.labels is not None and labels is not None else None
        lines.append(Line(line, name, now, of_before, f1))
    return lines


def _told(lines: dict[str, Measured], is_baseline: bool) -> str:
    values = (f"{name} {one.value:.5g}" if one.value is not None else f"{name} not run" for name, one in lines.items())
    return ("baseline " if is_baseline else "") + ", ".join(values)


def _measure(row: Row, work: Work, checkout: Path) -> dict[str, Measured]:
    with tempfile.TemporaryDirectory(prefix="throughput-", dir=Path(work.scratch)) as scratch:
        own = replace(work, scratch=scratch)
        asked, answer = Path(scratch) / "work.json", Path(scratch) / "answer.json"
        asked.write_text(json.dumps(asdict(own)))
        command = [sys.executable, "-m", "throughput_rows.worker", row.function, str(asked), str(answer)]
        done = subprocess.run(
            command,
            env=os.environ | environment(checkout, own.threads),
            cwd=scratch,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout[-4000:])
        return {name: Measured(**values) for name, values in json.loads(answer.read_text()).items()}


def environment(checkout: Path, threads: int) -> dict[str, str]:
    """Variables of a process that measures: whose package it imports, and how many threads it takes."""
    of_threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), str(threads))
    return of_threads | {
        "PYTHONPATH": f"{checkout}{os.pathsep}{BENCHMARKS}",
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
        "RAY_USAGE_STATS_ENABLED": "0",
        "HF_HUB_OFFLINE": "1",
    }


def _median(rounds: Sequence[Measured]) -> Measured:
    """The round with the median value; of an even number the lower one of the middle."""
    known = [one for one in rounds if one.value is not None]
    if not known:
        return rounds[0]
    middle = statistics.median_low([one.value for one in known if one.value is not None])
    return next(one for one in known if one.value == middle)


def agreement(found: Sequence[Sequence[Any]], expected: Sequence[Sequence[Any]]) -> float:
    """F1 of typed spans against others of the same texts, in percent; 100 if there are none at all."""
    own, other = ([{tuple(span) for span in text} for text in texts] for texts in (found, expected))
    if len(own) != len(other):
        return 0.0
    both = sum(len(a & b) for a, b in zip(own, other, strict=True))
    total = sum(map(len, own)) + sum(map(len, other))
    return 100 * 2 * both / total if total else 100.0


def empty_folder(folder: Path) -> Path:
    """The folder, made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
