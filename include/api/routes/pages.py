"""``/`` the dashboard and ``/docs``: pages whose scripts and styles come from this server only."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

DASHBOARD = Path(__file__).parents[1] / "dashboard"

# Swagger's page starts itself by an inline script and draws with inline styles.
DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
PAGE_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"

router = APIRouter(include_in_schema=False)


@router.get("/")
async def dashboard() -> Response:
    """The dashboard."""
    return FileResponse(
        DASHBOARD / "index.html",
        headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"},
    )


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Swagger UI."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=f"{request.app.title}: API",
        swagger_js_url="/assets/swagger/swagger-ui-bundle.js",
        swagger_css_url="/assets/swagger/swagger-ui.css",
        swagger_favicon_url="/assets/dashboard/icon.svg",
    )
    page.headers["Content-Security-Policy"] = DOCS_POLICY
    return page


def mount_assets(app: FastAPI) -> None:
    """Serve the dashboard's files, and Swagger's from the package that carries them."""
    app.mount("/assets/dashboard", StaticFiles(directory=DASHBOARD), name="dashboard-assets")
    swagger = find_spec("fastapi_offline")
    if swagger and swagger.origin:
        app.mount("/assets/swagger", StaticFiles(directory=Path(swagger.origin).parent / "static"), name="swagger")
