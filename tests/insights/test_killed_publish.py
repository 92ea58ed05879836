"""Publishing killed by `kill -9` at random points leaves the rows of an undisturbed publication, also in backfills."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg2
import psycopg2.extras
import pytest
from clickhouse_connect.driver.client import Client

from include.insights import publish
from include.insights.feed import COLUMNS
from include.settings import Settings
from tests.support.marts import DAY, add, create_marts, feed_row, sums

pytestmark = pytest.mark.integration

DAYS = [DAY - timedelta(back) for back in range(5, -1, -1)]
EVENTS = 250  # that last up to three days each
KILLS = 16
Rows = list[dict[str, Any]]


def feed() -> Rows:
    """Events that begin on random days and last one to three; each day's rows are ranked, those after 200 beyond the cap."""
    rng = random.Random(5)
    rows = []
    for number in range(EVENTS):
        first = rng.randrange(len(DAYS))
        for index in range(first, min(first + rng.randint(1, 3), len(DAYS))):
            amount = rng.randrange(1000, 90000) / 100
            rows.append(
                feed_row(
                    f"event {number}", date_start=DAYS[first], date_end=DAYS[index], impact_amount=amount,
                    kind=rng.choice(["spend_spike", "cpc_jump", "partial_load"]), title=f"Event {number}, {amount}",
                )
            )  # fmt: skip
    for day in DAYS:
        of_day = sorted((row for row in rows if row["date_end"] == day), key=lambda row: -row["impact_amount"])
        for rank, row in enumerate(of_day, 1):
            row |= {"rank": rank, "is_beyond_cap": rank > 60}
    return rows


@pytest.fixture(scope="module")
def site(postgres: Settings, clickhouse: Settings) -> Iterator[Settings]:
    from include.warehouse.client import connect

    client: Client = connect(clickhouse)
    create_marts(client)
    add(client, "insight_feed", *feed())
    for day in DAYS:
        add(client, "mart_account_daily", sums(day, 1, 1, account_id="1"))
    yield postgres
    create_marts(client)
    client.close()


def sql(site: Settings, query: str) -> Rows:
    with (
        psycopg2.connect(site.postgres_dsn()) as connection,
        connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor,
    ):
        cursor.execute(query)
        return [dict(row) for row in cursor.fetchall()] if cursor.description else []


def table(site: Settings) -> Rows:
    """What the order of publications may not change: all but ids, times and the run's name."""
    names = ", ".join(COLUMNS)
    return sql(site, f"SELECT {names}, status, resolved_at IS NOT NULL AS is_resolved FROM insights ORDER BY 1, 2")


def emptied(site: Settings) -> None:
    sql(site, "TRUNCATE insights, insight_history, publications RESTART IDENTITY")


def killed_after(site: Settings, seconds: float, *days: date) -> bool:
    """Publish in a process of its own, as a task does, and kill it; say whether it was still at work."""
    process = multiprocessing.get_context("fork").Process(target=publish, args=(days, "killed", site))
    process.start()
    time.sleep(seconds)
    process.kill()
    process.join()
    return process.exitcode == -9


@pytest.fixture(scope="module")
def undisturbed(site: Settings) -> tuple[Rows, float]:
    """The rows that day after day leaves, and the seconds of a day."""
    emptied(site)
    publish(DAYS[:1], "first", site)
    started = time.monotonic()
    for day in DAYS[1:]:
        publish([day], "daily", site)
    return table(site), (time.monotonic() - started) / (len(DAYS) - 1)


def test_a_killed_publication_leaves_all_or_nothing_and_its_repeat_the_same_rows(
    site: Settings, undisturbed: tuple[Rows, float]
) -> None:
    rng = random.Random(11)
    expected, seconds = undisturbed
    assert {row["status"] for row in expected} == {"open", "resolved"}
    assert len(expected) > 200
    emptied(site)
    for day in DAYS[:-1]:
        publish([day], "daily", site)
    before = table(site)
    interrupted = 0
    for _ in range(KILLS):
        interrupted += killed_after(site, rng.uniform(0, 1.2 * seconds), DAYS[-1])
        found = table(site)
        assert found in (before, expected), "half a publication"
    assert interrupted >= KILLS // 4, "kills that came in time"
    publish([DAYS[-1]], "again", site)
    assert table(site) == expected
    publish([DAYS[-1]], "again", site)
    assert table(site) == expected


@pytest.mark.parametrize("seed", [1, 2])
def test_a_backfill_in_any_order_that_is_killed_and_goes_on_leaves_the_same_rows(
    site: Settings, undisturbed: tuple[Rows, float], seed: int
) -> None:
    rng = random.Random(seed)
    expected, seconds = undisturbed
    emptied(site)
    order = rng.sample(DAYS, len(DAYS))
    for day in order:
        killed_after(site, rng.uniform(0, 1.2 * seconds), day)
        publish([day], "retry", site)
    assert table(site) == expected
    history = sql(site, "SELECT insight_key, status FROM insights EXCEPT SELECT insight_key, last_value(status) OVER"
                        " (PARTITION BY insight_key ORDER BY id RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
                        " FROM insight_history")  # fmt: skip
    assert history == [], "the history ends in the state that the table has"
