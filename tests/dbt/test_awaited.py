"""Accounts whose files come one after the other, or not at all: when a day of theirs is told missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.dbt.conftest import Project
from tests.dbt.test_anomalies import Campaign, build, day, generate, planted_campaigns

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


@pytest.fixture
def warehouse(dbt_warehouse: Project) -> Iterator[Project]:
    dbt_warehouse.clear()
    yield dbt_warehouse
    dbt_warehouse.clear()


def begin(project: Project, known: list[dict[str, Any]]) -> None:
    """Build a history."""
    days = sorted({row["date"] for row in known})
    for first in range(0, len(days), 50):  # a block may touch 100 partitions at most
        part = set(days[first : first + 50])
        project.stage(row for row in known if row["date"] in part)
    build(project, full_refresh=True)


def arrive(project: Project, index: int) -> None:
    """The day's files come and the day is built."""
    project.stage(row for row in rows() if row["date"] == day(index))
    build(project, day(index))


def told(project: Project, index: int) -> list[tuple[str, str, str]]:
    return project.query(
        f"SELECT DISTINCT entity_type, entity_id, kind FROM marts.anomaly_daily WHERE date = '{day(index)}' ORDER BY ALL"
    )


def test_what_has_not_come_is_awaited_first_and_missing_once_a_later_day_is_there(warehouse: Project) -> None:
    begin(warehouse, [row for row in rows() if row["date"] < day(TWO_CAME)])

    arrive(warehouse, TWO_CAME)
    assert told(warehouse, TWO_CAME) == [], "two thirds of a platform are neither a fall nor a gap: the rest may come"

    arrive(warehouse, TWO_CAME + 1)
    assert told(warehouse, TWO_CAME) == [("account", "g-3", "data_missing")]

    arrive(warehouse, LAST)
    assert told(warehouse, NOBODY) == [("account", account, "data_missing") for account in ACCOUNTS]
    assert told(warehouse, LAST) == []

    said = warehouse.query("SELECT insight_key, date_end, kind FROM marts.insight_feed ORDER BY ALL")
    assert {(row[1], row[2]) for row in said} >= {(day(TWO_CAME), "data_missing"), (day(NOBODY), "data_missing")}
    flags = "SELECT * FROM marts.anomaly_daily ORDER BY ALL"
    step_by_step = warehouse.query(flags)
    build(warehouse, day(LAST), full_refresh=True)
    assert warehouse.query(flags) == step_by_step
    assert warehouse.query("SELECT insight_key, date_end, kind FROM marts.insight_feed ORDER BY ALL") == said

    warehouse.unstage(day(LAST))
    build(warehouse, day(LAST))
    assert told(warehouse, NOBODY) == [], "the file of the later day was taken back: who knows whether it came"
    assert told(warehouse, TWO_CAME), "of this one a later day is there still"
    assert (day(NOBODY),) not in warehouse.query("SELECT date_end FROM marts.insight_feed WHERE kind = 'data_missing'")


def test_what_a_morning_s_first_files_tell_is_not_taken_back_by_the_rest(warehouse: Project) -> None:
    """Google's file comes first, Meta's two accounts one by one; each drop is a run, and what it tells is published. Only
    the best and the worst may change, for whoever comes is compared with them."""
    everything = generate(planted_campaigns())
    last = day(80)  # when a campaign of the first account is clicked too little
    feed = f"SELECT insight_key FROM marts.insight_feed WHERE date_end = '{last}' AND kind NOT IN ('top_performer', 'worst_performer')"
    begin(warehouse, [row for row in everything if row["date"] < last])
    told = []
    for there in ({"g-1"}, {"g-1", "m-1"}, {"g-1", "m-1", "m-2"}):
        warehouse.stage(row for row in everything if row["date"] == last and row["account_id"] in there)
        build(warehouse, last)
        told.append({key for (key,) in warehouse.query(feed)})
    assert told[0]
    assert not told[0] - told[1]
    assert not told[1] - told[2]
