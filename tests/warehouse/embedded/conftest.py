"""A server in a process of its own, on a free port, for tests over real sockets."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from benchmarks.embedded.server import HTTP, Server, command

__all__ = ["HTTP", "RunningServer", "command", "wait_until"]


class RunningServer(Server):
    """The server under test."""

    def client(self, **options: object) -> Client:
        """Return a clickhouse-connect client."""
        return clickhouse_connect.get_client(host="127.0.0.1", port=self.port, **options)


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for a condition, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests that do not stop it."""
    folder = tmp_path_factory.mktemp("embedded")
    running = RunningServer(folder / "data", folder / "files", "--workers", "8")
    yield running
    running.stop(signal.SIGKILL)


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Start servers of the test's own, ended after it."""
    started: list[RunningServer] = []

    def make(*options: str) -> RunningServer:
        server = RunningServer(tmp_path / "data", tmp_path / "files", *options)
        started.append(server)
        return server

    yield make
    for server in started:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)
