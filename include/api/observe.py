"""A request's id, its line in the log, and its place in the metrics."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
import uuid
from collections import defaultdict

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("insightflow.access")

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin"}


class Metrics:
    """Counters and histograms of requests in Prometheus' text format."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._buckets: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * (len(BUCKETS) + 1))
        self._seconds: dict[tuple[str, str], float] = defaultdict(float)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        place = next((n for n, limit in enumerate(BUCKETS) if seconds <= limit), len(BUCKETS))
        with self._lock:
            self._requests[method, route, status] += 1
            self._buckets[method, route][place] += 1
            self._seconds[method, route] += seconds

    def render(self) -> str:
        """The text that Prometheus reads."""
        lines = [
            "# HELP insightflow_requests_total Requests answered.",
            "# TYPE insightflow_requests_total counter",
        ]
        name = "insightflow_request_seconds"
        with self._lock:
            for (method, route, status), count in sorted(self._requests.items()):
                labels = f'method="{method}",route="{route}",status="{status}"'
                lines.append(f"insightflow_requests_total{{{labels}}} {count}")
            lines += [f"# HELP {name} Time to answer.", f"# TYPE {name} histogram"]
            for (method, route), counts in sorted(self._buckets.items()):
                labels, total = f'method="{method}",route="{route}"', 0
                for limit, count in zip([*map(str, BUCKETS), "+Inf"], counts, strict=True):
                    total += count
                    lines.append(f'{name}_bucket{{{labels},le="{limit}"}} {total}')
                lines.append(f"{name}_sum{{{labels}}} {self._seconds[method, route]:.6f}")
                lines.append(f"{name}_count{{{labels}}} {total}")
        return "\n".join(lines) + "\n"


class Observe:
    """Middleware: gives each request an id, adds it to the response, logs and counts."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        extra = [(b"x-request-id", request_id.encode())]
        extra += [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
        started, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.observe(scope["method"], route, status, seconds)
            line = {
                "request_id": request_id,
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": round(seconds * 1000, 1),
            }
            log.info(json.dumps(line))
