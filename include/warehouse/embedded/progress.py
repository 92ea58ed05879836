"""Headers that leave before the others: the progress of a query that still runs.

ASGI sends all headers at once. ClickHouse sends the status and then one `X-ClickHouse-Progress` after the other while
the query runs, which keeps proxies and clients from giving up. So the first lines go to uvicorn's transport directly,
and the status line that uvicorn writes later is taken out again.
"""

from __future__ import annotations

from typing import Any

from starlette.types import Send


class EarlyHeaders:
    """Writes header lines ahead of the answer; writes nothing where there is no uvicorn below."""

    def __init__(self, send: Send) -> None:
        self._cycle: Any = getattr(send, "__self__", None)
        self._started = False

    def write(self, name: bytes, value: bytes) -> None:
        """Send one header now. The status is 200 from here on, whatever happens."""
        if not hasattr(self._cycle, "transport"):
            return
        transport = self._cycle.transport
        if not self._started:
            self._started = True
            transport.write(b"HTTP/1.1 200 OK\r\n")
            self._cycle.transport = _WithoutStatus(self._cycle, transport)
        transport = getattr(transport, "real", transport)
        transport.write(name + b": " + value + b"\r\n")


class _WithoutStatus:
    """A transport that drops the first line written to it, then steps aside."""

    def __init__(self, cycle: Any, real: Any) -> None:
        self._cycle, self.real = cycle, real

    def write(self, data: bytes) -> None:
        self._cycle.transport = self.real
        self.real.write(data.partition(b"\r\n")[2])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)
