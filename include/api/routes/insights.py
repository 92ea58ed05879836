"""``/api/v1/insights``: the inbox, one insight, the summary, what a person sets."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from include.api import builds, detail, insight_table, store, summary, tables
from include.api.analytics import periods
from include.api.analytics.names import check_platforms
from include.api.answers import HEADERS, answer, matches, tag_of
from include.api.backends import Backends
from include.api.days import QueryDay
from include.api.deps import CurrentCaller, Databases, check_range, refuse_every, seen_workspace
from include.api.detail import Evidence, SourceRows
from include.api.narrative.facts import Narrative
from include.api.narrative.write import write
from include.api.problems import responses
from include.api.schemas import Insight, InsightPage, Order, Severity, Status, StatusChange, Summary
from include.api.scope import EVERY, Caller
from include.api.versions import INSIGHTS
from include.api.warehouse import Warehouse

router = APIRouter(prefix="/api/v1/insights", tags=["insights"], responses=responses(401, 422, 429, 503))

MARTS = ["marts.mart_platform_daily", "marts.mart_account_daily", "marts.mart_campaign_daily", "marts.anomaly_daily"]
SUMMARY_SOURCES = [INSIGHTS, *MARTS, "ops.file_ledger", "ops.quality_results", builds.TABLE]
EVIDENCE_SOURCES = [INSIGHTS, *MARTS, "marts.mart_ad_group_daily", "marts.mart_ad_daily", "marts.int_anomaly_scores"]
# Staging may be a view: the ledger and the facts change with it.
ROW_SOURCES = [INSIGHTS, "staging.stg_ad_performance", "marts.fct_ad_performance_daily", "ops.file_ledger"]

InsightId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Name = Annotated[str | None, Query(max_length=200)]
Names = Annotated[list[str] | None, Query(max_length=50)]
Day = Annotated[QueryDay | None, Query()]


@router.get("", response_model=InsightPage, responses={**tables.RESPONSES, **responses(400, 404)})
async def list_insights(
    request: Request,
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
    order: Order = "priority",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Insights of the caller's workspaces: most money × confidence first (`priority`), or by `money` alone, `date`, or `rank` of their day.

    A filter given several times takes any of its values. `date_from` and `date_to` take what overlaps them.
    """
    check_range(date_from, date_to)
    seen_workspace(caller, workspace)
    filters = store.Filters(
        None if workspace == EVERY else workspace,
        status,
        kind,
        severity,
        platform,
        entity_type,
        entity_id,
        date_from,
        date_to,
        min_impact,
        run_id,
    )

    warehouse = Warehouse(databases, caller)

    def page() -> InsightPage:
        check_platforms(warehouse, platform)
        currencies = periods.currencies(warehouse)
        with databases.postgres(caller) as connection:
            rows, following = store.find(connection, filters, order, limit, cursor, currencies)
        return InsightPage(items=[Insight.model_validate(row) for row in rows], next_cursor=following)

    kind_of_table = tables.wanted(request)
    if kind_of_table is None:
        return await answer(request, caller, [INSIGHTS], page)
    tag = await tag_of(request, caller, [INSIGHTS])
    if matches(request, tag):
        return Response(status_code=304, headers={**HEADERS, "ETag": tag})
    await run_in_threadpool(check_platforms, warehouse, platform)
    currencies = await run_in_threadpool(periods.currencies, warehouse)
    pieces = insight_table.pieces(databases, caller, filters, order, currencies, kind_of_table)
    first = await run_in_threadpool(next, pieces, b"")
    return StreamingResponse(
        insight_table.joined(first, pieces),
        media_type=kind_of_table,
        headers=tables.headers(kind_of_table, "insights", tag),
    )


@router.get("/summary", response_model=Summary, responses=responses(404, 409))
async def summarise(
    request: Request,
    databases: Databases,
    caller: CurrentCaller,
    workspace: Name = None,
    date_from: Day = None,
    date_to: Day = None,
) -> Response:
    """A period against the one before it: totals, best, worst, waste, anomalies, the inbox, freshness, quality.

    Without dates it is the last day that has numbers.
    """
    check_range(date_from, date_to)
    seen_workspace(caller, workspace)

    def made() -> Summary:
        refuse_every(databases, caller, workspace)
        return summary.summarise(databases, caller, workspace, date_from, date_to)

    return await answer(request, caller, SUMMARY_SOURCES, made, part=datetime.now(UTC).date().isoformat())


@router.get("/summary/text", response_model=Narrative, responses=responses(404, 409))
async def summarise_in_words(
    request: Request,
    databases: Databases,
    caller: CurrentCaller,
    workspace: Name = None,
    date_from: Day = None,
    date_to: Day = None,
) -> Response:
    """The summary in words, with the facts that it is made of.

    By templates; by a language model only where the installation has one, from the same facts. A text with a number
    that is none of them is not shown: the templates stand in, and `note` says so.
    """
    check_range(date_from, date_to)
    seen_workspace(caller, workspace)

    def told() -> Narrative:
        refuse_every(databases, caller, workspace)
        return write(databases, caller, summary.summarise(databases, caller, workspace, date_from, date_to))

    # A model that was away is asked again after a while, though the data are the same.
    hour = datetime.now(UTC).strftime("%Y-%m-%dT%H")
    return await answer(request, caller, SUMMARY_SOURCES, told, part=hour)


@router.get("/{insight_id}", response_model=Insight, responses=responses(404))
async def read_insight(
    request: Request, databases: Databases, caller: CurrentCaller, insight_id: InsightId
) -> Response:
    """One insight with its evidence."""
    return await answer(request, caller, [INSIGHTS], lambda: _one(databases, caller, insight_id))


@router.get("/{insight_id}/evidence", response_model=Evidence, responses=responses(404, 409))
async def read_evidence(
    request: Request, databases: Databases, caller: CurrentCaller, insight_id: InsightId
) -> Response:
    """The entity's series around the insight, with the expected band and the anomalies, for a chart.

    Refused while its days are in two reporting currencies, until the next run has computed them in one.
    """

    def evidence() -> Evidence:
        insight = _one(databases, caller, insight_id)
        return detail.evidence(Warehouse(databases, caller, insight.workspace), insight)

    return await answer(request, caller, EVIDENCE_SOURCES, evidence)


@router.get("/{insight_id}/rows", response_model=SourceRows, responses=responses(404))
async def read_rows(
    request: Request,
    databases: Databases,
    caller: CurrentCaller,
    insight_id: InsightId,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """The rows of the exports behind the insight's days, each with its file and line, the costliest first."""

    def rows() -> SourceRows:
        insight = _one(databases, caller, insight_id)
        return detail.rows(Warehouse(databases, caller, insight.workspace), insight, limit)

    return await answer(request, caller, ROW_SOURCES, rows)


@router.patch("/{insight_id}", responses=responses(403, 404))
def change_insight(
    request: Request, databases: Databases, caller: CurrentCaller, insight_id: InsightId, change: StatusChange
) -> Insight:
    """Acknowledge, resolve or reopen. A later publication leaves what a person set."""
    with databases.postgres(caller) as connection:
        known = _found(store.get(connection, insight_id), insight_id)
        row = store.set_status(connection, caller.name, insight_id, change.status)
    request.app.state.answers.versions.forget_insights()
    if row is None:
        raise HTTPException(403, f"A viewer of {known.workspace} may look only. Ask an admin for the role analyst.")
    return Insight.model_validate(row)


def _one(databases: Backends, caller: Caller, insight_id: int) -> Insight:
    with databases.postgres(caller) as connection:
        row = store.get(connection, insight_id)
    return _found(row, insight_id)


def _found(row: object, insight_id: int) -> Insight:
    if row is None:
        raise HTTPException(404, f"There is no insight {insight_id} in your workspaces.")
    return Insight.model_validate(row)
