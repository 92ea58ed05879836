"""What stands behind an insight: the series for its chart, and the rows of the exports."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from datetime import timedelta
from typing import Any, get_args

from pydantic import BaseModel

from include.api import days
from include.api.analytics import trends
from include.api.analytics.dimensions import LEVELS, grouping
from include.api.analytics.measures import Measure
from include.api.analytics.rows import rows_of
from include.api.analytics.schemas import TrendPoint, number
from include.api.schemas import Insight, Money, Period
from include.api.warehouse import Warehouse

DAYS_BEFORE = 42
DAYS_AFTER = 7
WIDEST = 366
# What a mart has in account currency too.
ACCOUNT_MONEY = ("cost", "conversion_value")


class Evidence(BaseModel):
    """The series of the insight's entity, oldest first, from before the event to after it.

    Money is in `currency`: the accounts' own where it has no exchange rate.
    """

    insight_id: int
    metric: str
    currency: str | None
    entity_type: str
    entity_name: str | None
    date_start: dt.date
    date_end: dt.date
    points: list[TrendPoint]
    facts: dict[str, Any] | list[Any]


class SourceRow(BaseModel):
    """A row of an export as it was typed, with its place."""

    date: dt.date
    grain: str
    account_id: str | None
    account_name: str | None
    campaign_id: str | None
    campaign_name: str | None
    ad_group_id: str | None
    ad_group_name: str | None
    ad_id: str | None
    ad_name: str | None
    impressions: int | None
    clicks: int | None
    cost: Money | None
    conversions: Money | None
    conversion_value: Money | None
    currency: str | None
    file_id: str
    uri: str
    row_number: int


class SourceRows(BaseModel):
    """Rows of exports, in account currency; `total` counts all of them."""

    items: list[SourceRow]
    total: int


def evidence(warehouse: Warehouse, insight: Insight) -> Evidence:
    """The insight's metric beside what makes it up; in account currency where it has no rate.

    Raises ``Unavailable``; ``MixedCurrencies`` where the days around it are in two reporting currencies.
    """
    metric = insight.metric if insight.metric in get_args(Measure) else "cost"
    metrics = list(dict.fromkeys([metric, "cost", "clicks", "conversions", "conversion_value"]))
    start = max(insight.date_start, insight.date_end - timedelta(days=WIDEST))
    query = trends.TrendQuery.model_validate(
        {
            "metrics": metrics,
            "date_from": days.clamped(start - timedelta(days=DAYS_BEFORE)),
            "date_to": days.clamped(insight.date_end + timedelta(days=DAYS_AFTER)),
            "platform": [insight.platform] if insight.platform else None,
            "account_id": [insight.account_id] if insight.account_id else None,
            **_entity(insight),
        }
    )
    found = trends.report(warehouse, insight.workspace, query)
    points = found.series[0].points if found.series else []
    currency = found.currency
    if metric in ACCOUNT_MONEY and not any(_is_about(insight, point, metric) for point in points):
        currency = _in_account_currency(warehouse, query, points, insight.impact_currency) or currency
    while points and not points[-1].has_data and points[-1].date > insight.date_end:
        points.pop()
    return Evidence(
        insight_id=insight.id, metric=metric, currency=currency, entity_type=insight.entity_type,
        entity_name=insight.entity_name, date_start=insight.date_start, date_end=insight.date_end, points=points,
        facts=insight.evidence,
    )  # fmt: skip


def _is_about(insight: Insight, point: TrendPoint, metric: str) -> bool:
    """Whether the point has what the insight speaks of, in reporting currency: money without a rate is not in it."""
    return insight.kind != "missing_rate" and point.values[metric] is not None


def _in_account_currency(
    warehouse: Warehouse, query: trends.TrendQuery, points: list[TrendPoint], wanted: str | None
) -> str | None:
    """Put the money of accounts in the wanted currency into the points, else in that of most rows; give the currency back.
    Without a rate it is all that there is to draw."""
    if not points:
        return None
    group = grouping(["date", "account"], query.entities())
    period = Period(date_from=points[0].date, date_to=points[-1].date, days=len(points))
    source, parameters = rows_of(group, query, period, None)
    sums = ", ".join(f"sum(r.{name}) AS {name}" for name in ACCOUNT_MONEY)
    found = warehouse.rows(
        f"SELECT r.date AS date, r.currency AS unit, {sums} FROM {source} AS r WHERE isNotNull(r.currency)"
        " GROUP BY date, unit",
        parameters,
    )
    units = Counter(row["unit"] for row in found)
    if not units:
        return None
    unit = wanted if wanted in units else units.most_common(1)[0][0]
    by_day = {row["date"]: row for row in found if row["unit"] == unit}
    for point in points:
        point.values |= {name: number(by_day.get(point.date, {}).get(name)) for name in ACCOUNT_MONEY}
    return str(unit)


def rows(warehouse: Warehouse, insight: Insight, limit: int) -> SourceRows:
    """The typed rows of the insight's days and entity, with file and line. Raises ``Unavailable``."""
    steps = ["s.date BETWEEN {first:Date} AND {last:Date}"]
    parameters: dict[str, Any] = {"first": insight.date_start, "last": insight.date_end}
    wanted: dict[str, Any] = {"platform": insight.platform, "account_id": insight.account_id}
    wanted |= {name: values[0] for name, values in _entity(insight).items()}
    for name, value in wanted.items():
        if value:
            column = f"coalesce(s.{name}, s.{name.removesuffix('_id')}_name)" if name != "platform" else "s.platform"
            steps.append(f"{column} = {{{name}:String}}")
            parameters[name] = value
    where = " AND ".join(steps)
    counted = warehouse.rows(f"SELECT count() AS n FROM @staging.stg_ad_performance AS s WHERE {where}", parameters)
    columns = ", ".join(f"s.{name} AS {name}" for name in SourceRow.model_fields if name != "uri")
    listed = warehouse.rows(
        f"SELECT {columns}, l.uri AS uri FROM @staging.stg_ad_performance AS s LEFT JOIN"
        " (SELECT c.workspace AS workspace, c.file_id AS file_id, any(c.uri) AS uri FROM @ops.current_loads AS c"
        " GROUP BY workspace, file_id) AS l ON s.workspace = l.workspace AND s.file_id = l.file_id"
        f" WHERE {where} ORDER BY s.cost DESC NULLS LAST, s.date, s.file_id, s.row_number LIMIT {{limit:UInt32}}",
        parameters | {"limit": limit},
    )
    return SourceRows(items=[SourceRow.model_validate(r) for r in listed], total=counted[0]["n"] if counted else 0)


def _entity(insight: Insight) -> dict[str, list[str]]:
    if insight.entity_type in LEVELS[1:] and insight.entity_id:
        return {f"{insight.entity_type}_id": [insight.entity_id]}
    return {}
