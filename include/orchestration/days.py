"""Which days a run is for. The one place that knows about configuration, partition keys and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any


def days_of_run(context: Mapping[str, Any]) -> list[date]:
    """The days of a run, in this order: ``dates`` of its configuration, partition key, data interval, yesterday.

    ``context`` is Airflow's task context (or anything with its keys). A data interval from midnight to midnight
    covers the days that it holds, the end excluded. Raises ``ValueError`` for a date that is none.
    """
    run = context.get("dag_run")
    given = (getattr(run, "conf", None) or {}).get("dates")
    if given:
        return parse_dates([given] if isinstance(given, str) else list(given))
    key = getattr(run, "partition_key", None) or context.get("partition_key")
    if key:
        return parse_dates([str(key)])
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is not None and end is not None and start < end:
        return days_between(_utc(start).date(), (_utc(end) - timedelta(microseconds=1)).date())
    moment = context.get("logical_date") or getattr(run, "run_after", None) or datetime.now(UTC)
    return [_utc(moment).date() - timedelta(days=1)]


def parse_dates(given: list[Any]) -> list[date]:
    """ISO dates, sorted, each once. Raises ``ValueError`` that names what is not a date."""
    days = set()
    for text in given:
        try:
            days.add(date.fromisoformat(str(text)[:10]))
        except ValueError:
            raise ValueError(f"{text!r} is not a date; write it as 2026-06-30") from None
    return sorted(days)


def days_between(first: date, last: date) -> list[date]:
    """Every day from the first to the last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def wants_full_refresh(context: Mapping[str, Any]) -> bool:
    """Whether the run's configuration asks for ``{"full_refresh": true}``."""
    return bool((getattr(context.get("dag_run"), "conf", None) or {}).get("full_refresh"))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
