"""Which days a run is for. The one place that knows about configuration, partition keys and intervals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

_DATE = r"\d{4}-\d{2}-\d{2}"
# What a run's configuration takes, as JSON schemas: Airflow refuses other types when it is triggered, and `configuration`
# what Airflow lets through.
PARAMS: dict[str, dict[str, Any]] = {
    "dates": {
        "default": [],
        "type": ["array", "string", "null"],
        "items": {"type": "string", "pattern": f"^{_DATE}$"},
        "description": "dates to build instead of the run's own, one a line, as 2026-06-30",
    },
    "full_refresh": {
        "default": False,
        "type": "boolean",
        "description": "make every table anew from raw",
    },
}


class BadConfiguration(ValueError):
    """The run's configuration asks for what there is not. It will not get better by trying again."""


def configuration(context: Mapping[str, Any]) -> dict[str, Any]:
    """The run's configuration: ``dates``, sorted, and ``full_refresh``. Raises ``BadConfiguration``.

    A name or a type that is none of these is refused: passed over, the run would do something else than was asked.
    """
    conf = getattr(context.get("dag_run"), "conf", None) or {}
    if strange := sorted(set(conf) - set(PARAMS)):
        raise BadConfiguration(
            f"a run's configuration has no {', '.join(map(repr, strange))}; it takes {' and '.join(PARAMS)}"
        )
    full, given = conf.get("full_refresh", False), conf.get("dates") or []
    if not isinstance(full, bool):
        raise BadConfiguration(f"full_refresh is true or false, not {full!r}")
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list):
        raise BadConfiguration(f'dates is a list such as ["2026-06-30"], not {given!r}')
    return {"dates": parse_dates(given), "full_refresh": full}


def days_of_run(context: Mapping[str, Any]) -> list[date]:
    """The days of a run, in this order: ``dates`` of its configuration, partition key, data interval, yesterday.

    ``context`` is Airflow's task context (or anything with its keys). A data interval from midnight to midnight
    covers the days that it holds, the end excluded. Raises ``BadConfiguration``.
    """
    run = context.get("dag_run")
    if given := configuration(context)["dates"]:
        return list(given)
    key = getattr(run, "partition_key", None) or context.get("partition_key")
    if key:
        # Airflow writes a day's key with its time.
        return parse_dates([str(key)[:10]])
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is not None and end is not None and start < end:
        return days_between(_utc(start).date(), (_utc(end) - timedelta(microseconds=1)).date())
    moment = context.get("logical_date") or getattr(run, "run_after", None) or datetime.now(UTC)
    return [_utc(moment).date() - timedelta(days=1)]


def parse_dates(given: list[Any]) -> list[date]:
    """ISO dates, sorted, each once. Raises ``BadConfiguration`` that names what is not a date."""
    days = set()
    for text in given:
        try:
            if not re.fullmatch(_DATE, str(text)):
                raise ValueError
            days.add(date.fromisoformat(str(text)))
        except ValueError:
            raise BadConfiguration(f"{text!r} is not a date; write it as 2026-06-30") from None
    return sorted(days)


def days_between(first: date, last: date) -> list[date]:
    """Every day from the first to the last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def wants_full_refresh(context: Mapping[str, Any]) -> bool:
    """Whether the run's configuration asks for ``{"full_refresh": true}``. Raises ``BadConfiguration``."""
    return bool(configuration(context)["full_refresh"])


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
