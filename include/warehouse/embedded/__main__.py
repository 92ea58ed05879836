"""Start the embedded ClickHouse: `python -m include.warehouse.embedded --path DIR --user-files DIR`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import IO

# The engine reads the time zone of the server when it is loaded.
os.environ["TZ"] = "UTC"

import uvicorn

from include.warehouse.embedded.app import App
from include.warehouse.embedded.auth import Users
from include.warehouse.embedded.config import GIB, EngineConfig, default_memory_gb
from include.warehouse.embedded.engine import Engine

GRACE_SECONDS = 5  # after the queries are cancelled, for their clients to be told


class Server(uvicorn.Server):
    """uvicorn, saying when it is ready; SIGTERM and SIGINT end it with exit code 0."""

    def __init__(self, config: uvicorn.Config, shutdown_seconds: float) -> None:
        super().__init__(config)
        self.shutdown_seconds = shutdown_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port and print the address."""
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            print(f"ready http://{host}:{port}", flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: running queries have until the deadline, then they are cancelled and their clients told."""
        super().handle_exit(sig, frame)
        asyncio.get_running_loop().call_later(self.shutdown_seconds, self._cancel_queries)

    def _cancel_queries(self) -> None:
        app = self.config.app
        assert isinstance(app, App)
        self._cancelling = asyncio.create_task(app.engine.cancel_all())

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal, without raising it again afterwards."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def main() -> int:
    """Run the server until it is told to stop; the exit code is 0 after a clean stop."""
    arguments = _arguments()
    path, user_files = arguments.path.resolve(), arguments.user_files.resolve()
    path.mkdir(parents=True, exist_ok=True)
    user_files.mkdir(parents=True, exist_ok=True)
    lock = _lock(path)
    if lock is None:
        print(f"{path} is in use by another server; stop it first, or give another --path", file=sys.stderr)
        return 3
    try:
        users = Users.load(arguments.users_file)
    except (ValueError, OSError) as error:
        print(f"The users file is not usable: {error}", file=sys.stderr)
        return 2
    with contextlib.closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((arguments.host, arguments.port))
        except OSError as error:
            print(f"Cannot listen on {arguments.host}:{arguments.port}: {error.strerror}", file=sys.stderr)
            return 4
        config = EngineConfig(
            path=path,
            user_files=user_files,
            max_memory_bytes=int(arguments.max_memory_gb * GIB),
            workers=arguments.workers,
            display_name=arguments.display_name,
            users=users.all(),
        )
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(config, users, listener, arguments.shutdown_seconds))
    return 0


async def _serve(config: EngineConfig, users: Users, listener: socket.socket, shutdown_seconds: int) -> None:
    app = App(Engine(config), users)
    # An answer that ends in an exception is left unfinished on purpose; uvicorn closes the connection, and says so.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "without completing" not in record.getMessage())
    reaper = asyncio.create_task(app.expire_sessions())
    settings = uvicorn.Config(
        app,
        http="httptools",
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=True,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=shutdown_seconds + GRACE_SECONDS,
        proxy_headers=False,
    )
    try:
        await Server(settings, shutdown_seconds).serve(sockets=[listener])
    finally:
        reaper.cancel()
        await app.close()


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


def _lock(path: Path) -> IO[str] | None:
    """Take the data folder for this process; None if another process has it. The lock ends with the process."""
    lock = (path / "server.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m include.warehouse.embedded", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123, help="0 takes a free port")
    parser.add_argument("--path", type=Path, required=True, help="where the data is kept")
    parser.add_argument("--user-files", type=Path, required=True, help="what file() may read, and nothing else")
    parser.add_argument("--users-file", type=Path, help='JSON: {"admin": {"password": "…", "readonly": false}}')
    parser.add_argument("--max-memory-gb", type=float, default=default_memory_gb())
    parser.add_argument("--workers", type=int, default=16, help="queries that run at the same time; more wait")
    parser.add_argument("--shutdown-seconds", type=int, default=10, help="after SIGTERM, for queries to finish")
    parser.add_argument("--display-name", default=socket.gethostname())
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
