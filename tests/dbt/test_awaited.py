"""Accounts whose files come one after the other, or not at all: when a day of theirs is told missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from tests.dbt.conftest import Project
from tests.dbt.test_anomalies import MODELS, Campaign, day, failures, generate

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ACCOUNTS = ("g-1", "g-2", "g-3")
# The days with data of all accounts: 0 to 59, 61, 63; on day 60 the last one has not come, on day 62 nobody.
TWO_CAME, NOBODY, LAST = 60, 62, 63


def rows() -> list[dict[str, Any]]:
    campaigns = [Campaign("google_ads", account, "USD", f"Search of {account}", 2000) for account in ACCOUNTS]
    there = {TWO_CAME: {"g-1", "g-2"}, NOBODY: set[str]()}
    return [
        row
        for row in generate(campaigns, days=LAST + 1, workspace="mornings")
        if row["account_id"] in there.get((row["date"] - day(0)).days, ACCOUNTS)
    ]


def build(project: Project, *dates: date, full_refresh: bool = False) -> None:
    project.request(dates)
    outcome = project.dbt("run", "--select", *MODELS, *(["--full-refresh"] if full_refresh else []))
    assert outcome.success, failures(outcome)


@pytest.fixture
def mornings(dbt_warehouse: Project) -> Iterator[Project]:
    """All but the last days, built."""
    dbt_warehouse.clear()
    known = [row for row in rows() if row["date"] < day(TWO_CAME)]
    for first in (0, 40):  # a block may touch 100 partitions at most
        dbt_warehouse.stage(row for row in known if day(first) <= row["date"] < day(first + 40))
    build(dbt_warehouse, day(TWO_CAME - 1), full_refresh=True)
    yield dbt_warehouse
    dbt_warehouse.clear()


def arrive(project: Project, index: int) -> None:
    """The day's files come and the day is built."""
    project.stage(row for row in rows() if row["date"] == day(index))
    build(project, day(index))


def told(project: Project, index: int) -> list[tuple[str, str, str]]:
    return project.query(
        f"SELECT DISTINCT entity_type, entity_id, kind FROM marts.anomaly_daily WHERE date = '{day(index)}' ORDER BY ALL"
    )


def test_what_has_not_come_is_awaited_first_and_missing_once_a_later_day_is_there(mornings: Project) -> None:
    arrive(mornings, TWO_CAME)
    assert told(mornings, TWO_CAME) == [], "two thirds of a platform are neither a fall nor a gap: the rest may come"

    arrive(mornings, TWO_CAME + 1)
    assert told(mornings, TWO_CAME) == [("account", "g-3", "data_missing")]

    arrive(mornings, LAST)
    assert told(mornings, NOBODY) == [("account", account, "data_missing") for account in ACCOUNTS]
    assert told(mornings, LAST) == []

    said = mornings.query("SELECT insight_key, date_end, kind FROM marts.insight_feed ORDER BY ALL")
    assert {(row[1], row[2]) for row in said} >= {(day(TWO_CAME), "data_missing"), (day(NOBODY), "data_missing")}
    flags = "SELECT * FROM marts.anomaly_daily ORDER BY ALL"
    step_by_step = mornings.query(flags)
    build(mornings, day(LAST), full_refresh=True)
    assert mornings.query(flags) == step_by_step
    assert mornings.query("SELECT insight_key, date_end, kind FROM marts.insight_feed ORDER BY ALL") == said
