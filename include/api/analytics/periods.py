"""Days of a question: what was asked, or the newest that there are; and what they are compared with."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

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
