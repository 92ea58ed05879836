"""``/api/v1/data``: what came in."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from include.api.deps import CurrentCaller, Databases
from include.api.problems import responses
from include.api.schemas import LedgerFile
from include.api.scope import clickhouse_scope

router = APIRouter(prefix="/api/v1/data", tags=["data"], responses=responses(401, 422, 503))


@router.get("/files")
def list_files(
    databases: Databases,
    caller: CurrentCaller,
    workspace: Annotated[str | None, Query(max_length=200)] = None,
    status: Annotated[list[Literal["loaded", "duplicate", "rejected", "failed"]] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> list[LedgerFile]:
    """The newest attempts at files, from the ledger: rows read, loaded, rejected, skipped, and why."""
    scope, parameters = clickhouse_scope(caller, workspace)
    rows = databases.rows(
        f"SELECT {', '.join(LedgerFile.model_fields)} FROM ops.file_ledger WHERE {scope}"
        " AND (empty({statuses:Array(String)}) OR status IN {statuses:Array(String)})"
        " ORDER BY loaded_at DESC, file_id LIMIT {limit:UInt32}",
        parameters | {"statuses": list(status or []), "limit": limit},
    )
    return [LedgerFile(**row) for row in rows]
