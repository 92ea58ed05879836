"""``/api/v1/data``: what came in, and whether it can be trusted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from include.api import store
from include.api.analytics.paging import BadCursor
from include.api.days import QueryDay
from include.api.deps import CurrentCaller, Databases, check_range, seen_workspace
from include.api.intake import records, trust
from include.api.intake.schemas import Coverage, FilePage, FreshnessReport, QualityChecks, RejectPage, RestatementPage
from include.api.problems import responses
from include.api.warehouse import Warehouse

router = APIRouter(prefix="/api/v1/data", tags=["data"], responses=responses(401, 404, 422, 503))

Name = Annotated[str | None, Query(max_length=200)]


@router.get("/files", responses=responses(400))
def list_files(databases: Databases, caller: CurrentCaller, query: Annotated[records.FileQuery, Query()]) -> FilePage:
    """Files from the ledger, newest first: rows read, loaded, rejected, skipped, and why."""
    seen_workspace(caller, query.workspace)
    try:
        return records.files(Warehouse(databases, caller, query.workspace), query)
    except BadCursor as error:
        raise HTTPException(400, f"{error}.".capitalize()) from error


@router.get("/rejects", responses=responses(400))
def list_rejects(
    databases: Databases, caller: CurrentCaller, query: Annotated[records.RejectQuery, Query()]
) -> RejectPage:
    """Rows that were kept apart, with file, line, reason and text; and how many of each reason."""
    seen_workspace(caller, query.workspace)
    try:
        return records.rejects(Warehouse(databases, caller, query.workspace), query)
    except BadCursor as error:
        raise HTTPException(400, f"{error}.".capitalize()) from error


@router.get("/restatements", responses=responses(400))
def list_restatements(
    databases: Databases, caller: CurrentCaller, query: Annotated[records.RestatementQuery, Query()]
) -> RestatementPage:
    """Numbers that a newer export changed: before and after."""
    check_range(query.date_from, query.date_to)
    seen_workspace(caller, query.workspace)
    try:
        return records.restatements(Warehouse(databases, caller, query.workspace), query)
    except BadCursor as error:
        raise HTTPException(400, f"{error}.".capitalize()) from error


@router.get("/coverage")
def read_coverage(
    databases: Databases,
    caller: CurrentCaller,
    workspace: Name = None,
    date_from: QueryDay | None = None,
    date_to: QueryDay | None = None,
) -> Coverage:
    """Each source and day: loaded, with how much, or missing. By default the last 120 days."""
    check_range(date_from, date_to)
    seen_workspace(caller, workspace)
    return trust.coverage(Warehouse(databases, caller, workspace), date_from, date_to)


@router.get("/quality")
def read_quality(databases: Databases, caller: CurrentCaller, workspace: Name = None) -> QualityChecks:
    """The newest check of the data, failures first."""
    seen_workspace(caller, workspace)
    return trust.quality(Warehouse(databases, caller, workspace))


@router.get("/freshness")
def read_freshness(databases: Databases, caller: CurrentCaller, workspace: Name = None) -> FreshnessReport:
    """How far each source reaches, and when a run last published."""
    seen_workspace(caller, workspace)
    with databases.postgres(caller) as connection:
        published = store.last_published(connection)
    return trust.freshness(Warehouse(databases, caller, workspace), published)
