"""Publishing from a real ClickHouse to a real PostgreSQL: keyed, whole or not at all, a person's word stands."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from include.insights import PublishError
from include.insights import publish as publish_for
from tests.support.marts import DAY, add, feed_row, sums
from tests.support.publishing import Installation

pytestmark = pytest.mark.integration

BEFORE = DAY - timedelta(days=1)
AFTER = DAY + timedelta(days=1)


def test_a_row_arrives_as_it_is(site: Installation) -> None:
    given = feed_row()
    site.feed(given)
    report = site.publish(run_id="first")
    assert (report.inserted, report.updated, report.unchanged, report.feed_rows) == (1, 0, 0, 1)
    [row] = site.table()
    assert {name: row[name] for name in given if name not in ("impact_amount", "evidence")} == {
        name: value for name, value in given.items() if name not in ("impact_amount", "evidence")
    }
    assert row["impact_amount"] == Decimal("120.50")
    assert row["evidence"] == json.loads(given["evidence"])
    assert (row["status"], row["run_id"], row["resolved_at"]) == ("open", "first", None)


def test_unknowns_are_null(site: Installation) -> None:
    names = ("entity_id", "entity_name", "platform", "account_id", "metric", "impact_amount", "impact_currency")
    site.feed(feed_row(**dict.fromkeys(names)))
    site.publish()
    [row] = site.table()
    assert [row[name] for name in names] == [None] * len(names)


def test_publishing_again_writes_no_row(site: Installation) -> None:
    site.feed(feed_row(), feed_row("other", rank=2))
    site.publish(run_id="first")
    before = site.table()
    report = site.publish(run_id="second")
    assert site.table() == before
    assert (report.inserted, report.updated, report.unchanged, report.resolved) == (0, 0, 2, 0)
    assert [row["run_id"] for row in site.sql("SELECT run_id FROM publications ORDER BY id")] == ["first", "second"]


def test_only_the_changed_row_is_written(site: Installation) -> None:
    site.feed(feed_row(), feed_row("other", rank=2))
    site.publish(run_id="first")
    same, changed = site.table()
    site.feed(feed_row(), feed_row("other", rank=2, impact_amount=99))
    report = site.publish(run_id="second")
    assert (report.updated, report.unchanged) == (1, 1)
    now_same, now_changed = site.table()
    assert now_same == same
    assert now_changed["id"] == changed["id"]
    assert now_changed["impact_amount"] == Decimal("99.00")
    assert now_changed["run_id"] == "second"
    assert now_changed["first_seen_at"] == changed["first_seen_at"]
    assert now_changed["last_seen_at"] > changed["last_seen_at"]


def test_what_a_restatement_takes_away_is_resolved_and_may_come_back(site: Installation) -> None:
    site.feed(feed_row())
    site.publish()
    site.feed()
    assert site.publish().resolved == 1
    [row] = site.table()
    assert row["status"] == "resolved"
    assert row["resolved_at"] is not None
    assert site.publish().resolved == 0

    site.feed(feed_row())
    assert site.publish().reopened == 1
    [row] = site.table()
    assert (row["status"], row["resolved_at"]) == ("open", None)


def test_insights_of_other_dates_are_left(site: Installation) -> None:
    site.feed(feed_row("old", date_start=BEFORE, date_end=BEFORE))
    site.publish(BEFORE)
    before = site.table()
    site.feed()
    site.publish(DAY)
    assert site.table() == before


def test_an_event_that_goes_on_is_one_insight(site: Installation) -> None:
    first = feed_row("event", date_start=BEFORE, date_end=BEFORE)
    second = feed_row("event", date_start=BEFORE, date_end=DAY, impact_amount=240)
    site.judged(BEFORE)
    site.feed(first)
    site.publish(BEFORE)
    site.judged(DAY)
    site.feed(first, second)
    report = site.publish(DAY)
    assert (report.inserted, report.updated, report.resolved) == (0, 1, 0)
    [row] = site.table()
    assert (row["status"], row["date_end"], row["impact_amount"]) == ("open", DAY, Decimal("240.00"))

    # A backfill of the first day must not take the event back to it.
    before = site.table()
    site.publish(BEFORE)
    assert site.table() == before


def test_the_order_of_backfills_does_not_matter(site: Installation) -> None:
    rows = [
        feed_row("long", date_start=BEFORE, date_end=BEFORE),
        feed_row("long", date_start=BEFORE, date_end=DAY),
        feed_row("short", date_start=BEFORE, date_end=BEFORE, rank=2),
        feed_row("new", date_start=DAY, date_end=DAY, rank=2),
    ]
    for day in (BEFORE, DAY):
        site.judged(day)
    site.feed(*rows)

    def state(*order: tuple[date, ...]) -> list[tuple[Any, ...]]:
        site.sql("TRUNCATE insights")
        for days in order:
            site.publish(*days)
        return sorted((r["insight_key"], r["status"], r["date_end"], r["rank"]) for r in site.table())

    expected = state((BEFORE,), (DAY,))
    assert expected == [("long", "open", DAY, 1), ("new", "open", DAY, 2), ("short", "resolved", BEFORE, 2)]
    assert state((DAY,), (BEFORE,)) == expected
    assert state((BEFORE, DAY)) == expected


def test_what_a_restated_day_changes_in_later_days_is_published_with_it(site: Installation) -> None:
    for day in (BEFORE, DAY):
        site.judged(day)
    site.feed(feed_row("moves"), feed_row("goes", rank=2))
    site.publish(DAY)
    site.feed(feed_row("moves", impact_amount=7))
    report = site.publish(BEFORE)
    assert (report.dates, report.updated, report.resolved) == ((BEFORE.isoformat(),), 1, 1)
    assert site.statuses() == {"moves": "open", "goes": "resolved"}


def test_what_a_later_day_makes_overdue_is_published_with_it(site: Installation) -> None:
    """Nobody delivered the day in between: the feed tells so once a day after it is there."""
    site.judged(BEFORE)
    site.publish(BEFORE)
    site.judged(AFTER)
    site.feed(
        feed_row("gap", kind="data_missing", date_start=DAY, date_end=DAY),
        feed_row("long ago", date_end=DAY - timedelta(29)),
    )
    assert site.publish(AFTER).inserted == 1
    assert site.statuses() == {"gap": "open"}


def test_an_account_without_id_is_known_by_its_name(site: Installation) -> None:
    site.feed(feed_row("event", account_id="Shop EU"))
    site.publish()
    add(site.client, "mart_account_daily", sums(AFTER, 1, 1, account_id=None, account_name="Shop EU"))
    site.publish(AFTER)
    assert site.statuses() == {"event": "resolved"}


def test_workspaces_are_apart(site: Installation) -> None:
    site.feed(feed_row(), feed_row(workspace="another"))
    site.publish()
    site.feed(feed_row())
    assert site.publish().resolved == 1
    assert {r["workspace"]: r["status"] for r in site.table()} == {"demo": "open", "another": "resolved"}


def test_history_keeps_every_change_and_says_what_changed_since(site: Installation) -> None:
    site.judged(DAY)
    site.feed(feed_row("grows"), feed_row("goes", rank=2, impact_amount=50))
    site.publish(run_id="monday")
    [start] = site.sql("SELECT clock_timestamp() AS now")
    site.publish(run_id="again")
    site.feed(feed_row("grows", impact_amount=200), feed_row("comes", rank=2, impact_amount=80))
    site.publish(run_id="tuesday")
    site.feed(feed_row("grows", impact_amount=300), feed_row("comes", rank=2, impact_amount=80))
    site.publish(run_id="wednesday")
    site.sql(
        "UPDATE insights SET status = 'acknowledged', status_by = 'ana', status_at = now() WHERE insight_key = 'comes'"
    )

    history = site.sql("SELECT insight_key, change, run_id, changed_by FROM insight_history ORDER BY id")
    assert [tuple(row.values()) for row in history] == [
        ("grows", "opened", "monday", None),
        ("goes", "opened", "monday", None),
        ("grows", "updated", "tuesday", None),
        ("comes", "opened", "tuesday", None),
        ("goes", "resolved", "tuesday", None),
        ("grows", "updated", "wednesday", None),
        ("comes", "acknowledged", "tuesday", "ana"),
    ]
    net = site.sql("SELECT title, change, status, impact_before, impact_amount FROM insight_changes(%s)", start["now"])
    assert [(row["change"], row["status"], row["impact_before"], row["impact_amount"]) for row in net] == [
        ("updated", "open", Decimal("120.50"), Decimal("300.00")),
        ("new", "acknowledged", None, Decimal("80.00")),
        ("resolved", "resolved", Decimal("50.00"), Decimal("50.00")),
    ]


def test_no_feed_is_said_plainly(site: Installation) -> None:
    site.client.command("DROP TABLE marts.insight_feed")
    with pytest.raises(PublishError, match="Build the layers"):
        site.publish()


def test_no_dates_do_nothing(site: Installation) -> None:
    report = publish_for([], "run", site.settings)
    assert (report.feed_rows, report.dates) == (0, ())
    assert site.sql("SELECT * FROM publications") == []
