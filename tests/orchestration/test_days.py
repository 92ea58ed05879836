"""Which days a run is for."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from include.orchestration.days import (
    BadConfiguration,
    configuration,
    days_between,
    days_of_run,
    parse_dates,
    wants_full_refresh,
)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 6, day, hour, tzinfo=UTC)


def context(conf: dict[str, Any] | None = None, key: str | None = None, **values: Any) -> dict[str, Any]:
    return {"dag_run": SimpleNamespace(conf=conf, partition_key=key, run_after=at(15)), **values}


def test_configuration_comes_first() -> None:
    given = context(
        {"dates": ["2026-06-02", "2026-06-01"]}, "2026-06-09", data_interval_start=at(3), data_interval_end=at(4)
    )
    assert days_of_run(given) == [date(2026, 6, 1), date(2026, 6, 2)]
    assert days_of_run(context({"dates": "2026-06-01"})) == [date(2026, 6, 1)]


def test_then_the_partition_key() -> None:
    given = context({}, "2026-06-09", data_interval_start=at(3), data_interval_end=at(4))
    assert days_of_run(given) == [date(2026, 6, 9)]


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (at(3), at(4), [3]),
        (at(3), at(6), [3, 4, 5]),
        (at(3, 6), at(4, 6), [3, 4]),
    ],
)
def test_then_the_data_interval_without_its_end(start: datetime, end: datetime, days: list[int]) -> None:
    given = context(data_interval_start=start, data_interval_end=end)
    assert days_of_run(given) == [date(2026, 6, day) for day in days]


def test_an_empty_interval_means_yesterday() -> None:
    given = context(data_interval_start=at(3), data_interval_end=at(3), logical_date=at(3))
    assert days_of_run(given) == [date(2026, 6, 2)]


def test_a_run_without_any_date_means_the_day_before_it() -> None:
    assert days_of_run(context()) == [date(2026, 6, 14)]


def test_what_is_no_date_is_named() -> None:
    with pytest.raises(ValueError, match="'yesterday' is not a date"):
        parse_dates(["yesterday"])


def test_days_between_holds_both_ends() -> None:
    assert days_between(date(2026, 2, 27), date(2026, 3, 1)) == [
        date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("conf", "why"),
    [
        ({"full_refresh": "false"}, "full_refresh is true or false, not 'false'"),
        ({"full_refresh": 0}, "full_refresh is true or false, not 0"),
        ({"date": "2026-06-30"}, "has no 'date'; it takes dates and full_refresh"),
        ({"dates": ["2026-06-301"]}, "'2026-06-301' is not a date"),
        ({"dates": ["20260630"]}, "'20260630' is not a date"),
        ({"dates": ["2026-06-30", "foo"]}, "'foo' is not a date"),
        ({"dates": 20260630}, "dates is a list such as"),
        ({"dates": {"2026-06-30": 1}}, "dates is a list such as"),
    ],
)
def test_a_configuration_that_asks_for_something_else_is_refused(conf: dict[str, Any], why: str) -> None:
    for asked in (configuration, days_of_run, wants_full_refresh):
        with pytest.raises(BadConfiguration, match=why):
            asked(context(conf))


@pytest.mark.parametrize("conf", [None, {}, {"dates": [], "full_refresh": False}, {"dates": None}])
def test_a_form_that_was_left_as_it_is_asks_for_nothing(conf: dict[str, Any] | None) -> None:
    assert configuration(context(conf)) == {"dates": [], "full_refresh": False}
    assert days_of_run(context(conf, "2026-06-09T00:00:00")) == [date(2026, 6, 9)]


def test_full_refresh_is_asked_for_in_the_configuration() -> None:
    assert wants_full_refresh(context({"full_refresh": True}))
    assert not wants_full_refresh(context())
