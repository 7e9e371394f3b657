"""What Ctrl-C and SIGTERM do to a job: it stops at once, in one line, and leaves no process behind.

Both raise KeyboardInterrupt in the main thread, so that leases are given back and files that are half written go. Which
of them it was is written down here: on its way through Ray, an exception becomes a plain KeyboardInterrupt.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Seconds that processes may take to end after SIGTERM.
_PATIENCE = 5.0
_CLOSERS: list[Callable[[], None]] = []


@dataclass
class Interruption:
    """The first signal that came, if any, and the processes that were there before the block."""

    cause: signal.Signals | None = None
    others: list[psutil.Process] = field(default_factory=lambda: psutil.Process().children(recursive=True))

    @property
    def status(self) -> int:
        """The exit status that shells give a process that a signal has ended."""
        return 128 + (self.cause or signal.SIGINT)

    def end_children(self) -> None:
        """Ends all processes that were started in the block, and theirs; signals are ignored meanwhile."""
        with keep_handlers():
            if threading.current_thread() is threading.main_thread():
                for number in _SIGNALS:
                    signal.signal(number, signal.SIG_IGN)
            # Before anything is closed: who loses its parent is nobody's child.
            left = [
                child
                for child in psutil.Process().children(recursive=True)
                if child not in self.others and not _is_tracker(child)
            ]
            for close in _CLOSERS:
                with suppress(Exception):
                    close()
            for end in (psutil.Process.terminate, psutil.Process.kill):
                for process in left:
                    with suppress(psutil.NoSuchProcess):
                        end(process)
                _, left = psutil.wait_procs(left, _PATIENCE)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Lets SIGINT and SIGTERM raise KeyboardInterrupt in the block; outside the main thread it changes nothing."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def interrupt(number: int, _: object) -> None:
        if interruption.cause is None:
            interruption.cause = signal.Signals(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def keep_handlers() -> Iterator[None]:
    """Undoes what a library in the block does to the handling of signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def close_on_interruption(close: Callable[[], None]) -> None:
    """Has something closed before the processes that it has started are waited for."""
    if close not in _CLOSERS:
        _CLOSERS.append(close)


def _is_tracker(process: psutil.Process) -> bool:
    """Whether it is a resource tracker of multiprocessing, which ends with the process that it tracks for.

    Killed before that, it is started again when the last semaphores go.
    """
    try:
        return any("resource_tracker" in argument for argument in process.cmdline())
    except psutil.Error:
        return False
