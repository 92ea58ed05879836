"""Totals and ratios of a period by any dimensions, with the period before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from include.api.analytics import coverage, measures, periods
from include.api.analytics.dimensions import Dimension, Grouping, grouping
from include.api.analytics.names import check_platforms
from include.api.analytics.paging import Key, after, encode, order_by
from include.api.analytics.rows import EntityFilters, rows_of
from include.api.analytics.schemas import Numbers, RoiPage, RoiRow
from include.api.days import QueryDay
from include.api.schemas import Period
from include.api.warehouse import Warehouse

_TYPES = {"impressions": "Int64", "clicks": "Int64"} | dict.fromkeys(
    ("cost", "conversion_value", "conversions", "profit"), "Decimal(38, 6)"
)
OrderBy = Literal[
    "cost", "conversion_value", "impressions", "clicks", "conversions", "profit",
    "ctr", "cpc", "cpm", "cpa", "cvr", "roas", "roi", "aov", "date", "name",
]  # fmt: skip


class RoiQuery(EntityFilters):
    """Parameters of ``/analytics/roi``."""

    group_by: list[Dimension] = Field(["platform"], max_length=4, description="an entity brings its parents")
    date_from: QueryDay | None = Field(None, description=f"by default {periods.DEFAULT_DAYS} days before date_to")
    date_to: QueryDay | None = Field(None, description="by default the newest day with numbers")
    compare: periods.Compare = Field(
        "none", description="previous_week is whole weeks back, previous_year 364 days: the same weekdays"
    )
    order_by: OrderBy | None = Field(None, description="by default cost; the day where days are grouped alone")
    descending: bool | None = Field(None, description="by default the largest first, and dates and names ascending")
    min_cost: float | None = Field(None, ge=0, le=1e15, description="only rows that cost at least this much")
    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=4000)


def report(warehouse: Warehouse, workspace: str, query: RoiQuery) -> RoiPage:
    """A page of rows and the totals of all rows.

    Raises ``BadCursor``, ``MixedCurrencies``, ``UnknownName``, ``Unavailable``.
    """
    check_platforms(warehouse, query.platform)
    last, currency = periods.newest(warehouse)
    period = periods.period_of(query.date_from, query.date_to, last)
    group = grouping(list(query.group_by), query.entities())
    page = RoiPage(
        workspace=workspace, currency=currency, group_by=list(query.group_by), period=period,
        previous=None, totals=None, items=[], next_cursor=None, notes=[],
    )  # fmt: skip
    if group.parsed and not warehouse.has("marts.dim_campaign", *group.parsed):
        page.notes.append(f"Campaign names are not parsed into {', '.join(group.parsed)} here yet.")
        return page
    if period is None:
        page.notes.append("There are no numbers yet. Drop an export into the bucket to begin.")
        return page
    page.previous = periods.compared(period, query.compare)
    page.currency = periods.currency_of(warehouse, period, page.previous) or currency
    source, parameters = rows_of(group, query, period, page.previous)
    totals = warehouse.rows(_select(Grouping(group.level, ()), source, bool(page.previous)), parameters)
    if totals and totals[0]["row_count"]:
        page.totals = _row(totals[0], bool(page.previous))
    keys, question = _sort_keys(group, query), _question(query, period)
    inner = _select(group, source, bool(page.previous))
    condition, bounds = after(keys, query.cursor, question) if query.cursor else ("1", {})
    if query.min_cost is not None:
        condition = f"({condition}) AND cost >= {{min_cost:Float64}}"
        bounds["min_cost"] = query.min_cost
    rows = warehouse.rows(
        f"SELECT * FROM ({inner}) WHERE {condition} {order_by(keys)} LIMIT {{limit:UInt32}}",
        parameters | bounds | {"limit": query.limit + 1},
    )
    page.items = [_row(row, bool(page.previous)) for row in rows[: query.limit]]
    if len(rows) > query.limit:
        page.next_cursor = encode(keys, rows[query.limit - 1], question)
    if page.totals and page.totals.unpriced_rows:
        named = f" ({', '.join(page.totals.unpriced_currencies)})" if page.totals.unpriced_currencies else ""
        page.notes.append(
            f"{page.totals.unpriced_rows} rows have no exchange rate to {page.currency}{named}: their money is left out."
        )
    if note := coverage.lacking(warehouse, group, query, period, page.currency):
        page.notes.append(note)
    return page


def table(query: RoiQuery, period: Period, previous: Period | None, currency: str | None) -> tuple[str, dict[str, Any]]:
    """The whole answer as one flat query, for downloads: each row with the currency of its money and the days it is of.

    Where it is compared each measure is followed by ``…_previous`` and ``…_change``, as in the comparison marts.
    """
    group = grouping(list(query.group_by), query.entities())
    source, parameters = rows_of(group, query, period, previous)
    shown = [name for name in group.keys if not name.startswith("_")] + list(group.labels)
    told = ["{currency:String} AS currency", "{first:Date} AS date_from", "{last:Date} AS date_to"]
    numbers = list(measures.MEASURES)
    if previous:
        numbers = [f"{name}, previous_{name} AS {name}_previous, {name}_change" for name in numbers]
        told += ["{previous_first:Date} AS previous_date_from", "{previous_last:Date} AS previous_date_to"]
    columns = ", ".join([*shown, *numbers, "is_provisional", "unpriced_rows", *told])
    parameters["currency"] = currency or ""
    condition = "1"
    if query.min_cost is not None:
        condition, parameters["min_cost"] = "cost >= {min_cost:Float64}", query.min_cost
    order = order_by(_sort_keys(group, query))
    return f"SELECT {columns} FROM ({_select(group, source, bool(previous))}) WHERE {condition} {order}", parameters


def _select(group: Grouping, source: str, compare: bool) -> str:
    aliased = [f"{sql} AS `{name}`" for name, sql in (group.keys | group.labels).items()]
    aliased.append(measures.sums("NOT r.is_previous"))
    if compare:
        aliased.append(measures.sums("r.is_previous", "previous_"))
    aliased += [
        "countIf(NOT r.is_previous) AS row_count",
        "maxIf(r.is_provisional, NOT r.is_previous) AS is_provisional",
        measures.UNPRICED_CURRENCIES,
    ]
    grouped = f" GROUP BY {', '.join(f'`{name}`' for name in group.keys)} HAVING row_count > 0" if group.keys else ""
    inner = f"SELECT {', '.join(aliased)} FROM {source} AS r{grouped}"
    more = measures.ratios() + (f", {measures.ratios('previous_')}, {measures.changes()}" if compare else "")
    return f"SELECT *, {more} FROM ({inner})"


def _sort_keys(group: Grouping, query: RoiQuery) -> list[Key]:
    days = [name for name in ("date", "week", "month") if name in group.keys]
    chosen = query.order_by or ("date" if days and len(query.group_by) == 1 else "cost")
    ties = [Key(name, "Date" if name in days else "String") for name in group.keys]
    if chosen == "date":
        first = [Key(name, "Date", bool(query.descending)) for name in days[:1]]
    elif chosen == "name":
        first = [Key(name, "String", bool(query.descending)) for name in list(group.labels)[-1:]]
    else:
        first = [Key(chosen, _TYPES.get(chosen, "Float64"), query.descending is not False)]
    return [*first, *(key for key in ties if key.name not in {k.name for k in first})]


def _question(query: RoiQuery, period: Period) -> str:
    asked = query.model_dump(mode="json", exclude={"cursor", "limit"})
    return json.dumps([asked, period.model_dump(mode="json")], sort_keys=True)


def _row(row: Mapping[str, Any], compare: bool) -> RoiRow:
    made = RoiRow.model_validate({name: value for name, value in row.items() if not name.startswith("_")})
    if compare:
        made.previous = Numbers.model_validate({name: row[f"previous_{name}"] for name in measures.MEASURES})
        made.change = {name: row[f"{name}_change"] for name in measures.MEASURES}
    return made
