"""The API and the dashboard over HTTP, for tests that need more than the app."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import uvicorn

from include.api.app import create_app
from include.settings import Settings
from tests.support.processes import wait_until


@contextlib.contextmanager
def api_server(settings: Settings) -> Iterator[str]:
    """Serve the API and the dashboard of these settings from a thread; its address."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), host=settings.host, port=settings.api_port, log_level="warning")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, 60, "the API listens")
        yield f"http://{settings.host}:{settings.api_port}"
    finally:
        server.should_exit = True
        thread.join(30)
