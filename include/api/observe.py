"""A request's id, its limits, its line in the log, and its place in the metrics."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import time
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.api.access.digest import digest
from include.api.limits import Limits, TooMany
from include.api.problems import problem

if TYPE_CHECKING:
    from include.api.answers import Answers

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# An answer takes no longer than this; uploads may.
ANSWER_SECONDS = 25.0
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin"}
_UNLIMITED = ("/healthz", "/readyz", "/metrics")


def access_log() -> Any:
    """One JSON object a request on standard output, whatever the process does with other logs."""
    return structlog.wrap_logger(
        logging.getLogger("insightflow.access"),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
    )


def log_to_output() -> None:
    """Send our own logs to standard output, where nobody has told them to go elsewhere."""
    ours = logging.getLogger("insightflow")
    if not ours.handlers and not logging.getLogger().handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        ours.addHandler(handler)
    ours.setLevel(logging.INFO)


class Metrics:
    """Prometheus' counters of an app; of all workers together where ``PROMETHEUS_MULTIPROC_DIR`` is set."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "insightflow_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "insightflow_request_seconds", "Time to answer.", ["method", "route"], buckets=BUCKETS,
            registry=self._registry,
        )  # fmt: skip

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def watch(self, answers: Answers) -> None:
        """Show what the kept answers do."""
        self._registry.register(_Kept(answers))

    def render(self) -> str:
        """The text that Prometheus reads."""
        registry = self._registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            from prometheus_client.multiprocess import MultiProcessCollector

            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types there
        return generate_latest(registry).decode()


class _Kept(Collector):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def collect(self) -> Iterable[Any]:
        """Questions answered from what is kept, those worked out, and the memory that this takes."""
        found = CounterMetricFamily("insightflow_answers", "Answers by how they were made.", labels=["made"])
        found.add_metric(["kept"], self._answers.hits)
        found.add_metric(["computed"], self._answers.misses)
        yield found
        yield GaugeMetricFamily("insightflow_answers_bytes", "Memory of kept answers.", self._answers.size)


class Observe:
    """Middleware: gives each request an id, holds it to its limits, logs and counts it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics
        self._log = access_log()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        extra = [(b"x-request-id", request_id.encode())]
        extra += [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
        started, status = time.perf_counter(), 500
        begun = False

        async def sending(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                begun, status = True, message["status"]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        try:
            _limit(scope, headers)
            if scope["path"].endswith("/data/ingest"):
                await self.app(scope, receive, sending)
            else:
                await self._in_time(scope, receive, sending, lambda: begun)
        except TooMany as error:
            await problem(
                Request(scope), 429, str(error), headers={"Retry-After": str(error.seconds)}
            )(scope, receive, sending)  # fmt: skip
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.observe(scope["method"], route, status, seconds)
            self._log.info(
                "request", request_id=request_id, method=scope["method"], path=scope["path"], route=route,
                status=status, ms=round(seconds * 1000, 1), caller=scope["state"].get("caller", ""),
            )  # fmt: skip

    async def _in_time(self, scope: Scope, receive: Receive, send: Send, begun: Any) -> None:
        """Answer within ``ANSWER_SECONDS``, or say so: nothing waits for ever. What has begun may go on."""
        task = asyncio.ensure_future(self.app(scope, receive, send))
        try:
            done, _ = await asyncio.wait({task}, timeout=ANSWER_SECONDS)
            if not done and not begun():
                task.cancel()
                late = problem(
                    Request(scope), 503, "The answer takes too long. Ask for fewer days, or try again later.",
                    headers={"Retry-After": "30"},
                )  # fmt: skip
                await late(scope, receive, send)
                return
            await task
        except asyncio.CancelledError:
            task.cancel()
            raise


def _limit(scope: Scope, headers: dict[bytes, bytes]) -> None:
    """Count the request for its token or key, else for its address. Raises ``TooMany``."""
    limits = cast("Limits | None", getattr(scope["app"].state, "limits", None)) if "app" in scope else None
    if limits is None or scope["path"] in _UNLIMITED:
        return
    secret = headers.get(b"authorization") or headers.get(b"x-api-key")
    client = scope.get("client")
    limits.request(digest(secret.decode("latin-1"))[:32] if secret else str(client[0] if client else ""))
