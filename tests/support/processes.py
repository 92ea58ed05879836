"""Start a server for tests, wait for it with a deadline, and end it whatever happens."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

# Below the ports that systems give to outgoing connections (Linux: from 32768 on), which other tests open all the time.
PORTS = range(20_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing uses now, and that this process was not given before."""
    chance = random.SystemRandom()  # tests seed the other one, and run in several processes
    while True:
        port = chance.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout: float, what: str, interval: float = 0.05) -> T:
    """Poll until the condition is truthy and return it; an error that it raises counts as not yet."""
    deadline = time.monotonic() + timeout
    last: Exception | None = None
    while True:
        try:
            if result := condition():
                return result
        except Exception as error:
            last = error
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout:g} s: {what}" + (f" (last: {last!r})" if last else ""))
        time.sleep(interval)


@contextlib.contextmanager
def running(
    command: list[str], log: Path, *, env: Mapping[str, str] | None = None, stop: int = signal.SIGTERM
) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process group of its own, its output in ``log``; ended when the block is left."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process, stop)


def end(process: subprocess.Popen[bytes], stop: int = signal.SIGTERM, timeout: float = 20) -> None:
    """Ask the process to stop, then end its whole group."""
    if process.poll() is None:
        process.send_signal(stop)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout)


def wait_for_server(process: subprocess.Popen[bytes], log: Path, answers: Callable[[], object], timeout: float) -> None:
    """Wait until ``answers`` is truthy; fail at once, with the log, when the process has ended."""

    def ready() -> object:
        if process.poll() is not None:
            return True
        return answers()

    try:
        wait_until(ready, timeout, f"{process.args!r} answers")
    except TimeoutError as error:
        raise RuntimeError(f"{error}\n{log.read_text()[-4000:]}") from error
    if process.poll() is not None:
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}\n{log.read_text()[-4000:]}")
