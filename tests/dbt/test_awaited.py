"""Accounts whose files come one after the other, or not at all: when a day of theirs is told missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.dbt.conftest import Project
from tests.dbt.test_anomalies import Campaign, build, day, generate, planted_campaigns

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ACCOUNTS = ("g-1", "g-2", "g-3")
# Days with data of all accounts of `mornings`: 0 to 59, 61, 63; on day 60 the last one has not come, on day 62 nobody.
TWO_CAME, NOBODY, LAST = 60, 62, 63
# When a campaign of the first account of `bench` is clicked too little.
DROPS = 80
MISSING = "SELECT insight_key, date_end, kind FROM marts.insight_feed WHERE workspace = 'mornings' ORDER BY ALL"
FEED = (
    f"SELECT insight_key FROM marts.insight_feed WHERE workspace = 'bench' AND date_end = '{day(DROPS)}'"
    " AND kind NOT IN ('top_performer', 'worst_performer')"
)

Rows = list[dict[str, Any]]
Told = list[tuple[Any, ...]]


def mornings() -> Rows:
    campaigns = [Campaign("google_ads", account, "USD", f"Search of {account}", 2000) for account in ACCOUNTS]
    there = {TWO_CAME: {"g-1", "g-2"}, NOBODY: set[str]()}
    return [
        row
        for row in generate(campaigns, days=LAST + 1, workspace="mornings")
        if row["account_id"] in there.get((row["date"] - day(0)).days, ACCOUNTS)
    ]


@dataclass
class House:
    """Two clients whose files come in the same runs, and what each run told: of days of ``mornings``, and in the feed of
    ``bench``."""

    project: Project
    mornings: Rows
    bench: Rows
    runs: list[dict[int, Told]] = field(default_factory=list)
    feeds: list[set[str]] = field(default_factory=list)

    def begin(self) -> None:
        """The history before: of one client up to the day on which two come, of the other up to the drops."""
        self.project.clear()
        days = [day(index) for index in range(DROPS)]
        for first in range(0, len(days), 50):  # a block may touch 100 partitions at most
            part = set(days[first : first + 50])
            self.project.stage(
                [row for row in self.mornings if row["date"] in part and row["date"] < day(TWO_CAME)]
                + [row for row in self.bench if row["date"] in part]
            )
        build(self.project, full_refresh=True)

    def run(self, index: int, *there: str) -> None:
        """The day's files of ``mornings`` come, those of some accounts of ``bench`` are there; their days are built."""
        self.project.stage(row for row in self.mornings + self.bench if row["date"] == day(index))
        self.project.stage(row for row in self.bench if row["date"] == day(DROPS) and row["account_id"] in there)
        build(self.project, day(index), day(DROPS))
        self.runs.append({of: self.told(of) for of in (TWO_CAME, NOBODY, LAST)})
        self.feeds.append({key for (key,) in self.project.query(FEED)})

    def told(self, index: int) -> Told:
        return self.project.query(
            "SELECT DISTINCT entity_type, entity_id, kind FROM marts.anomaly_daily"
            f" WHERE workspace = 'mornings' AND date = '{day(index)}' ORDER BY ALL"
        )


@pytest.fixture(scope="module")
def house(dbt_warehouse: Project) -> Iterator[House]:
    place = House(dbt_warehouse, mornings(), generate(planted_campaigns()))
    place.begin()
    place.run(TWO_CAME, "g-1")
    place.run(TWO_CAME + 1, "g-1", "m-1")
    place.run(LAST, "g-1", "m-1", "m-2")
    yield place
    dbt_warehouse.clear()


def test_what_has_not_come_is_awaited_first_and_missing_once_a_later_day_is_there(house: House) -> None:
    first, second, third = house.runs
    assert first[TWO_CAME] == [], "two thirds of a platform are neither a fall nor a gap: the rest may come"
    assert second[TWO_CAME] == [("account", "g-3", "data_missing")]
    assert third[NOBODY] == [("account", account, "data_missing") for account in ACCOUNTS]
    assert third[LAST] == []

    said = house.project.query(MISSING)
    assert {(row[1], row[2]) for row in said} >= {(day(TWO_CAME), "data_missing"), (day(NOBODY), "data_missing")}
    flags = "SELECT * FROM marts.anomaly_daily WHERE workspace = 'mornings' ORDER BY ALL"
    step_by_step = house.project.query(flags)
    build(house.project, day(LAST), full_refresh=True)
    assert house.project.query(flags) == step_by_step
    assert house.project.query(MISSING) == said

    # A newer export without the rows of `mornings`.
    house.project.stage(row for row in house.bench if row["date"] == day(LAST))
    build(house.project, day(LAST))
    assert house.told(NOBODY) == [], "the file of the later day was taken back: who knows whether it came"
    assert house.told(TWO_CAME), "of this one a later day is there still"
    assert (day(NOBODY), "data_missing") not in {(row[1], row[2]) for row in house.project.query(MISSING)}


def test_what_a_morning_s_first_files_tell_is_not_taken_back_by_the_rest(house: House) -> None:
    """Google's file comes first, Meta's two accounts one by one; each drop is a run, and what it tells is published. Only
    the best and the worst may change, for whoever comes is compared with them."""
    first, second, third = house.feeds
    assert first
    assert not first - second
    assert not second - third
