"""``/api/v1/analytics``: totals and ratios, series, anomalies, budgets. JSON in pages; tables whole as CSV or Parquet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from include.api import tables
from include.api.analytics import anomalies, pacing, periods, roi, trends
from include.api.analytics.dimensions import grouping
from include.api.analytics.names import check_platforms
from include.api.analytics.schemas import AnomalyPage, PacingPage, RoiPage, Trends
from include.api.answers import HEADERS, answer, matches, tag_of
from include.api.deps import CurrentCaller, Databases, check_range, one_workspace, seen_workspace
from include.api.problems import responses
from include.api.schemas import Period
from include.api.scope import Caller
from include.api.warehouse import Warehouse

router = APIRouter(prefix="/api/v1/analytics", tags=["analytics"], responses=responses(401, 404, 422, 429, 503))

PLATFORMS = "marts.mart_platform_daily"


@router.get("/roi", response_model=RoiPage, responses={**tables.RESPONSES, **responses(400, 409)})
async def read_roi(
    request: Request, databases: Databases, caller: CurrentCaller, query: Annotated[roi.RoiQuery, Query()]
) -> Response:
    """Sums and ratios of a period by platform, account, campaign, day, market …, with totals and the period before.

    Sums are of the daily mart of the finest entity that is asked for or filtered by; ratios are of those sums.
    """
    check_range(query.date_from, query.date_to)
    seen_workspace(caller, query.workspace)
    group = grouping(list(query.group_by), query.entities())
    sources = [PLATFORMS, group.mart, *(["marts.dim_campaign"] if group.parsed else [])]

    def page() -> RoiPage:
        workspace = one_workspace(databases, caller, query.workspace)
        return roi.report(Warehouse(databases, caller, workspace), workspace, query)

    def table() -> tuple[Warehouse, str, dict[str, Any]]:
        warehouse = Warehouse(databases, caller, one_workspace(databases, caller, query.workspace))
        check_platforms(warehouse, query.platform)
        last, newest = periods.newest(warehouse)
        # Of a workspace without numbers any day will do: a table without rows, as the page is one.
        today = dt.datetime.now(dt.UTC).date()
        period = periods.period_of(query.date_from, query.date_to, last)
        period = period or Period(date_from=today, date_to=today, days=1)
        previous = periods.compared(period, query.compare)
        currency = periods.currency_of(warehouse, period, previous) or newest
        if group.parsed and not warehouse.has("marts.dim_campaign", *group.parsed):
            raise HTTPException(404, "There are no numbers yet for this table.")
        return warehouse, *roi.table(query, period, previous, currency)

    return await page_or_table(request, caller, sources, page, table, "roi")


@router.get("/trends", response_model=Trends, responses=responses(409))
async def read_trends(
    request: Request, databases: Databases, caller: CurrentCaller, query: Annotated[trends.TrendQuery, Query()]
) -> Response:
    """Series by day, week or month with the period before, the expected band and the anomalies on them.

    The band is there by day where the filters name one campaign, account or platform.
    """
    check_range(query.date_from, query.date_to)
    seen_workspace(caller, query.workspace)
    split = [] if query.split == "none" else [query.split]
    group = grouping(list(split), query.entities())
    sources = [PLATFORMS, group.mart, "marts.anomaly_daily", "marts.int_anomaly_scores"]

    def report() -> Trends:
        workspace = one_workspace(databases, caller, query.workspace)
        return trends.report(Warehouse(databases, caller, workspace), workspace, query)

    try:
        return await answer(request, caller, [*sources, *(["marts.dim_campaign"] if group.parsed else [])], report)
    except trends.TooManyPoints as error:
        raise HTTPException(422, f"{error}.") from error


@router.get("/anomalies", response_model=AnomalyPage, responses={**tables.RESPONSES, **responses(400)})
async def list_anomalies(
    request: Request, databases: Databases, caller: CurrentCaller, query: Annotated[anomalies.AnomalyQuery, Query()]
) -> Response:
    """Metrics that left their expected band: most money first, or by day, or the strongest first."""
    check_range(query.date_from, query.date_to)
    seen_workspace(caller, query.workspace)
    warehouse = Warehouse(databases, caller, query.workspace)
    return await page_or_table(
        request, caller, ["marts.anomaly_daily"], lambda: anomalies.report(warehouse, query),
        lambda: (check_platforms(warehouse, query.platform), *anomalies.table(query)), "anomalies",
    )  # fmt: skip


@router.get("/pacing", response_model=PacingPage, responses=tables.RESPONSES)
async def list_pacing(
    request: Request, databases: Databases, caller: CurrentCaller, query: Annotated[pacing.PacingQuery, Query()]
) -> Response:
    """Budgets of a month: spent, expected by now, where it will end; the furthest off first."""
    seen_workspace(caller, query.workspace)
    warehouse = Warehouse(databases, caller, query.workspace)
    return await page_or_table(
        request, caller, [pacing.TABLE], lambda: pacing.report(warehouse, query),
        lambda: (check_platforms(warehouse, query.platform), *pacing.table(query)), "pacing",
    )  # fmt: skip


async def page_or_table(
    request: Request,
    caller: Caller,
    sources: Sequence[str],
    page: Callable[[], BaseModel],
    table: Callable[[], tuple[Warehouse, str, dict[str, Any]]],
    name: str,
) -> Response:
    """The page as JSON, or the whole table in the form that ``Accept`` names."""
    kind = tables.wanted(request)
    if kind is None:
        return await answer(request, caller, sources, page)
    tag = await tag_of(request, caller, sources)
    if matches(request, tag):
        return Response(status_code=304, headers={**HEADERS, "ETag": tag})
    warehouse, query, parameters = await run_in_threadpool(table)
    return await tables.download(request, warehouse, query, parameters, kind, name, tag)
