"""Days of a question: what was asked, or the newest that there are; and what they are compared with."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from include.api.problems import MixedCurrencies, Unavailable
from include.api.schemas import Period
from include.api.warehouse import Warehouse

Compare = Literal["none", "previous_period", "previous_week", "previous_year"]
DEFAULT_DAYS = 30
# 52 weeks: the same weekdays, which is what advertising compares by.
YEAR = timedelta(days=364)


def newest(warehouse: Warehouse) -> tuple[date | None, str | None]:
    """The newest day with numbers, and its reporting currency."""
    rows = warehouse.rows(
        "SELECT maxOrNull(date) AS last, argMaxOrNull(reporting_currency, date) AS currency"
        " FROM @marts.mart_platform_daily AS r"
    )
    return (rows[0]["last"], rows[0]["currency"] or None) if rows else (None, None)


def currencies(warehouse: Warehouse) -> dict[str, str]:
    """What each workspace reports in now; nothing where ClickHouse does not answer."""
    try:
        rows = warehouse.rows(
            "SELECT workspace, argMax(reporting_currency, date) AS currency FROM @marts.mart_platform_daily AS r"
            " WHERE reporting_currency != '' GROUP BY workspace"
        )
    except Unavailable:
        return {}
    return {str(row["workspace"]): str(row["currency"]) for row in rows}


def currency_of(warehouse: Warehouse, *asked: Period | None) -> str | None:
    """The one reporting currency of the periods' days. Raises ``MixedCurrencies`` where there are several.

    A workspace whose reporting currency was changed has days in the one before until they are computed anew.
    """
    periods = [period for period in asked if period]
    days = " OR ".join(f"date BETWEEN {{first_{n}:Date}} AND {{last_{n}:Date}}" for n in range(len(periods)))
    bounds = {f"first_{n}": period.date_from for n, period in enumerate(periods)}
    bounds |= {f"last_{n}": period.date_to for n, period in enumerate(periods)}
    rows = warehouse.rows(
        "SELECT reporting_currency AS currency, min(date) AS first, max(date) AS last FROM @marts.mart_platform_daily AS r"
        f" WHERE reporting_currency != '' AND ({days or 0}) GROUP BY currency ORDER BY last, first, currency",
        bounds,
    )
    if len(rows) > 1:
        spans = " and ".join(
            f"{row['currency']} (" + " to ".join(dict.fromkeys((str(row["first"]), str(row["last"])))) + ")"
            for row in rows
        )
        raise MixedCurrencies(
            f"The money of these days is in {spans}: it is not added or compared. Ask for days of one of them, or"
            " wait for the next run, which computes all days in one (`bin/insightflow run`)."
        )
    return str(rows[0]["currency"]) if rows else None


def period_of(date_from: date | None, date_to: date | None, last: date | None) -> Period | None:
    """The days asked for; by default the last ``DEFAULT_DAYS`` up to the newest day. None where nothing is there."""
    end = date_to or (max(last, date_from) if last and date_from else last or date_from)
    if end is None:
        return None
    start = date_from or max(end, date.min + timedelta(days=DEFAULT_DAYS)) - timedelta(days=DEFAULT_DAYS - 1)
    return Period(date_from=start, date_to=end, days=(end - start).days + 1)


def compared(period: Period, compare: Compare) -> Period | None:
    """The days that the period is compared with; None also where the calendar does not reach back that far."""
    if compare == "none":
        return None
    # Whole weeks back: the same weekdays, as near as the period's length allows.
    weeks = timedelta(weeks=-(-period.days // 7))
    back = {"previous_period": timedelta(days=period.days), "previous_week": weeks}.get(compare, YEAR)
    try:
        return Period(date_from=period.date_from - back, date_to=period.date_to - back, days=period.days)
    except OverflowError:
        return None
