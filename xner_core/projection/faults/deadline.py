"""A time limit that a call cannot escape, whatever it does: its process ends with it."""

import faulthandler
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """Ends this process when one of its calls takes too long, even one that never gives up the interpreter lock.

    Several threads may have calls at once. The stacks of all threads go to stderr before the end.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: list[float] = []

    @contextmanager
    def after(self, seconds: float) -> Iterator[None]:
        """Within the block, the process has so many seconds left."""
        end = time.monotonic() + seconds
        with self._lock:
            self._ends.append(end)
            self._arm()
        try:
            yield
        finally:
            with self._lock:
                self._ends.remove(end)
                self._arm()

    def _arm(self) -> None:
        # There is one timer in a process; it is set to the next end.
        if self._ends:
            faulthandler.dump_traceback_later(max(min(self._ends) - time.monotonic(), 0.001), exit=True)
        else:
            faulthandler.cancel_dump_traceback_later()
