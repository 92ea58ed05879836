"""``/dbt-docs/builds``: what dbt made of each model and test of a run. Airflow's build tasks link to it."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from include.api.deps import Databases
from include.api.page_cookie import DBT_DOCS, log_in_for

router = APIRouter(include_in_schema=False)

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
COLUMNS = ("layer", "node", "resource_type", "status", "rows", "seconds")
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Build {run}</title>
<style>body{{font:14px system-ui,sans-serif;margin:2rem}}table{{border-collapse:collapse}}
td,th{{text-align:left;vertical-align:top;padding:.25rem .75rem;border-bottom:1px solid #ccc}}
pre{{max-width:60rem;overflow:auto}}.bad{{color:#a00;font-weight:600}}</style>
<h1>Models and tests</h1><p>{run}</p>
<table><thead><tr>{head}<th scope="col">SQL</th></tr></thead><tbody>{body}</tbody></table></html>"""


@router.get("/dbt-docs/builds")
def builds(request: Request, databases: Databases, run: str = "", layer: str = "") -> Response:
    """A table of nodes. Who is not logged in is sent to the dashboard, as for the models' documentation.

    The nodes of a build belong to no workspace, so this query has no scope.
    What dbt says of an error may quote a cell of any workspace: that is in the task's log, not here.
    """
    if DBT_DOCS.read(databases.settings, request) is None:
        return RedirectResponse(log_in_for(request), 303)
    rows = databases.query(
        f"SELECT {', '.join(COLUMNS)}, sql FROM ops.dbt_results WHERE run_id = {{run:String}}"
        " AND ({layer:String} = '' OR layer = {layer:String}) ORDER BY finished_at DESC, seconds DESC LIMIT 2000",
        {"run": run, "layer": layer},
    )
    head = "".join(f'<th scope="col">{name.replace("_", " ")}</th>' for name in COLUMNS)
    page = PAGE.format(
        run=escape(run), head=head, body="".join(map(_row, rows)) or "<tr><td>nothing was built</td></tr>"
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY, "Cache-Control": "private, no-cache"})


def _row(row: dict[str, Any]) -> str:
    cells, sql = [row[name] for name in COLUMNS], row["sql"]
    bad = row["status"] in ("error", "fail", "skipped")
    shown = [f"{value:.2f}" if isinstance(value, float) else "" if value is None else str(value) for value in cells]
    text = "".join(f"<td>{escape(value)}</td>" for value in shown)
    code = f"<details><summary>SQL</summary><pre>{escape(sql)}</pre></details>" if sql else ""
    return f"<tr{' class=bad' * bad}>{text}<td>{code}</td></tr>"
