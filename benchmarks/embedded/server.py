"""A server in a process of its own, on a free port, to be talked to, stopped, killed and started again."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

START_SECONDS = 30
ROOT = Path(__file__).parents[2]
HTTP = httpx.Client(
    timeout=60, trust_env=False, headers={"Accept-Encoding": "identity"}, limits=httpx.Limits(max_connections=None)
)


class Server:
    """The server, and ways to talk to it."""

    http = HTTP

    def __init__(self, path: Path, user_files: Path, *options: str) -> None:
        self.path, self.user_files = path, user_files
        self.options = options
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start the process and wait until it says that it is ready."""
        self.process = subprocess.Popen(
            command(self.path, self.user_files, *self.options, port=self.port),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=None,
            text=True,
            bufsize=1,
        )
        line = _first_line(self.process, time.monotonic() + START_SECONDS)
        assert line.startswith("ready http://127.0.0.1:"), line
        self.port = int(line.strip().rsplit(":", 1)[1])

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def post(self, sql: str | bytes, content: bytes | None = None, **params: str) -> httpx.Response:
        """Send a statement: in the body, or in the URL when there is content to go with it."""
        if content is not None:
            params["query"] = sql if isinstance(sql, str) else sql.decode()
        body = sql if content is None else content
        return HTTP.post(self.url, params=params, content=body)

    def text(self, sql: str, **params: str) -> str:
        """Run a statement that must succeed and return its text."""
        response = self.post(sql, **params)
        assert response.status_code == 200, response.text
        return response.text.strip()

    def running(self) -> int:
        """Count the queries that run, without the one that asks."""
        return int(self.text("SELECT count() - 1 FROM system.processes"))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


def command(path: Path, user_files: Path, *options: str, port: int = 0) -> list[str]:
    """Return the command line of a server."""
    start = [sys.executable, "-m", "include.warehouse.embedded", "--port", str(port)]
    return [*start, "--path", str(path), "--user-files", str(user_files), "--max-memory-gb", "2", *options]


def _first_line(process: subprocess.Popen[str], deadline: float) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if selector.select(timeout=0.2):
                return process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    raise AssertionError("the server was not ready in time")
