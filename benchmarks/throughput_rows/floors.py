"""The table, and what its lines must reach: targets, least rates and ratios, and exact counts, from floors.yaml."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from throughput_rows.running import Line


@dataclass(frozen=True)
class Floor:
    """What is expected of a line.

    Attributes:
        target: what it is to become, as the table shows it; `×2.5` is a ratio to the baseline
        least: of its value
        most: of its value, where less is better
        least_ratio: of its value to the baseline's
        least_label_f1: of its labels against the baseline's, in percent
        most_driver, most_largest: of memory, in MiB, of the driver and of any other process
        counts: that must come out exactly with `--smoke` on the made-up pairs
    """

    target: float | str | None = None
    least: float | None = None
    most: float | None = None
    least_ratio: float | None = None
    least_label_f1: float | None = None
    most_driver: int | None = None
    most_largest: int | None = None
    counts: Mapping[str, int] | None = None


def read_floors(path: Path) -> dict[str, Floor]:
    """The floors of a file, by the names of lines.

    Raises:
        TypeError: it has a key that no floor has.
    """
    return {name: Floor(**(values or {})) for name, values in yaml.safe_load(path.read_text()).items()}


def missed_counts(lines: Iterable[Line], floors: Mapping[str, Floor]) -> list[str]:
    """The lines whose counts are other ones than a smoke run must have."""
    missed = []
    for line in lines:
        floor = floors.get(line.name)
        if floor is not None and floor.counts is not None and dict(floor.counts) != line.present.counts:
            missed.append(f"{line.name}: counts {line.present.counts}, not {dict(floor.counts)}")
    return missed


def missed_floors(lines: Iterable[Line], floors: Mapping[str, Floor]) -> list[str]:
    """The lines that do not reach their floors; what was not run, or has no baseline, is not judged by it."""
    missed = []
    for line in lines:
        floor = floors.get(line.name, Floor())
        memory = line.present.memory
        for what, value, bound, sign in (
            ("value", line.present.value, floor.least, 1),
            ("value", line.present.value, floor.most, -1),
            ("ratio to the baseline", line.ratio, floor.least_ratio, 1),
            ("F1 of the labels", line.label_f1, floor.least_label_f1, 1),
            ("MiB of the driver", memory.get("driver"), floor.most_driver, -1),
            ("MiB of a process", memory.get("largest"), floor.most_largest, -1),
        ):
            if value is not None and bound is not None and (value - bound) * sign < 0:
                side = "less" if sign > 0 else "more"
                missed.append(f"{line.name}: {what} {_figure(value)}, {side} than {_figure(bound)}")
    return missed


def table(lines: Iterable[Line], floors: Mapping[str, Floor]) -> str:
    """The lines as columns of text."""
    rows = [["row", "baseline", "present", "ratio", "unit", "target", "CPU s", "wall s", "memory MiB"]]
    for line in lines:
        present, target = line.present, floors.get(line.name, Floor()).target
        if present.value is None:
            rows.append([line.name, "", "not run", "", "", "", "", "", present.not_run])
            continue
        memory = present.memory
        rows.append(
            [
                line.name,
                _figure(line.baseline and line.baseline.value),
                _figure(present.value),
                _figure(line.ratio),
                present.unit,
                _figure(target),
                _figure(present.cpu_seconds),
                _figure(present.wall_seconds),
                " / ".join(str(memory[name]) for name in ("driver", "largest", "tree") if name in memory),
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(row.rstrip() for row in padded)


def _figure(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
