"""Ray's workers as forks of one process that has imported what they import: without it each takes 10 s of CPU.

Ray starts this file where it would start its own `setup_worker.py`; it has the server, by a socket, fork a process with
its own arguments, environment, folder and output, and stays for as long as that process does. A script that starts Ray
gets such workers by `forked_workers.py within SCRIPT …`.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_ADDRESS = "XNER_FORK_SERVER"
# Without Ray: it takes its job and its node from the environment as it is imported, and draws the ids of its tasks from
# generators that would be alike in all forks.
_HEAVY = """
aiohttp chaos.poison jsonschema pandas pyarrow.dataset pydantic.v1 requests
transformers.models.xlm_roberta.modeling_xlm_roberta xner_core.alignment.similarity xner_core.alignment.trained
xner_core.storage.files xner_core.tagging.tagger xner_core.training.student_plan xner_core.training.trainer
""".split()


@contextmanager
def forked_workers(folder: Path) -> Iterator[None]:
    """Within it, a Ray that is started here has such workers.

    Args:
        folder: of the socket
    """
    import pytest

    address = str(folder / "socket")
    command = [sys.executable, __file__, "serve", address]
    with pytest.MonkeyPatch.context() as environment:
        # Where workers find xner and the models that are poisoned.
        environment.setenv("PYTHONPATH", f"{_ROOT}{os.pathsep}{_ROOT / 'benchmarks'}")
        environment.setenv(_ADDRESS, address)
        environment.setattr("ray._private.ray_constants.SETUP_WORKER_FILENAME", __file__)
        server = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert server.stdout.readline(), "the server did not start"
            yield
        finally:
            server.kill()
            server.wait()


def _serve(address: str) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(128)
    for module in _HEAVY:
        importlib.import_module(module)
    assert "ray" not in sys.modules
    gc.freeze()
    # Nobody waits for what is forked.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        message, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 3)
        while not message.endswith(b"\n"):
            message += connection.recv(1 << 16)
        arguments, environment, folder = json.loads(message)
        os.environ.clear()
        os.environ.update(environment)
        if not os.fork():
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for target, source in enumerate(descriptors):
                os.dup2(source, target)
            os.chdir(folder)
            # The connection stays open for as long as this process lives.
            return _work(arguments)
        for descriptor in (connection.detach(), *descriptors):
            os.close(descriptor)


def _work(arguments: list[str]) -> None:
    """Does what Ray's `setup_worker.py` does, without another process."""
    from ray._private.runtime_env.context import RuntimeEnvContext
    from ray._private.utils import update_envs
    from ray._private.workers.setup_worker import parser

    known, (script, *rest) = parser.parse_known_args(arguments)
    update_envs(RuntimeEnvContext.deserialize(known.serialized_runtime_env_context or "{}").env_vars)
    sys.argv[:] = [script, *rest]
    sys.path[0] = os.path.dirname(script)
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit:
        pass
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    # Not in order: taking down an interpreter writes to all its memory, and so copies what is shared, for seconds.
    os._exit(0)


def _ask(arguments: list[str]) -> None:
    message = json.dumps([arguments, dict(os.environ), os.getcwd()]).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(os.environ[_ADDRESS])
        server.sendall(message[socket.send_fds(server, [message], [0, 1, 2]) :])
        server.recv(1)


def _within(script: str, *arguments: str) -> None:
    """Runs a script that starts Ray."""
    sys.argv[:] = [script, *arguments]
    sys.path[0] = os.path.dirname(script)
    with tempfile.TemporaryDirectory() as folder, forked_workers(Path(folder)):
        runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    mode = {"serve": _serve, "within": _within}.get(sys.argv[1])
    mode(*sys.argv[2:]) if mode else _ask(sys.argv[1:])
