"""Anomalies as a list."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, Field

from include.api.analytics.names import check_platforms, spellings
from include.api.analytics.paging import Key, after, encode, order_by
from include.api.analytics.schemas import Anomaly, AnomalyPage
from include.api.days import QueryDay
from include.api.schemas import Severity
from include.api.warehouse import Warehouse

Names = list[str] | None
COLUMNS = tuple(Anomaly.model_fields)
_UNIQUE = [Key(n, "String") for n in ("workspace", "platform", "_account", "entity_type", "entity_id", "metric")]
_ORDERS = {
    "impact": [Key("impact_reporting", "Decimal(18, 2)", True), Key("date", "Date", True)],
    "date": [Key("date", "Date", True), Key("impact_reporting", "Decimal(18, 2)", True)],
    "z_score": [Key("_z", "Float64", True), Key("date", "Date", True)],
}


class AnomalyQuery(BaseModel):
    """Parameters of ``/analytics/anomalies``."""

    workspace: str | None = Field(None, max_length=200)
    platform: Names = Field(None, max_length=50)
    account_id: Names = Field(None, max_length=50)
    entity_type: list[Literal["platform", "account", "campaign", "ad_group", "ad"]] | None = Field(None, max_length=5)
    entity_id: Names = Field(None, max_length=50)
    metric: Names = Field(None, max_length=50)
    kind: Names = Field(None, max_length=50)
    severity: list[Severity] | None = Field(None, max_length=4)
    date_from: QueryDay | None = None
    date_to: QueryDay | None = None
    min_impact: float | None = Field(None, ge=0, le=1e15, description="in reporting currency")
    order_by: Literal["impact", "date", "z_score"] = "impact"
    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=4000)


def report(warehouse: Warehouse, query: AnomalyQuery) -> AnomalyPage:
    """A page of anomalies. Raises ``BadCursor``, ``UnknownName``, ``Unavailable``."""
    check_platforms(warehouse, query.platform)
    page = AnomalyPage(items=[], next_cursor=None, notes=[])
    select, parameters, keys = _select(query)
    question = json.dumps(query.model_dump(mode="json", exclude={"cursor", "limit"}), sort_keys=True)
    condition, bounds = after(keys, query.cursor, question) if query.cursor else ("1", {})
    rows = warehouse.rows(
        f"SELECT * FROM ({select}) WHERE {condition} {order_by(keys)} LIMIT {{limit:UInt32}}",
        parameters | bounds | {"limit": query.limit + 1},
    )
    page.items = [Anomaly.model_validate(row) for row in rows[: query.limit]]
    if len(rows) > query.limit:
        page.next_cursor = encode(keys, rows[query.limit - 1], question)
    if not rows and not warehouse.has("marts.anomaly_daily"):
        page.notes.append("No run has looked for anomalies yet.")
    return page


def table(query: AnomalyQuery) -> tuple[str, dict[str, Any]]:
    """All of them as one flat query, for downloads."""
    select, parameters, keys = _select(query)
    return f"SELECT {', '.join(COLUMNS)} FROM ({select}) {order_by(keys)}", parameters


def _select(query: AnomalyQuery) -> tuple[str, dict[str, Any], list[Key]]:
    steps, parameters = ["1"], dict[str, Any]()
    for name in ("platform", "account_id", "entity_type", "entity_id", "metric", "kind", "severity"):
        if wanted := getattr(query, name):
            steps.append(f"ifNull(r.{name}, '') IN {{{name}s:Array(String)}}")
            ids = name == "account_id" or (name == "entity_id" and query.entity_type == ["account"])
            parameters[f"{name}s"] = spellings(wanted) if ids else list(wanted)
    for name, compare in (("date_from", ">="), ("date_to", "<=")):
        if bound := getattr(query, name):
            steps.append(f"r.date {compare} {{{name}:Date}}")
            parameters[name] = bound
    if query.min_impact is not None:
        steps.append("r.impact_reporting >= {min_impact:Float64}")
        parameters["min_impact"] = query.min_impact
    columns = ", ".join(f"r.{name} AS {name}" for name in COLUMNS)
    select = (
        f"SELECT {columns}, abs(r.z_score) AS _z, ifNull(r.account_id, '') AS _account"
        f" FROM @marts.anomaly_daily AS r WHERE {' AND '.join(steps)}"
    )
    return select, parameters, [*_ORDERS[query.order_by], *_UNIQUE]
