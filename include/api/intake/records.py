"""Lists from the ledger: files, rows refused, numbers restated. Each as a page, and whole for downloads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from include.api.analytics.paging import Key, after, encode, order_by
from include.api.days import QueryDay
from include.api.intake.schemas import FilePage, LedgerFile, RejectedRow, RejectPage, Restatement, RestatementPage
from include.api.warehouse import Warehouse

Names = list[str] | None
Select = tuple[str, dict[str, Any]]


class Listing(BaseModel):
    """What all lists take."""

    workspace: str | None = Field(None, max_length=200)
    source: Names = Field(None, max_length=50)
    limit: int = Field(50, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=4000)


class FileQuery(Listing):
    """Parameters of ``/data/files``."""

    status: list[Literal["loaded", "duplicate", "rejected", "failed", "removed"]] | None = Field(None, max_length=5)
    latest: bool = Field(True, description="the newest attempt at each file only")
    name: str | None = Field(None, max_length=200, description="part of the file's path, in any case")


class RejectQuery(Listing):
    """Parameters of ``/data/rejects``."""

    file_id: str | None = Field(None, max_length=200)
    reason: Names = Field(None, max_length=50)


class RestatementQuery(Listing):
    """Parameters of ``/data/restatements``; ``source`` is the platform."""

    metric: Names = Field(None, max_length=20)
    grain: Names = Field(None, max_length=10)
    entity_id: str | None = Field(None, max_length=300)
    date_from: QueryDay | None = None
    date_to: QueryDay | None = None


FILE_KEYS = (Key("loaded_at", "DateTime64(6, 'UTC')", True), Key("file_id", "String"), Key("uri", "String"))
REJECT_KEYS = (Key("uri", "String"), Key("file_id", "String"), Key("row_number", "UInt64"))
RESTATEMENT_KEYS = (
    Key("restated_at", "DateTime64(3, 'UTC')", True), Key("date", "Date", True),
    *(Key(n, "String") for n in ("workspace", "platform", "grain", "_account", "entity_id", "metric")),
    Key("exported_after", "DateTime64(3, 'UTC')", True), Key("exported_before", "DateTime64(3, 'UTC')", True),
)  # fmt: skip


def files(warehouse: Warehouse, query: FileQuery) -> FilePage:
    """Files by time of the attempt. Raises ``BadCursor``, ``Unavailable``."""
    rows, following = _page(warehouse, file_select(query), FILE_KEYS, query)
    return FilePage(items=[LedgerFile.model_validate(row) for row in rows], next_cursor=following)


def rejects(warehouse: Warehouse, query: RejectQuery) -> RejectPage:
    """Rejected rows by file and line. Raises ``BadCursor``, ``Unavailable``."""
    select, parameters = reject_select(query)
    rows, following = _page(warehouse, (select, parameters), REJECT_KEYS, query)
    counted = warehouse.rows(
        f"SELECT reason, count() AS n FROM ({select}) GROUP BY reason ORDER BY n DESC, reason", parameters
    )
    return RejectPage(
        items=[RejectedRow.model_validate(row) for row in rows],
        next_cursor=following,
        reasons={str(row["reason"]): row["n"] for row in counted},
    )


def restatements(warehouse: Warehouse, query: RestatementQuery) -> RestatementPage:
    """Restatements, newest first. Raises ``BadCursor``, ``Unavailable``."""
    rows, following = _page(warehouse, restatement_select(query), RESTATEMENT_KEYS, query)
    return RestatementPage(items=[Restatement.model_validate(row) for row in rows], next_cursor=following)


def file_select(query: FileQuery) -> Select:
    """The files as one query."""
    steps, parameters = _named(query, {"source": "source", "status": "status"})
    if query.name:
        steps.append("positionCaseInsensitiveUTF8(r.uri, {name:String}) > 0")
        parameters["name"] = query.name
    newest = " ORDER BY r.loaded_at DESC LIMIT 1 BY r.workspace, r.uri" if query.latest else ""
    columns = ", ".join(f"r.{name} AS {name}" for name in LedgerFile.model_fields)
    inner = f"SELECT r.* FROM @ops.file_ledger AS r{newest}"
    return f"SELECT {columns} FROM ({inner}) AS r WHERE {' AND '.join(steps)}", parameters


def reject_select(query: RejectQuery) -> Select:
    """The rejected rows as one query, with the file that each was in."""
    steps, parameters = _named(query, {"source": "source", "reason": "reason"})
    if query.file_id:
        steps.append("r.file_id = {file:String}")
        parameters["file"] = query.file_id
    inner = (
        "SELECT j.workspace AS workspace, j.file_id AS file_id, l.uri AS uri, l.source AS source,"
        " j.row_number AS row_number, j.reason AS reason, j.detail AS detail, j.raw_text AS raw_text"
        " FROM @ops.rejected_rows AS j LEFT JOIN (SELECT f.workspace AS workspace, f.file_id AS file_id,"
        " argMax(f.uri, f.loaded_at) AS uri, argMax(f.source, f.loaded_at) AS source FROM @ops.file_ledger AS f"
        " GROUP BY workspace, file_id) AS l ON j.workspace = l.workspace AND j.file_id = l.file_id"
    )
    return f"SELECT r.* FROM ({inner}) AS r WHERE {' AND '.join(steps)}", parameters


def restatement_select(query: RestatementQuery) -> Select:
    """The restatements as one query."""
    steps, parameters = _named(query, {"source": "platform", "metric": "metric", "grain": "grain"})
    if query.entity_id:
        steps.append("r.entity_id = {entity:String}")
        parameters["entity"] = query.entity_id
    for name, compare in (("date_from", ">="), ("date_to", "<=")):
        if bound := getattr(query, name):
            steps.append(f"r.date {compare} {{{name}:Date}}")
            parameters[name] = bound
    columns = ", ".join(f"r.{name} AS {name}" for name in Restatement.model_fields)
    select = f"SELECT {columns}, ifNull(r.account_id, '') AS _account FROM @ops.restatements AS r"
    return f"{select} WHERE {' AND '.join(steps)}", parameters


def whole(select: Select, keys: Sequence[Key], columns: Sequence[str]) -> Select:
    """A list in its order without pages, for downloads."""
    return f"SELECT {', '.join(columns)} FROM ({select[0]}) {order_by(keys)}", select[1]


def _named(query: Listing, columns: dict[str, str]) -> tuple[list[str], dict[str, Any]]:
    steps, parameters = ["1"], dict[str, Any]()
    for name, column in columns.items():
        if wanted := getattr(query, name):
            steps.append(f"r.{column} IN {{{name}s:Array(String)}}")
            parameters[f"{name}s"] = list(wanted)
    return steps, parameters


def _page(
    warehouse: Warehouse, select: Select, keys: Sequence[Key], query: Listing
) -> tuple[list[dict[str, Any]], str | None]:
    question = json.dumps(query.model_dump(mode="json", exclude={"cursor", "limit"}), sort_keys=True)
    condition, bounds = after(keys, query.cursor, question) if query.cursor else ("1", {})
    rows = warehouse.rows(
        f"SELECT * FROM ({select[0]}) WHERE {condition} {order_by(keys)} LIMIT {{limit:UInt32}}",
        select[1] | bounds | {"limit": query.limit + 1},
    )
    if len(rows) <= query.limit:
        return rows, None
    return rows[: query.limit], encode(keys, rows[query.limit - 1], question)
