"""Quarantine: the rows that a model breaks on are found, kept with the reason, and cost no other row."""

import math
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from xner_core.errors import RunFailure
from xner_core.models.devices import is_device_failure, is_out_of_memory

Row = TypeVar("Row")
Result = TypeVar("Result")


class RowFault(Exception):
    """What rows did to a model in a process of its own; the text is the reason that is kept."""


class Isolate(Protocol):
    """Runs a function on rows, and finds those that it fails on.

    Returns:
        results and quarantine, one each for every row: a row has either a result or the reason why there is none
    """

    def __call__(
        self, run: Callable[[Sequence[Row]], list[Result]], rows: Sequence[Row]
    ) -> tuple[list[Result | None], list[str | None]]: ...


def isolate(
    run: Callable[[Sequence[Row]], list[Result]], rows: Sequence[Row], whole: bool = True
) -> tuple[list[Result | None], list[str | None]]:
    """An `Isolate`: where the function raises, the rows are cut into parts, and the parts that fail into single rows.

    Args:
        run: the function
        rows: what it is run on
        whole: try all rows at once first; otherwise they are known to fail

    What is nobody's fault is raised: no memory, a store that fails, a device that this process can use no more.

    There are about as many parts as rows in a part. Halving would take fewer calls where nothing but a call costs, but
    more of them fail, and after a call that kills its process, the model must be loaded again.
    """
    results: list[Result | None] = [None] * len(rows)
    quarantine: list[str | None] = [None] * len(rows)
    everything = range(len(rows))
    pending = [everything] if whole else _parts(everything)
    while pending:
        part = pending.pop(0)
        if not part:
            continue
        try:
            found = run([rows[i] for i in part])
        except Exception as error:
            if not _blames_rows(error):
                raise
            if len(part) > 1:
                pending = (_parts(part) if part == everything else [range(i, i + 1) for i in part]) + pending
            else:
                quarantine[part[0]] = str(error) if isinstance(error, RowFault) else traceback.format_exc(limit=-3)
        else:
            for i, result in zip(part, found, strict=True):
                results[i] = result
    return results, quarantine


def _blames_rows(error: Exception) -> bool:
    """Whether an error can be the fault of the rows at hand.

    A device that has failed may well be one of theirs, but each later call of this process would raise as well.
    """
    return not (isinstance(error, RunFailure) or is_out_of_memory(error) or is_device_failure(error))


def _parts(rows: range) -> list[range]:
    size = max(1, math.isqrt(len(rows)))
    return [rows[i : i + size] for i in range(0, len(rows), size)]
