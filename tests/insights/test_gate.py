"""The gate before publishing: nothing faulty, failed or stale gets through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.insights import PublishError
from tests.support.marts import DAY, add, feed_row
from tests.support.publishing import Installation

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([feed_row(), feed_row(title="twice")], "repeat"),
        ([feed_row(title="")], "no title"),
        ([feed_row(next_step="")], "no next_step"),
        ([feed_row(workspace="")], "no workspace"),
        ([feed_row(severity="urgent")], "unknown severity"),
        ([feed_row(confidence=float("nan"))], "confidence"),
        ([feed_row(rank=0)], "no rank"),
        ([feed_row(evidence="{")], "not JSON"),
        ([feed_row(impact_currency=None)], "without currency"),
    ],
)
def test_the_gate_lets_nothing_faulty_through(site: Installation, rows: list[dict[str, Any]], complaint: str) -> None:
    site.feed(feed_row("good"))
    site.publish()
    before = site.table()
    site.feed(feed_row("new"), *rows)
    with pytest.raises(PublishError, match=complaint):
        site.publish()
    assert site.table() == before


def quality(site: Installation, run_id: str, checked_at: datetime, success: bool) -> None:
    row = {
        "run_id": run_id, "checked_at": checked_at, "workspace": "demo", "suite": "staging", "expectation": "no negatives",
        "severity": "error", "success": success, "detail": "2 rows of cost are negative",
    }  # fmt: skip
    site.client.insert("ops.quality_results", [list(row.values())], column_names=list(row))


def built(site: Installation, run_id: str, layer: str, finished_at: datetime) -> None:
    row = {
        "run_id": run_id,
        "finished_at": finished_at,
        "layer": layer,
        "node": layer,
        "resource_type": "model",
        "status": "success",
    }
    site.client.insert("ops.dbt_results", [list(row.values())], column_names=list(row))


NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_data_that_failed_its_checks_are_not_published_until_they_pass(site: Installation) -> None:
    site.feed(feed_row())
    quality(site, "bad", NOON, success=False)
    with pytest.raises(PublishError, match=r"1 quality checks of this run failed.*negative"):
        site.publish(run_id="bad")
    assert site.table() == []
    assert site.publish(run_id="another").inserted == 1, "another run's data are another run's"
    quality(site, "bad", NOON + timedelta(minutes=1), success=True)
    assert site.publish(run_id="bad").unchanged == 1


def test_a_feed_older_than_its_marts_is_not_published(site: Installation) -> None:
    site.feed(feed_row())
    built(site, "stale", "insights", NOON)
    built(site, "stale", "marts", NOON + timedelta(minutes=1))
    with pytest.raises(PublishError, match="newer than its insights"):
        site.publish(run_id="stale")
    built(site, "stale", "insights", NOON + timedelta(minutes=2))
    assert site.publish(run_id="stale").inserted == 1


def test_a_feed_without_its_critical_anomalies_is_not_published(site: Installation) -> None:
    anomaly = {
        "workspace": "demo", "platform": "google_ads", "account_id": "1", "entity_type": "campaign", "entity_id": "c1",
        "date": DAY, "metric": "cost", "kind": "spend_stop", "severity": "critical", "impact_currency": "USD",
    }  # fmt: skip
    add(site.client, "anomaly_daily", anomaly)
    site.feed(feed_row(workspace="another"))
    with pytest.raises(PublishError, match=r"critical anomalies in 1 workspaces \(demo\)"):
        site.publish()
    site.feed(feed_row())
    assert site.publish().inserted == 1
