"""Series by day, week or month, beside the period before, with the detector's band and its anomalies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Literal

from pydantic import Field

from include.api.analytics import coverage, measures, periods
from include.api.analytics.dimensions import LEVELS, grouping
from include.api.analytics.names import check_platforms, spellings
from include.api.analytics.rows import EntityFilters, rows_of
from include.api.analytics.schemas import AnomalyMark, Band, TrendPoint, Trends, TrendSeries, number
from include.api.days import QueryDay
from include.api.schemas import Period
from include.api.warehouse import Warehouse

Interval = Literal["day", "week", "month"]
Split = Literal["none", "platform", "account", "campaign"]
_BUCKET = {"day": "date", "week": "week", "month": "month"}
MOST_POINTS = 1100
# How the detector names our measures.
_DETECTED = frozenset(
    {"impressions", "clicks", "cost", "conversions", "conversion_value", "ctr", "cpc", "cvr", "cpa", "roi"}
)


class TooManyPoints(ValueError):
    """The period has more points than a line can have."""


class TrendQuery(EntityFilters):
    """Parameters of ``/analytics/trends``."""

    metrics: list[measures.Measure] = Field(["cost", "conversion_value", "roas"], min_length=1, max_length=14)
    interval: Interval = "day"
    split: Split = Field("none", description="a line for each, the costliest first")
    series: int = Field(5, ge=1, le=20, description="lines at most, with a split")
    date_from: QueryDay | None = None
    date_to: QueryDay | None = None
    compare: periods.Compare = "none"


def report(warehouse: Warehouse, workspace: str, query: TrendQuery) -> Trends:
    """The series.

    Raises ``Unavailable``, ``UnknownName``, ``MixedCurrencies``; ``TooManyPoints`` where the period has too many points.
    """
    check_platforms(warehouse, query.platform)
    last, currency = periods.newest(warehouse)
    period = periods.period_of(query.date_from, query.date_to, last)
    answer = Trends(
        workspace=workspace, currency=currency, interval=query.interval,
        metrics=list(query.metrics), period=period, previous=None, series=[], notes=[],
    )  # fmt: skip
    if period is None:
        answer.notes.append("There are no numbers yet. Drop an export into the bucket to begin.")
        return answer
    days = _days(period, query.interval)  # the first of each point → how many of them are asked for
    if len(days) > MOST_POINTS:
        raise TooManyPoints(f"{period.date_from} to {period.date_to} has {len(days)} points, {MOST_POINTS} at most")
    parsed = grouping([], query.entities()).parsed
    if parsed and not warehouse.has("marts.dim_campaign", *parsed):
        answer.notes.append(f"Campaign names are not parsed into {', '.join(parsed)} here yet.")
        return answer
    answer.previous = periods.compared(period, query.compare)
    answer.currency = periods.currency_of(warehouse, period, answer.previous) or currency
    if note := coverage.lacking(warehouse, grouping(_split(query), query.entities()), query, period, answer.currency):
        answer.notes.append(note)
    rows = _rows(warehouse, query, period, answer.previous)
    marks = _anomalies(warehouse, query, period) if query.interval == "day" else {}
    bands = _bands(warehouse, query, period) if query.interval == "day" and query.split == "none" else {}
    shift = (period.date_from - answer.previous.date_from) if answer.previous else None
    # A part of a week or month begins with the period, and so do the days that it is compared with.
    before = {day: max(day, period.date_from) - shift if shift else None for day in days}
    for key, named, by_day in _lines(rows, query):
        points = [_point(day, n, by_day.get(day), query, before[day]) for day, n in days.items()]
        for point in points:
            point.band = bands.get(point.date, {})
            point.anomalies = [mark for mark in marks.get(point.date, []) if _belongs(mark, key)]
        shown = {name: value for name, value in key.items() if not name.startswith("_")}
        answer.series.append(TrendSeries(key=shown, name=named, points=points))
    return answer


def _days(period: Period, interval: Interval) -> dict[date, int]:
    days = [period.date_from + timedelta(days=n) for n in range(min(period.days, 40_000))]
    if interval == "week":
        days = [day - timedelta(days=day.weekday()) for day in days]
    elif interval == "month":
        days = [day.replace(day=1) for day in days]
    return dict(Counter(days))


def _split(query: TrendQuery) -> list[str]:
    return [] if query.split == "none" else [query.split]


def _rows(warehouse: Warehouse, query: TrendQuery, period: Period, previous: Period | None) -> list[dict[str, Any]]:
    group = grouping([_BUCKET[query.interval], *_split(query)], query.entities())
    source, parameters = rows_of(group, query, period, previous)
    columns = [f"{sql} AS `{name}`" for name, sql in (group.keys | group.labels).items()]
    columns.append(measures.sums("NOT r.is_previous"))
    more = measures.ratios()
    if previous:
        columns.append(measures.sums("r.is_previous", "previous_"))
        more += f", {measures.ratios('previous_')}"
    columns += [
        "countIf(NOT r.is_previous) AS row_count",
        "uniqExactIf(r.date, NOT r.is_previous) AS days_with_data",
        "maxIf(r.is_provisional, NOT r.is_previous) AS is_provisional",
    ]
    grouped = ", ".join(f"`{name}`" for name in group.keys)
    return warehouse.rows(
        f"SELECT *, {more} FROM (SELECT {', '.join(columns)} FROM {source} AS r GROUP BY {grouped})"
        f" ORDER BY `{_BUCKET[query.interval]}` LIMIT 100000",
        parameters,
    )


def _lines(rows: list[dict[str, Any]], query: TrendQuery) -> list[tuple[dict[str, str | None], str, dict[date, Any]]]:
    """Key, name and rows by day of each line: the costliest, or just the whole. Where the export has no id, the name is in
    the key with ``_`` before it."""
    bucket = _BUCKET[query.interval]
    lines: dict[tuple[Any, ...], dict[date, Any]] = {}
    for row in rows:
        key = tuple((name, row[name]) for name in row if name in _KEYS) if query.split != "none" else ()
        lines.setdefault(key, {})[row[bucket]] = row
    ranked = sorted(lines.items(), key=lambda line: -sum(float(r["cost"] or 0) for r in line[1].values()))
    if not ranked and query.split == "none":
        ranked = [((), {})]
    made = []
    for key, by_day in ranked[: query.series]:
        newest = by_day[max(by_day)] if by_day else {}
        ids = [value for name, value in key if not name.startswith("_")]
        label = newest.get(f"{query.split}_name") or (ids[-1] if ids else None) or "all"
        made.append((dict(key), str(label), by_day))
    return made


_KEYS = ("platform", "account_id", "_account", "campaign_id", "_campaign")


def _point(day: date, days: int, row: Mapping[str, Any] | None, query: TrendQuery, previous: date | None) -> TrendPoint:
    found = row or {}
    return TrendPoint(
        date=day,
        days=days,
        days_with_data=int(found.get("days_with_data") or 0),
        previous_date=previous,
        is_provisional=bool(found.get("is_provisional")),
        has_data=bool(found.get("row_count")),
        unpriced_rows=int(found.get("unpriced_rows") or 0),
        values={name: number(found.get(name)) for name in query.metrics},
        previous={name: number(found.get(f"previous_{name}")) for name in query.metrics} if previous else None,
    )


def _entity(query: TrendQuery) -> tuple[str, list[str]] | None:
    """The one entity that the filters name, as the detector knows it: its kind, and the spellings of its id."""
    named = [
        ("ad", query.ad_id), ("ad_group", query.ad_group_id), ("campaign", query.campaign_id),
        ("account", query.account_id), ("platform", query.platform),
    ]  # fmt: skip
    if query.campaign or any((query.market, query.funnel_stage, query.audience)):
        return None
    for kind, wanted in named:
        if wanted:
            return (kind, spellings(wanted) if kind == "account" else list(wanted)) if len(wanted) == 1 else None
    return None


def _held(query: TrendQuery) -> tuple[str, dict[str, Any]]:
    """A condition on the detector's rows ``r``: of the platforms and accounts that the filters name. Ids of campaigns are
    unique only within them; where the export has no ids, names stand for them, there and here."""
    return (
        " AND (empty({platforms:Array(String)}) OR r.platform IN {platforms:Array(String)})"
        " AND (empty({accounts:Array(String)}) OR ifNull(r.account_id, '') IN {accounts:Array(String)})"
        " AND r.metric IN {metrics:Array(String)} AND r.date BETWEEN {first:Date} AND {last:Date}",
        {
            "platforms": list(query.platform or []),
            "accounts": spellings(query.account_id or []),
            "metrics": [name for name in query.metrics if name in _DETECTED],
        },
    )


def _bands(warehouse: Warehouse, query: TrendQuery, period: Period) -> dict[date, dict[str, Band]]:
    """The band by day, where the filters name one entity: the line of two is in the band of neither."""
    entity = _entity(query)
    held, parameters = _held(query)
    if entity is None or not parameters["metrics"]:
        return {}
    rows = warehouse.rows(
        "SELECT r.date AS date, r.metric AS metric, any(r.expected) AS middle, any(r.lower) AS low, any(r.upper) AS high,"
        " r.platform AS platform, ifNull(r.account_id, '') AS account FROM @marts.int_anomaly_scores AS r"
        f" WHERE r.entity_type = {{kind:String}} AND r.entity_id IN {{entity:Array(String)}}{held}"
        " GROUP BY date, metric, platform, account",
        parameters | {"kind": entity[0], "entity": entity[1], "first": period.date_from, "last": period.date_to},
    )
    if len({(row["platform"], row["account"]) for row in rows}) > 1:
        return {}
    bands: dict[date, dict[str, Band]] = {}
    for row in rows:
        bands.setdefault(row["date"], {})[row["metric"]] = Band(
            expected=row["middle"], lower=row["low"], upper=row["high"]
        )
    return bands


def _anomalies(warehouse: Warehouse, query: TrendQuery, period: Period) -> dict[date, list[AnomalyMark]]:
    """Anomalies of the metrics, of the entities that the filters name; without filters those of platforms."""
    entity = _entity(query)
    if entity is None and query.entities():
        return {}
    kind = query.split if query.split != "none" else entity[0] if entity else "platform"
    if entity and LEVELS.index(kind) < LEVELS.index(entity[0]):
        return {}  # a line is a part of what was judged
    held, parameters = _held(query)
    rows = warehouse.rows(
        "SELECT r.date AS date, r.metric AS metric, r.kind AS kind, r.severity AS severity, r.direction AS direction,"
        " r.platform AS platform, r.account_id AS account_id,"
        " r.entity_type AS entity_type, r.entity_id AS entity_id, r.entity_name AS entity_name, r.value AS value,"
        " r.expected AS expected, r.impact_reporting AS impact_reporting"
        " FROM @marts.anomaly_daily AS r WHERE r.entity_type = {kind:String}"
        " AND (empty({entity:Array(String)}) OR r.entity_id IN {entity:Array(String)} OR {kind:String} != {named:String})"
        f"{held} ORDER BY date, metric, platform, account_id, entity_id LIMIT 5000",
        parameters
        | {
            "kind": kind, "named": entity[0] if entity else "", "entity": entity[1] if entity else [],
            "first": period.date_from, "last": period.date_to,
        },
    )  # fmt: skip
    marks: dict[date, list[AnomalyMark]] = {}
    for row in rows:
        marks.setdefault(row["date"], []).append(AnomalyMark(**{k: v for k, v in row.items() if k != "date"}))
    return marks


def _belongs(mark: AnomalyMark, key: dict[str, str | None]) -> bool:
    """Whether the mark is of the line's entity: all of its platform, account and campaign that the line is split by."""
    of_mark = {"platform": mark.platform, "account": mark.account_id, mark.entity_type: mark.entity_id}
    of_line = {"platform": key["platform"]} if "platform" in key else {}
    of_line |= {name: key[f"{name}_id"] or key[f"_{name}"] for name in ("account", "campaign") if f"{name}_id" in key}
    return all((of_mark[name] or "") == (value or "") for name, value in of_line.items())
