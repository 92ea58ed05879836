"""``/quality``: what the checks of a run found, and the data docs behind them. Airflow's check task links to it."""

from __future__ import annotations

from html import escape
from itertools import groupby
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from include.api.deps import CurrentCaller, Databases, KnownCallers
from include.api.intake import trust
from include.api.intake.schemas import Check
from include.api.page_cookie import QUALITY, log_in_for
from include.api.scope import Caller
from include.api.warehouse import Warehouse

router = APIRouter(include_in_schema=False)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "private, no-cache",
}
HEADINGS = ("suite", "check", "severity", "result", "observed", "what it means")
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Quality of {run}</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body{{font:14px/1.5 system-ui,sans-serif;margin:2rem}}.wide{{overflow:auto}}table{{border-collapse:collapse}}
td,th{{text-align:left;vertical-align:top;padding:.25rem .75rem;border-bottom:1px solid #8886}}
.error td{{font-weight:600}}</style>
<h1>Quality of the data</h1><p>{run}{checked}</p>{body}</html>"""


@router.get("/quality")
def read_quality(
    request: Request,
    databases: Databases,
    callers: KnownCallers,
    run: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """The checks of a run, by default the newest of each workspace: those of the caller's workspaces and of no others.

    Who is not logged in is sent to the dashboard, which opens the page.
    """
    caller = _caller(request, databases, callers)
    if caller is None:
        return RedirectResponse(log_in_for(request), 303)
    found = trust.quality(Warehouse(databases, caller), run)
    body = "".join(
        _of_workspace(databases.settings.home, workspace, list(checks), run or found.run_id or "")
        for workspace, checks in groupby(sorted(found.items, key=lambda c: c.workspace), key=lambda c: c.workspace)
    )
    page = PAGE.format(
        run=escape(run or found.run_id or ""),
        checked=f", checked at {found.checked_at:%Y-%m-%d %H:%M} UTC" if found.checked_at else "",
        body=body or "<p>Nothing was checked. The task check_staging of a run with new data checks it.</p>",
    )
    return HTMLResponse(page, headers=HEADERS)


@router.get("/quality/docs/{workspace}/{site}/{page:path}")
def read_docs(
    request: Request, databases: Databases, callers: KnownCallers, workspace: str, site: str, page: str
) -> Response:
    """A page of the data docs of a workspace. 404 for one that is not the caller's; whether it exists is not told."""
    from include.quality import docs

    caller = _caller(request, databases, callers)
    if caller is None:
        return RedirectResponse(log_in_for(request), 303)
    root = docs.root_of(databases.settings.home, workspace).resolve()
    path = (root / site / page).resolve()
    if not caller.sees(workspace) or not path.is_relative_to(root) or not path.is_file():
        raise HTTPException(404, "There is no such page. The data docs of the last 20 runs are kept.")
    return FileResponse(path, headers=HEADERS)


@router.post("/quality/session", status_code=204)
def open_quality(databases: Databases, caller: CurrentCaller) -> Response:
    """Trade a token for the cookie that opens ``/quality``: a browser sends no token with a page."""
    response = Response(status_code=204)
    QUALITY.put(response, databases.settings, caller)
    return response


def _caller(request: Request, databases: Databases, callers: KnownCallers) -> Caller | None:
    """Who holds the cookie, with the rights that they have now."""
    issued = QUALITY.read(databases.settings, request)
    return callers.holder(issued) if issued else None


def _of_workspace(home: Path, workspace: str, checks: list[Check], run: str) -> str:
    from include.quality import docs

    folder = docs.folder_of(home, workspace, run)
    place = f"/quality/docs/{quote(workspace, safe='')}/{folder.name}"
    links = ", ".join(
        f'<a href="{escape(f"{place}/{path.as_posix()}")}">{escape(suite)}</a>'
        for suite, path in docs.pages(folder).items()
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADINGS)
    return (
        f"<h2>{escape(workspace or 'rows without a workspace')}</h2>"
        + (f"<p>Data docs: {links}</p>" if links and workspace else "")
        + f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(map(_row, checks))}</tbody></table></div>'
    )


def _row(check: Check) -> str:
    name = f"{check.expectation} ({check.column})" if check.column else check.expectation
    result = "holds" if check.success else "fails"
    cells = (check.suite, name, check.severity, result, check.observed, check.detail)
    style = "" if check.success else f' class="{escape(check.severity)}"'
    return f"<tr{style}>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
