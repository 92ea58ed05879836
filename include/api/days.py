"""Dates as parameters: those that ClickHouse and the calendar before them can hold."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

FIRST, LAST = date(2000, 1, 1), date(2099, 12, 31)


def _held(day: date) -> date:
    if not FIRST <= day <= LAST:
        raise ValueError(f"a date from {FIRST} to {LAST}")
    return day


def _day_of_month(given: Any) -> Any:
    """A month as its first day; a date as it is. Raises ``ValueError`` that says how either is written."""
    if not isinstance(given, str):
        return given
    try:
        return date.fromisoformat(given + "-01" if re.fullmatch(r"\d{4}-\d{2}", given) else given)
    except ValueError as error:
        raise ValueError("a month (2026-05) or any day of it (2026-05-31)") from error


QueryDay = Annotated[date, AfterValidator(_held)]
QueryMonth = Annotated[
    date,
    AfterValidator(_held),
    BeforeValidator(_day_of_month),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "pattern": r"^\d{4}-(0[1-9]|1[0-2])$"}]}
    ),
]


def clamped(day: date) -> date:
    """The nearest day that can be asked for."""
    return min(max(day, FIRST), LAST)
