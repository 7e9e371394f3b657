"""What several test files share: a real S3 server and a real Ray on this machine, and models of no size."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from pyarrow import fs

from xner_core.chaos.models import save_tiny_encoder, save_tiny_tagger

# Before anything reads it: no test asks a model hub.
os.environ["HF_HUB_OFFLINE"] = "1"

BUCKET = "tests"
START_SECONDS = 60


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture(scope="session")
def s3_bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a bucket on SeaweedFS, which runs for as long as the tests do; the AWS variables point to it."""
    folder = tmp_path_factory.mktemp("seaweedfs")
    services = ("master", "volume", "filer", "s3", "admin")
    ports = [f"{service}.port{kind}" for service in services for kind in ("", ".grpc")]
    numbers = dict(zip(ports, _free_ports(len(ports)), strict=True))
    command = [
        str(Path(sys.executable).with_name("weed")),
        "mini",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-bucket={BUCKET}",
        "-webdav=false",
        "-admin.ui=false",
        "-metricsPort=0",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        *(f"-{name}={number}" for name, number in numbers.items()),
    ]
    with pytest.MonkeyPatch.context() as environment, open(folder / "log", "wb") as log:
        environment.setenv("AWS_ACCESS_KEY_ID", "tests")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "tests-secret")
        environment.setenv("AWS_REGION", "us-east-1")
        environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{numbers['s3.port']}")
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_for_bucket(server, folder / "log")
            yield f"s3://{BUCKET}"
        finally:
            # Killed, since it waits half a minute for its volumes otherwise, and nothing of it is needed.
            server.kill()
            server.wait()


def _wait_for_bucket(server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError):
            filesystem, path = fs.FileSystem.from_uri(f"s3://{BUCKET}")
            with filesystem.open_output_stream(f"{path}/ready") as stream:
                stream.write(b"yes")
            return
        time.sleep(0.2)
    pytest.fail(f"the S3 server did not start:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture
def s3_folder(s3_bucket: str) -> str:
    """Address of an empty folder in the bucket, a new one for each test."""
    return f"{s3_bucket}/{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def ray_session(s3_bucket: str) -> Iterator[None]:
    """Ray with 4 CPUs and a GPU, whatever this machine has, and with the S3 server in its workers' environment."""
    with pytest.MonkeyPatch.context() as environment:
        # Without a token: none of the user's is read or written.
        environment.setenv("RAY_AUTH_MODE", "disabled")
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.delenv("RAY_ADDRESS", raising=False)
        ray.init(
            address="local", num_cpus=4, num_gpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
        )
        yield
        ray.shutdown()


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of an encoder of XLM-R's kind with random weights: 2 layers, hidden size 32, a window of 128 tokens."""
    folder = tmp_path_factory.mktemp("tiny-encoder")
    save_tiny_encoder(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny_tagger(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of such a model with a random token classification head for PER, LOC and ORG, in an order of its own."""
    folder = tmp_path_factory.mktemp("tiny-tagger")
    save_tiny_tagger(folder)
    return str(folder)
