"""A model in a process of its own, which a row may kill, or keep for ever, without harm to the one that asks."""

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NoReturn, Protocol, TextIO

from xner_core.errors import RunFailure
from xner_core.models.devices import is_device_failure, is_out_of_memory
from xner_core.projection.faults.quarantine import RowFault

# Seconds that loading a model may take, and that a child may take to die by itself when its time is up.
_LOAD_SECONDS = 1800
_GRACE_SECONDS = 10
_STACK_CHARACTERS = 2000


class ModelSettings(Protocol):
    """Settings of a tagger or an aligner; they can be pickled."""

    def load(self) -> Any: ...


class ChildModel:
    """A tagger or an aligner by proxy: started when it is needed, and again when rows have killed it.

    A child whose time is up ends itself, even when it holds the interpreter lock, or when nobody waits for it any more.

    Args:
        settings: of the tagger or aligner
        timeout: seconds that a call with so many rows may take
        most_deaths: deaths after which the rows are no longer to blame one by one
    """

    def __init__(self, settings: ModelSettings, timeout: Callable[[int], float], most_deaths: int) -> None:
        self.settings = settings
        self._timeout = timeout
        self._deaths_left = most_deaths
        self._process: BaseProcess | None = None
        self._connection: Connection
        self._stacks = Path(tempfile.mkstemp(prefix="xner-stacks-")[1])

    def __enter__(self) -> "ChildModel":
        return self

    def __exit__(self, *exception: object) -> None:
        self._end()
        self._stacks.unlink(missing_ok=True)

    def tag(self, texts: Sequence[Any]) -> list[Any]:
        """`Tagger.tag` in the child.

        Raises:
            RowFault: the child raised, died or hung.
            RunFailure: it cannot be started, or died too often.
        """
        return self._call("tag", texts)

    def align(self, queries: Sequence[Any]) -> list[Any]:
        """`Aligner.align` in the child; raises as `tag` does."""
        return self._call("align", queries)

    def _call(self, method: str, rows: Sequence[Any]) -> list[Any]:
        if self._process is None:
            self._start()
        limit = self._timeout(len(rows))
        started = time.monotonic()
        with contextlib.suppress(BrokenPipeError):
            self._connection.send((method, rows, limit))
        answer = self._receive(limit + _GRACE_SECONDS)
        if answer is None:
            fate, stack = self._end()
            if time.monotonic() - started >= limit:
                fate = f"took longer than {limit:g} s"
            self._deaths_left -= 1
            if self._deaths_left < 0:
                raise RunFailure(
                    f"the process of `{method}` {fate}; pairs have ended it more often than faults.quarantine_limit "
                    f"leaves room for. Mend the cause, or raise the limit\n{stack}"
                )
            raise RowFault(f"the process of `{method}` {fate}\n{stack}".strip())
        found, error = answer
        if error is not None:
            raise error
        return found

    def _start(self) -> None:
        # The server imports the model's code once, and each child is a fork of it.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["__main__", type(self.settings).__module__])
        self._connection, theirs = context.Pipe()
        arguments = (theirs, self.settings, str(self._stacks))
        self._process = process = context.Process(target=_serve, args=arguments, daemon=True)
        process.start()
        theirs.close()
        if self._receive(_LOAD_SECONDS) is None:
            fate, stack = self._end()
            raise RunFailure(f"a process for {self.settings} {fate} before its model was loaded\n{stack}")

    def _receive(self, seconds: float) -> Any:
        """What the child answers; None if it dies, or does not answer in time."""
        try:
            return self._connection.recv() if self._connection.poll(seconds) else None
        except (EOFError, ConnectionError):
            return None

    def _end(self) -> tuple[str, str]:
        """Ends the child if it still runs; returns what became of it, and the stacks that it left."""
        if self._process is None:
            return "", ""
        # One that has closed its connection is about to die by itself.
        self._connection.close()
        self._process.join(1)
        self._process.kill()
        self._process.join()
        code = self._process.exitcode or 0
        self._process.close()
        self._process = None
        fate = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with status {code}"
        return fate, self._stacks.read_text(errors="replace")[:_STACK_CHARACTERS]


def _serve(connection: Connection, settings: ModelSettings, stacks: str) -> None:
    """The child: loads the model, and answers calls until its parent or its device is gone."""
    with open(stacks, "w") as file:
        faulthandler.enable(file)
        try:
            model = settings.load()
        except Exception:
            _die(file)
        connection.send("ready")
        while True:
            try:
                method, rows, limit = connection.recv()
            except EOFError:
                return
            faulthandler.dump_traceback_later(limit, exit=True, file=file)
            try:
                answer = (getattr(model, method)(rows), None)
            except Exception as error:
                if is_device_failure(error):
                    _die(file)
                answer = (None, _told(error))
            faulthandler.cancel_dump_traceback_later()
            connection.send(answer)


def _die(file: TextIO) -> NoReturn:
    """Ends the child at once, for a failed device may block an exit, and leaves the exception at hand to its parent."""
    traceback.print_exc(limit=-3, file=file)
    file.flush()
    os._exit(1)


def _told(error: Exception) -> Exception:
    """An exception of the model as it is told to the parent, which may not have its class."""
    if is_out_of_memory(error):
        return MemoryError(str(error))
    return RowFault("".join(traceback.format_exception(error, limit=-3)))
