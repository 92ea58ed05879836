"""``/api/v1/insights``: the inbox, one insight, the summary, what a person sets."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

from include.api import detail, store, summary
from include.api.backends import Backends
from include.api.days import QueryDay
from include.api.deps import CurrentCaller, Databases, Editor, check_range, seen_workspace
from include.api.detail import Evidence, SourceRows
from include.api.problems import responses
from include.api.schemas import Insight, InsightPage, Order, Severity, Status, StatusChange, Summary
from include.api.scope import Caller
from include.api.warehouse import Warehouse

router = APIRouter(prefix="/api/v1/insights", tags=["insights"], responses=responses(401, 422, 503))

InsightId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Name = Annotated[str | None, Query(max_length=200)]
Names = Annotated[list[str] | None, Query(max_length=50)]
Day = Annotated[QueryDay | None, Query()]


@router.get("", responses=responses(400))
def list_insights(
    databases: Databases,
    caller: CurrentCaller,
    workspace: Name = None,
    status: Annotated[list[Status] | None, Query()] = None,
    kind: Names = None,
    severity: Annotated[list[Severity] | None, Query()] = None,
    platform: Names = None,
    entity_type: Names = None,
    entity_id: Name = None,
    date_from: Day = None,
    date_to: Day = None,
    min_impact: Annotated[Decimal | None, Query(ge=0, max_digits=18, decimal_places=2)] = None,
    run_id: Annotated[
        str | None, Query(max_length=300, description="of the days that this Airflow run published")
    ] = None,
    order: Order = "money",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> InsightPage:
    """Insights of the caller's workspaces: most money first, or by date, or by the rank of their day.

    A filter given several times takes any of its values. `date_from` and `date_to` take what overlaps them.
    """
    check_range(date_from, date_to)
    filters = store.Filters(
        workspace, status, kind, severity, platform, entity_type, entity_id, date_from, date_to, min_impact, run_id
    )
    with databases.postgres() as connection:
        try:
            rows, following = store.find(connection, caller, filters, order, limit, cursor)
        except store.BadCursor as error:
            raise HTTPException(400, f"{error}.".capitalize()) from error
    return InsightPage(items=[Insight.model_validate(row) for row in rows], next_cursor=following)


@router.get("/summary", responses=responses(404))
def summarise(
    databases: Databases,
    caller: CurrentCaller,
    workspace: Name = None,
    date_from: Day = None,
    date_to: Day = None,
) -> Summary:
    """A period against the one before it: totals, best, worst, waste, anomalies, the inbox, freshness, quality.

    Without dates it is the last day that has numbers.
    """
    check_range(date_from, date_to)
    seen_workspace(caller, workspace)
    return summary.summarise(databases, caller, workspace, date_from, date_to)


@router.get("/{insight_id}", responses=responses(404))
def read_insight(databases: Databases, caller: CurrentCaller, insight_id: InsightId) -> Insight:
    """One insight with its evidence."""
    return _one(databases, caller, insight_id)


@router.get("/{insight_id}/evidence", responses=responses(404))
def read_evidence(databases: Databases, caller: CurrentCaller, insight_id: InsightId) -> Evidence:
    """The entity's series around the insight, with the expected band and the anomalies, for a chart."""
    insight = _one(databases, caller, insight_id)
    return detail.evidence(Warehouse(databases, caller, insight.workspace), insight)


@router.get("/{insight_id}/rows", responses=responses(404))
def read_rows(
    databases: Databases,
    caller: CurrentCaller,
    insight_id: InsightId,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> SourceRows:
    """The rows of the exports behind the insight's days, each with its file and line, the costliest first."""
    insight = _one(databases, caller, insight_id)
    return detail.rows(Warehouse(databases, caller, insight.workspace), insight, limit)


@router.patch("/{insight_id}", responses=responses(403, 404))
def change_insight(databases: Databases, caller: Editor, insight_id: InsightId, change: StatusChange) -> Insight:
    """Acknowledge, resolve or reopen. A later publication leaves what a person set."""
    with databases.postgres() as connection:
        row = store.set_status(connection, caller, insight_id, change.status)
    return _found(row, insight_id)


def _one(databases: Backends, caller: Caller, insight_id: int) -> Insight:
    with databases.postgres() as connection:
        row = store.get(connection, caller, insight_id)
    return _found(row, insight_id)


def _found(row: object, insight_id: int) -> Insight:
    if row is None:
        raise HTTPException(404, f"There is no insight {insight_id} in your workspaces.")
    return Insight.model_validate(row)
