"""``/healthz``, ``/readyz``, ``/metrics``."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from include.api.deps import Databases
from include.api.problems import RETRY_AFTER_SECONDS, problem, responses
from include.api.schemas import Ready

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Ready, responses=responses(503))
def readyz(request: Request, databases: Databases) -> Ready | Response:
    """ClickHouse and PostgreSQL answer; 503 names the one that does not."""
    checks = databases.probe()
    away = {name: reason for name, reason in checks.items() if reason}
    if away:
        said = "; ".join(f"{name} does not answer ({reason})" for name, reason in away.items())
        return problem(request, 503, said + ".", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    return Ready(checks=dict.fromkeys(checks, "ok"))


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Requests and their durations, for Prometheus."""
    return Response(request.app.state.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")
