"""Dates as parameters: those that ClickHouse and the calendar before them can hold."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator

FIRST, LAST = date(2000, 1, 1), date(2099, 12, 31)


def _held(day: date) -> date:
    if not FIRST <= day <= LAST:
        raise ValueError(f"a date from {FIRST} to {LAST}")
    return day


QueryDay = Annotated[date, AfterValidator(_held)]


def clamped(day: date) -> date:
    """The nearest day that can be asked for."""
    return min(max(day, FIRST), LAST)
