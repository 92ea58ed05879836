"""Budgets and where they will end."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from include.api.analytics.names import check_platforms
from include.api.analytics.schemas import Pacing, PacingPage
from include.api.days import QueryMonth
from include.api.warehouse import Warehouse

COLUMNS = tuple(Pacing.model_fields)
TABLE = "marts.mart_budget_pacing"
Names = list[str] | None


class PacingQuery(BaseModel):
    """Parameters of ``/analytics/pacing``."""

    workspace: str | None = Field(None, max_length=200)
    month: QueryMonth | None = Field(
        None, description="2026-05, or any day of it; by default the newest month with budgets"
    )
    platform: Names = Field(None, max_length=50)
    status: list[Literal["on_track", "over", "under"]] | None = Field(None, max_length=3)
    limit: int = Field(500, ge=1, le=1000)


def report(warehouse: Warehouse, query: PacingQuery) -> PacingPage:
    """The budgets of a month at their newest day, the furthest off first. Raises ``UnknownName``, ``Unavailable``."""
    check_platforms(warehouse, query.platform)
    select, parameters = table(query)
    rows = warehouse.rows(f"{select} LIMIT {{limit:UInt32}}", parameters | {"limit": query.limit})
    notes = []
    if not rows:
        built = warehouse.has(TABLE)
        notes.append("No budget covers this month." if built else "There are no budgets yet: none were loaded.")
    return PacingPage(items=[Pacing.model_validate(row) for row in rows], notes=notes)


def table(query: PacingQuery) -> tuple[str, dict[str, Any]]:
    """The query, for pages and downloads."""
    steps, parameters = ["1"], dict[str, Any]()
    if query.month:
        steps.append("toStartOfMonth(r.month) = {month:Date}")
        parameters["month"] = query.month.replace(day=1)
    else:
        steps.append(f"r.month = (SELECT max(month) FROM @{TABLE} AS newest)")
    for name in ("platform", "status"):
        if wanted := getattr(query, name):
            steps.append(f"ifNull(r.{name}, '') IN {{{name}s:Array(String)}}")
            parameters[f"{name}s"] = list(wanted)
    columns = ", ".join(f"r.{name} AS {name}" for name in COLUMNS)
    newest = (
        f"SELECT {columns} FROM @{TABLE} AS r WHERE {' AND '.join(steps)}"
        " ORDER BY r.as_of DESC LIMIT 1 BY r.workspace, r.platform, r.account_id, r.campaign_id, r.scope_name, r.month"
    )
    return (
        f"SELECT * FROM ({newest}) ORDER BY abs(ifNull(pace, 1) - 1) DESC, workspace, platform, account_id, campaign_id,"
        " scope_name",
        parameters,
    )
