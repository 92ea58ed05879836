"""``/api/v1/analytics``: totals and ratios, series, anomalies, budgets."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from include.api.analytics import anomalies, pacing, roi, trends
from include.api.analytics.paging import BadCursor
from include.api.analytics.schemas import AnomalyPage, PacingPage, RoiPage, Trends
from include.api.deps import CurrentCaller, Databases, check_range, one_workspace, seen_workspace
from include.api.problems import responses
from include.api.warehouse import Warehouse

router = APIRouter(prefix="/api/v1/analytics", tags=["analytics"], responses=responses(401, 404, 422, 503))


@router.get("/roi", responses=responses(400))
def read_roi(databases: Databases, caller: CurrentCaller, query: Annotated[roi.RoiQuery, Query()]) -> RoiPage:
    """Sums and ratios of a period by platform, account, campaign, day, market …, with totals and the period before.

    Sums are of the daily mart of the finest entity that is asked for or filtered by; ratios are of those sums.
    """
    check_range(query.date_from, query.date_to)
    workspace = one_workspace(databases, caller, query.workspace)
    try:
        return roi.report(Warehouse(databases, caller, workspace), workspace, query)
    except BadCursor as error:
        raise HTTPException(400, f"{error}.".capitalize()) from error


@router.get("/trends")
def read_trends(databases: Databases, caller: CurrentCaller, query: Annotated[trends.TrendQuery, Query()]) -> Trends:
    """Series by day, week or month with the period before, the expected band and the anomalies on them.

    The band is there by day where the filters name one campaign, account or platform.
    """
    check_range(query.date_from, query.date_to)
    workspace = one_workspace(databases, caller, query.workspace)
    try:
        return trends.report(Warehouse(databases, caller, workspace), workspace, query)
    except ValueError as error:
        raise HTTPException(422, f"{error}.") from error


@router.get("/anomalies", responses=responses(400))
def list_anomalies(
    databases: Databases, caller: CurrentCaller, query: Annotated[anomalies.AnomalyQuery, Query()]
) -> AnomalyPage:
    """Metrics that left their expected band: most money first, or by day, or the strongest first."""
    check_range(query.date_from, query.date_to)
    seen_workspace(caller, query.workspace)
    try:
        return anomalies.report(Warehouse(databases, caller, query.workspace), query)
    except BadCursor as error:
        raise HTTPException(400, f"{error}.".capitalize()) from error


@router.get("/pacing")
def list_pacing(
    databases: Databases, caller: CurrentCaller, query: Annotated[pacing.PacingQuery, Query()]
) -> PacingPage:
    """Budgets of a month: spent, expected by now, where it will end; the furthest off first."""
    seen_workspace(caller, query.workspace)
    return pacing.report(Warehouse(databases, caller, query.workspace), query)
