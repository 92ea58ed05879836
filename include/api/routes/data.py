"""``/api/v1/data``: what came in, and whether it can be trusted. Lists whole as CSV or Parquet too."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from include.api import store, tables
from include.api.answers import answer
from include.api.days import QueryDay
from include.api.deps import CurrentCaller, Databases, check_range, seen_workspace
from include.api.intake import records, trust
from include.api.intake.schemas import (
    Coverage,
    FilePage,
    FreshnessReport,
    LedgerFile,
    QualityChecks,
    RejectedRow,
    RejectPage,
    Restatement,
    RestatementPage,
)
from include.api.problems import responses
from include.api.routes.analytics import page_or_table
from include.api.versions import INSIGHTS
from include.api.warehouse import Warehouse

router = APIRouter(prefix="/api/v1/data", tags=["data"], responses=responses(401, 404, 422, 429, 503))

Name = Annotated[str | None, Query(max_length=200)]
LISTS = {**tables.RESPONSES, **responses(400)}


@router.get("/files", response_model=FilePage, responses=LISTS)
async def list_files(
    request: Request, databases: Databases, caller: CurrentCaller, query: Annotated[records.FileQuery, Query()]
) -> Response:
    """Files from the ledger, newest first: rows read, loaded, rejected, skipped, and why."""
    seen_workspace(caller, query.workspace)
    warehouse = Warehouse(databases, caller, query.workspace)
    whole = records.whole(records.file_select(query), records.FILE_KEYS, list(LedgerFile.model_fields))
    return await page_or_table(
        request,
        caller,
        ["ops.file_ledger"],
        lambda: records.files(warehouse, query),
        lambda: (warehouse, *whole),
        "files",
    )


@router.get("/rejects", response_model=RejectPage, responses=LISTS)
async def list_rejects(
    request: Request, databases: Databases, caller: CurrentCaller, query: Annotated[records.RejectQuery, Query()]
) -> Response:
    """Rows that were kept apart, with file, line, reason and text; and how many of each reason."""
    seen_workspace(caller, query.workspace)
    warehouse = Warehouse(databases, caller, query.workspace)
    whole = records.whole(records.reject_select(query), records.REJECT_KEYS, list(RejectedRow.model_fields))
    return await page_or_table(
        request, caller, ["ops.rejected_rows"], lambda: records.rejects(warehouse, query), lambda: (warehouse, *whole),
        "rejects",
    )  # fmt: skip


@router.get("/restatements", response_model=RestatementPage, responses=LISTS)
async def list_restatements(
    request: Request, databases: Databases, caller: CurrentCaller, query: Annotated[records.RestatementQuery, Query()]
) -> Response:
    """Numbers that a newer export changed: before and after."""
    check_range(query.date_from, query.date_to)
    seen_workspace(caller, query.workspace)
    warehouse = Warehouse(databases, caller, query.workspace)
    whole = records.whole(records.restatement_select(query), records.RESTATEMENT_KEYS, list(Restatement.model_fields))
    return await page_or_table(
        request, caller, ["ops.restatements"], lambda: records.restatements(warehouse, query),
        lambda: (warehouse, *whole), "restatements",
    )  # fmt: skip


@router.get("/coverage", response_model=Coverage)
async def read_coverage(
    request: Request,
    databases: Databases,
    caller: CurrentCaller,
    workspace: Name = None,
    date_from: QueryDay | None = None,
    date_to: QueryDay | None = None,
) -> Response:
    """Each source and day: loaded, with how much, or missing. By default the last 120 days."""
    check_range(date_from, date_to)
    seen_workspace(caller, workspace)
    warehouse = Warehouse(databases, caller, workspace)
    return await answer(request, caller, ["ops.file_coverage"], lambda: trust.coverage(warehouse, date_from, date_to))


@router.get("/quality", response_model=QualityChecks)
async def read_quality(
    request: Request, databases: Databases, caller: CurrentCaller, workspace: Name = None
) -> Response:
    """The newest check of the data, failures first."""
    seen_workspace(caller, workspace)
    warehouse = Warehouse(databases, caller, workspace)
    return await answer(request, caller, ["ops.quality_results"], lambda: trust.quality(warehouse))


@router.get("/freshness", response_model=FreshnessReport)
async def read_freshness(
    request: Request, databases: Databases, caller: CurrentCaller, workspace: Name = None
) -> Response:
    """How far each source reaches, and when a run last published."""
    seen_workspace(caller, workspace)

    def report() -> FreshnessReport:
        with databases.postgres(caller) as connection:
            warehouse = Warehouse(databases, caller, workspace)
            return trust.freshness(warehouse, partial(store.last_published, connection))

    today = datetime.now(UTC).date().isoformat()
    return await answer(request, caller, ["ops.current_loads", INSIGHTS], report, part=today)
