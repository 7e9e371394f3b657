"""CPU seconds, wall time and memory of this process and of all that it started."""

import os
import threading
import time
from types import TracebackType

import psutil

from throughput_rows.measured import Measured

_INTERVAL = 0.25
_MIB = 1 << 20


class Meter:
    """Samples the tree of processes while its block runs.

    A process that starts and ends between two samples is missed, and so is what one does after it was last seen.
    """

    def __init__(self) -> None:
        self.wall_seconds = 0.0
        self.cpu_seconds = 0.0
        self.memory = {"driver": 0, "largest": 0, "tree": 0}
        self._first: dict[tuple[int, float], float] = {}
        self._last: dict[tuple[int, float], float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Meter":
        self._sample(start=True)
        self._started = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wall_seconds = time.perf_counter() - self._started
        self._ended.set()
        self._thread.join()
        self._sample()
        self.cpu_seconds = sum(last - self._first.get(key, 0.0) for key, last in self._last.items())

    def measured(self, value: float | None, unit: str) -> Measured:
        """A line with what was metered."""
        return Measured(value, unit, round(self.cpu_seconds, 3), round(self.wall_seconds, 3), self.memory)

    def _watch(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self._sample()

    def _sample(self, start: bool = False) -> None:
        own = psutil.Process()
        tree = 0
        for process in [own, *own.children(recursive=True)]:
            try:
                with process.oneshot():
                    times, memory, key = (
                        process.cpu_times(),
                        process.memory_info(),
                        (process.pid, process.create_time()),
                    )
            except psutil.Error:
                continue
            if start:
                self._first[key] = times.user + times.system
            self._last[key] = times.user + times.system
            place = "driver" if process.pid == os.getpid() else "largest"
            self.memory[place] = max(self.memory[place], memory.rss // _MIB)
            tree += memory.rss - memory.shared
        self.memory["tree"] = max(self.memory["tree"], tree // _MIB)
