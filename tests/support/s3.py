"""A real S3 server over HTTP (nanio), and a proxy before it that breaks requests as networks and servers do."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.support.processes import free_port, running, wait_for_server

ACCESS_KEY = "insightflow-test"
SECRET_KEY = "s3cr3t/that+nobody=shall&see"
BUCKET = "exports"


@dataclass(frozen=True)
class S3Server:
    """Where the server listens."""

    endpoint: str
    data: Path

    def folder(self, bucket: str) -> Path:
        """Where the objects of a bucket lie as files."""
        return self.data / bucket

    def variables(self, endpoint: str = "") -> dict[str, str]:
        """Environment by which clients find it and log in."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL": endpoint or self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def client(self) -> Any:
        """A boto3 client of the server itself."""
        return boto3.session.Session(ACCESS_KEY, SECRET_KEY, region_name="us-east-1").client(
            "s3", endpoint_url=self.endpoint, config=Config(s3={"addressing_style": "path"})
        )


@contextlib.contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Run nanio over a folder, with one empty bucket."""
    port = free_port()
    command = [sys.executable, "-m", "nanio", "serve", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--data-dir", str(folder / "data"), "--no-access-log", "--log-level", "warning"]
    log = folder / "nanio.log"
    server = S3Server(f"http://127.0.0.1:{port}", folder / "data")
    env = {"NANIO_ACCESS_KEY": ACCESS_KEY, "NANIO_SECRET_KEY": SECRET_KEY}

    def answers() -> bool:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True

    with running(command, log, env=env) as process:
        wait_for_server(process, log, answers, timeout=30)
        server.client().create_bucket(Bucket=BUCKET)
        yield server


@dataclass(frozen=True)
class Fault:
    """What happens instead of an answer: a ``status``, or a connection reset after so many bytes of the body."""

    status: int = 0
    reset_after: int = 0


@dataclass
class Proxy:
    """``fault(method, path, byte range)`` is asked at each request; None lets it pass."""

    endpoint: str
    fault: Callable[[str, str, str], Fault | None] = lambda *_: None
    requests: list[tuple[str, str]] = field(default_factory=list)
    faults: int = 0


@contextlib.contextmanager
def proxy_before(server: S3Server) -> Iterator[Proxy]:
    """Run the proxy. It passes headers as they are: signatures stay valid."""
    target = server.endpoint.removeprefix("http://")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy.requests.append((self.command, self.path))
            fault = proxy.fault(self.command, self.path, self.headers.get("Range", ""))
            proxy.faults += fault is not None
            if fault and fault.status:
                text = b"<Error><Code>ServiceUnavailable</Code><Message>injected</Message></Error>"
                self.send_response(fault.status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text if self.command != "HEAD" else b"")
                return
            connection = HTTPConnection(target, timeout=30)
            try:
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body)
                self.answer(connection.getresponse(), fault.reset_after if fault else None)
            finally:
                connection.close()

        def answer(self, response: HTTPResponse, reset_after: int | None) -> None:
            self.send_response_only(response.status, response.reason)
            for name, value in response.getheaders():
                self.send_header(name, value)
            self.end_headers()
            left = reset_after
            while chunk := response.read(65536 if left is None else min(left, 65536)):
                self.wfile.write(chunk)
                if left is not None:
                    left -= len(chunk)
            if left is not None:  # with no lingering, close() sends a reset
                self.wfile.flush()
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Connections that clients end are no news."""

    listening = Server(("127.0.0.1", 0), Handler)
    proxy = Proxy(f"http://127.0.0.1:{listening.server_address[1]}")
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
