"""`ray job submit` of the main job, to a head on this machine that asks for a token."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RAY = str(Path(sys.executable).with_name("ray"))
START_SECONDS = 120


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def head(tmp_path_factory) -> Iterator[dict[str, str]]:
    """The environment in which `ray job submit` reaches a head with token authentication."""
    folder = tmp_path_factory.mktemp("head")
    token = folder / "token"
    token.write_text(secrets.token_hex(32))
    port = free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "PYTHONPATH"))} | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{port}",
    }
    command = [RAY, "start", "--head", "--block", "--num-cpus=2", f"--port={free_port()}", "--disable-usage-stats"]
    # By default, the agent that starts jobs listens where that of another Ray on this machine does.
    command += [f"--dashboard-agent-listen-port={free_port()}"]
    command += ["--dashboard-host=127.0.0.1", f"--dashboard-port={port}", f"--temp-dir={short_folder()}"]
    with open(folder / "head.log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            assert process.poll() is None, (folder / "head.log").read_text()
            assert time.monotonic() < deadline, "the head did not start"
            time.sleep(0.5)
        yield environment
    finally:
        process.terminate()
        process.wait(60)


def short_folder() -> str:
    """Ray's sockets need a short path."""
    return f"/tmp/xner-{secrets.token_hex(4)}"


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/version", timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def submit(head: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Submits the main job; the server of jobs answers some time before it has an agent to start them."""
    command = [RAY, "job", "submit", "--working-dir", str(ROOT), "--", "python", "jobs/project_corpus.py", *arguments]
    deadline = time.monotonic() + START_SECONDS
    while True:
        submitted = subprocess.run(command, env=head, cwd=folder, capture_output=True, text=True, timeout=280)
        if "No available agent to submit job" not in submitted.stderr or time.monotonic() > deadline:
            return submitted


def test_the_main_job_runs_from_the_folder_that_was_submitted(head, tiny_tagger, tiny_encoder, tmp_path):
    result = tmp_path / "result.json"
    arguments = ["--target", "es", "--out", str(tmp_path / "out"), "--json", str(result)]
    arguments += ["--tagger.model", tiny_tagger, "--aligner.model", "similarity", "--aligner.encoder", tiny_encoder]
    submitted = submit(head, tmp_path, *arguments)
    assert submitted.returncode == 0, submitted.stdout[-3000:] + submitted.stderr[-3000:]
    assert json.loads(result.read_text())["labelled"]["pairs"] == 140


def test_bad_input_fails_the_job_with_its_message(head, tmp_path):
    submitted = submit(head, tmp_path, "--corpus", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"))
    assert submitted.returncode == 1
    assert "nowhere" in submitted.stdout + submitted.stderr
