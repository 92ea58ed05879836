"""``/`` the dashboard, ``/docs`` the API's and ``/dbt-docs`` the models': pages that load from this server only."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from include.api.deps import CurrentCaller, Databases
from include.api.page_cookie import DBT_DOCS

DASHBOARD = Path(__file__).parents[1] / "dashboard"

# Swagger's page starts itself by an inline script and draws with inline styles.
DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " frame-ancestors 'none'"
)
# No inline code, no other server, and no text becomes markup or a script's address but by the policy named here.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self' {airflow};"
    " require-trusted-types-for 'script'; trusted-types insightflow"
)
# dbt's page is one file of inline code. In a sandbox it is an origin of its own: it reads nothing of the dashboard.
DBT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline';"
    " img-src data:; font-src data:; frame-ancestors {airflow}"
)

router = APIRouter(include_in_schema=False)


class Assets(StaticFiles):
    """Files that a browser keeps, and asks about each time: a new version is seen at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or 304 where the browser has it."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


@router.get("/")
async def dashboard(databases: Databases) -> Response:
    """The dashboard. Only the installation's own Airflow may show it in a frame."""
    policy = PAGE_POLICY.format(airflow=databases.settings.public_airflow_url)
    return FileResponse(
        DASHBOARD / "index.html", headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
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


@router.get("/dbt-docs")
def dbt_docs(request: Request, databases: Databases) -> Response:
    """dbt's documentation of the models. Who is not logged in is sent to the dashboard, which opens it; it also says how it
    is made, where it was not yet. Only the installation's own Airflow may show it in a frame."""
    if DBT_DOCS.read(databases.settings, request) is None:
        return RedirectResponse("/?view=docs", 303)
    page = databases.settings.home / "dbt" / "docs" / "index.html"
    if not page.is_file():
        return RedirectResponse("/?view=docs&missing=yes", 303)
    policy = DBT_POLICY.format(airflow=databases.settings.public_airflow_url)
    return FileResponse(page, headers={"Content-Security-Policy": policy, "Cache-Control": "private, no-cache"})


@router.post("/dbt-docs/session", status_code=204)
def open_dbt_docs(databases: Databases, caller: CurrentCaller) -> Response:
    """Trade a token for the cookie that opens ``/dbt-docs``: a browser sends no token with a page."""
    response = Response(status_code=204)
    DBT_DOCS.put(response, databases.settings, caller)
    return response


def mount_assets(app: FastAPI) -> None:
    """Serve the dashboard's files, and Swagger's from the package that carries them."""
    app.mount("/assets/dashboard", Assets(directory=DASHBOARD), name="dashboard-assets")
    swagger = find_spec("fastapi_offline")
    if swagger and swagger.origin:
        app.mount("/assets/swagger", StaticFiles(directory=Path(swagger.origin).parent / "static"), name="swagger")
