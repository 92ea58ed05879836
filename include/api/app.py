"""The FastAPI app: ``uvicorn include.api.app:app``. Importing it opens, reads and writes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from fastapi import FastAPI

from include.api import VERSION, problems
from include.api.access.resolve import Resolver
from include.api.answers import Answers
from include.api.backends import Backends
from include.api.limits import Limits
from include.api.observe import Metrics, Observe, log_to_output
from include.api.routes import admin, alerts, analytics, auth, builds, data, health, ingest, insights, pages, quality
from include.api.versions import Versions
from include.settings import Settings

log = logging.getLogger(__name__)

DESCRIPTION = """
Ranked findings of the marketing data, and the numbers behind them.

Get a token from `POST /api/v1/auth/token` and send it as `Authorization: Bearer …`. Errors are
[RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem details. Money is in the workspace's reporting currency.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app over one installation's databases; the process's own settings by default."""
    backends = Backends(settings)
    metrics = Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.limits = Limits(backends.settings)
        app.state.answers = Answers(backends, Versions(backends))
        metrics.watch(app.state.answers)
        log_to_output()
        starting = asyncio.create_task(asyncio.to_thread(_prepare, backends))
        from include.api import assistant

        async with assistant.mounted(app, backends, app.state.resolver):
            yield
        await starting
        backends.close()

    app = FastAPI(
        title="InsightFlow",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.backends = backends
    app.state.resolver = Resolver(backends)
    app.state.metrics = metrics
    for module in (health, auth, admin, alerts, insights, analytics, data, builds, quality, ingest, pages):
        app.include_router(module.router)
    pages.mount_assets(app)
    problems.install(app)
    app.add_middleware(Observe, metrics=metrics)
    _describe_problem(app)
    return app


def _prepare(backends: Backends) -> None:
    """Make the admin and a first connection beside the start: a database that is away must not keep the API from answering."""
    from include.api.access.sessions import ensure_admin

    try:
        ensure_admin(backends)
    except Exception as error:
        log.warning("the admin user is made at the first log-in, not now: %s", error)
    backends.warm()


def _describe_problem(app: FastAPI) -> None:
    """Put the schema of errors into OpenAPI, in place of FastAPI's own validation error."""
    original = app.openapi

    def openapi() -> dict[str, object]:
        document = original()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        template = "#/components/schemas/{model}"
        described = problems.Problem.model_json_schema(ref_template=template)
        schemas.update(described.pop("$defs", {}))
        schemas["Problem"] = described
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it


app = create_app()
