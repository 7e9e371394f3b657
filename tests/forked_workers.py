"""Ray's workers as forks of one process that has imported what they import: without it each takes 8 s of CPU.

Ray is given `interpreter` to run its workers with. That is this file again, which has the server, by a socket, fork a
process with its own arguments, environment, folder and output, and stays for as long as that process does.
"""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Heavy, and without Ray, which takes its settings from the environment as soon as it is imported.
_PRELOADED = """
chaos.poison pandas pyarrow.dataset transformers.models.xlm_roberta.modeling_xlm_roberta xner_core.alignment.aligner
xner_core.storage.files xner_core.tagging.tagger xner_core.training.student_plan xner_core.training.tagger_training
xner_core.training.trainer
""".split()


@contextmanager
def fork_server(folder: Path) -> Iterator[str]:
    """Runs the server; yields the command of an interpreter for Ray's `py_executable`."""
    import subprocess

    address = str(folder / "socket")
    server = subprocess.Popen([sys.executable, __file__, "serve", address], stdout=subprocess.PIPE)
    assert server.stdout.readline(), "the server did not start"
    yield f"{sys.executable} -S -E {__file__} run {address}"
    server.kill()
    server.wait()


def _serve(address: str) -> None:
    import importlib
    import signal

    for module in _PRELOADED:
        importlib.import_module(module)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(128)
    # Nobody waits for what is forked.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            return _become(connection)
        connection.close()


def _become(connection: socket.socket) -> None:
    """Makes of a fork what the command line asks for; the connection stays open until it ends."""
    import runpy

    message, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 3)
    while not message.endswith(b"\n"):
        message += connection.recv(1 << 16)
    arguments, environment, folder = json.loads(message)
    for target, source in enumerate(descriptors):
        os.dup2(source, target)
        os.close(source)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv[:] = arguments
    sys.path[0] = os.path.dirname(arguments[0])
    runpy.run_path(arguments[0], run_name="__main__")


def _run(address: str, *arguments: str) -> None:
    # Options of the interpreter, such as -u, come first.
    script = next(number for number, argument in enumerate(arguments) if not argument.startswith("-"))
    message = json.dumps([arguments[script:], dict(os.environ), os.getcwd()]).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        server.sendall(message[socket.send_fds(server, [message], [0, 1, 2]) :])
        server.recv(1)


if __name__ == "__main__":
    {"serve": _serve, "run": _run}[sys.argv[1]](*sys.argv[2:])
