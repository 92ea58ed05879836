"""The summary's numbers, exactly, and the file ledger."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from fastapi.testclient import TestClient

from include.settings import Settings
from include.warehouse.client import connect
from tests.api.conftest import LogIn
from tests.support.marts import DAY, add, add_platforms, forget, sums

pytestmark = pytest.mark.integration
URL = "/api/v1/insights/summary"


@pytest.fixture(scope="module")
def summary(api: TestClient, log_in: LogIn) -> dict[str, Any]:
    answer = api.get(URL, headers=log_in("ana"))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_the_last_day_against_the_day_before(summary: dict[str, Any]) -> None:
    assert (summary["workspace"], summary["workspaces"], summary["currency"]) == ("demo", ["demo"], "USD")
    assert summary["period"] == {"date_from": "2026-06-30", "date_to": "2026-06-30", "days": 1}
    assert summary["previous"] == {"date_from": "2026-06-29", "date_to": "2026-06-29", "days": 1}


def test_totals_are_sums_and_ratios_of_sums(summary: dict[str, Any]) -> None:
    assert summary["totals"] == {
        "spend": 160, "value": 360, "impressions": 4000, "clicks": 100, "conversions": 8,
        "roas": 2.25, "roi": 1.25, "cpa": 20, "ctr": 0.025, "unpriced_rows": 1, "priced_share": 0.8,
    }  # fmt: skip
    assert summary["previous_totals"]["roas"] == 5
    assert summary["change"] == {
        "spend": 1, "value": -0.1, "clicks": 1, "conversions": 0, "roas": -0.55, "cpa": 1,
    }  # fmt: skip
    assert [(p["platform"], p["spend"]) for p in summary["platforms"]] == [
        ("google_ads", 100),
        ("meta_ads", 60),
        ("affiliate", None),
    ]


def test_days_have_their_own_ratios(summary: dict[str, Any]) -> None:
    assert [(day["roas"], day["cpa"]) for day in summary["daily"]] == [(5, 10), (2.25, 20)]


def test_conversions_without_priced_spend_make_none_cheaper(
    api: TestClient, log_in: LogIn, clickhouse: Settings
) -> None:
    """Half of the money has no rate from the second day on: its conversions are in no ratio, and no change is told."""
    days = DAY - timedelta(days=201), DAY - timedelta(days=200)
    unpriced = {"currency": "GBP", "cost": 500, "conversion_value": 900}
    client = connect(clickhouse)
    add_platforms(
        client,
        *(sums(day, 300, 600, clicks=100) for day in days),
        sums(days[0], 500, 900, platform="meta_ads", clicks=100, conversions=40),
        sums(days[1], None, None, platform="meta_ads", clicks=100, conversions=40) | unpriced,
    )
    try:
        asked = {"date_from": days[1].isoformat(), "date_to": days[1].isoformat()}
        found = api.get(URL, headers=log_in("ana"), params=asked).json()
        rows = api.get("/api/v1/analytics/roi", headers=log_in("ana"), params=asked | {"compare": "previous_period"})
        told = api.get(f"{URL}/text", headers=log_in("ana"), params=asked).json()
    finally:
        forget(client, f"date < '{days[1] + timedelta(days=1)}'")
        client.close()
    totals = found["totals"]
    assert (totals["spend"], totals["conversions"], totals["cpa"], totals["roas"]) == (300, 50, 30, 2)
    assert (totals["priced_share"], found["previous_totals"]["priced_share"]) == (0.5, 1)
    assert {name: found["change"][name] for name in ("spend", "value", "roas", "cpa")} == dict.fromkeys(
        ("spend", "value", "roas", "cpa")
    )
    assert found["change"]["conversions"] == 0, "what is no money is compared"
    assert [day["cpa"] for day in found["daily"]] == [16, 30]
    total = rows.json()["totals"]
    assert (total["cpa"], total["roas"], total["change"]["cpa"], total["change"]["clicks"]) == (30, 2, None, 0)
    assert "cost per conversion" not in told["text"]


def test_best_worst_and_waste(summary: dict[str, Any]) -> None:
    assert [(c["campaign_name"], c["profit"]) for c in summary["best"]] == [("Brand", 250)]
    assert [(c["campaign_name"], c["profit"]) for c in summary["worst"]] == [("Video", -60), ("Generic", -50)]
    waste = summary["waste"]
    assert (waste["amount"], waste["share"], waste["campaigns"]) == (60, 0.375, 1)


@pytest.mark.parametrize(
    ("first", "kind", "entity_type", "entity", "cause", "worst"),  # each its own period: answers are kept for a while
    [
        ("2026-06-28", "tracking_break", "campaign", "c3", "c3", [("Generic", -50)]),
        ("2026-06-27", "partial_load", "account", "1", "1", [("Generic", -50)]),
        ("2026-06-24", "partial_load", "campaign", "c3", "1", [("Generic", -50)]),
        ("2026-06-23", "tracking_break", "account", "1", "c9", [("Video", -60), ("Generic", -50)]),
        ("2026-06-26", "spend_stop", "campaign", "c3", "c3", [("Video", -60), ("Generic", -50)]),
        ("2026-06-25", "tracking_break", "campaign", "c9", "c9", [("Video", -60), ("Generic", -50)]),
    ],
)
def test_what_faulty_data_explain_is_not_told_as_performance(
    api: TestClient,
    log_in: LogIn,
    clickhouse: Settings,
    first: str,
    kind: str,
    entity_type: str,
    entity: str,
    cause: str,
    worst: list[Any],
) -> None:
    anomaly = {"workspace": "demo", "platform": "meta_ads", "account_id": "1", "entity_type": entity_type,
               "entity_id": entity, "entity_name": entity, "date": DAY, "metric": "conversions", "kind": kind,
               "severity": "high", "direction": "down", "cause_account_id": "1", "cause_entity_id": cause,
               "cause_entity_type": "account" if cause == "1" else "campaign"}  # fmt: skip
    client = connect(clickhouse)
    add(client, "anomaly_daily", anomaly)
    period = {"date_from": first, "date_to": "2026-06-30"}
    try:
        faulty = api.get(URL, headers=log_in("ana"), params=period).json()
    finally:
        client.command("DELETE FROM marts.anomaly_daily WHERE metric = 'conversions' AND platform = 'meta_ads'")
        client.close()
    assert [(c["campaign_name"], c["profit"]) for c in faulty["worst"]] == worst
    left_out = len(worst) == 1
    assert (faulty["unreliable"], faulty["waste"]["campaigns"]) == ((1, 0) if left_out else (0, 1))
    told = [(c["campaign_name"], c["fault"]) for c in faulty["unjudged"]]
    assert told == ([("Video", kind)] if left_out else [])
    assert [c["campaign_name"] for c in faulty["best"]] == ["Brand"], "of another platform"


def test_inbox_anomalies_freshness_and_quality(summary: dict[str, Any]) -> None:
    assert summary["insights"] == {
        "open": 4, "acknowledged": 0, "apart": 0, "at_stake": 600, "at_stake_unpriced": {}, "by_severity": {"low": 1, "high": 2, "critical": 1},
    }  # fmt: skip
    assert [(a["kind"], a["count"]) for a in summary["anomalies"]] == [("spend_stop", 2), ("cpc_jump", 1)]
    freshness = summary["freshness"]
    assert (freshness["last_date"], freshness["provisional_days"], freshness["unpriced"]) == ("2026-06-30", 1, 1)
    assert freshness["files"] == {"loaded": 1, "rejected": 1}
    assert freshness["last_loaded_at"] is not None
    assert freshness["last_published_at"] is not None
    quality = summary["quality"]
    assert (quality["state"], quality["warnings"], quality["errors"]) == ("warning", 1, 0)
    # The check is of all workspaces: what it saw is not told to a caller who sees one.
    assert quality["messages"] == ["b does not hold"]
    assert [day["date"] for day in summary["daily"]] == ["2026-06-29", "2026-06-30"]


def test_money_of_several_currencies_is_not_added_up(api: TestClient, log_in: LogIn, site: Settings) -> None:
    def become(currency: str) -> None:
        with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE insights SET impact_currency = %s WHERE title = 'demo finding 2'", (currency,))

    become("JPY")
    try:
        time.sleep(0.6)  # answers are that old at most
        inbox = api.get(URL, headers=log_in("ana")).json()["insights"]
        told = api.get(f"{URL}/text", headers=log_in("ana")).json()["text"]
    finally:
        become("USD")
        time.sleep(0.6)
    assert (inbox["open"], inbox["at_stake"], inbox["at_stake_unpriced"]) == (4, 400, {"JPY": 200})
    assert "with 400.00 USD and 200.00 JPY at stake" in told


def test_a_period_without_numbers_is_empty_not_wrong(api: TestClient, log_in: LogIn) -> None:
    params = {"date_from": "2020-01-01", "date_to": "2020-01-31"}
    summary = api.get(URL, headers=log_in("ana"), params=params).json()
    assert set(summary["totals"].values()) <= {None, 0}
    assert summary["change"]["spend"] is None
    assert (summary["best"], summary["worst"], summary["waste"]["amount"]) == ([], [], 0)


def test_a_period_whose_money_has_no_rate_is_not_empty(api: TestClient, log_in: LogIn, site: Settings) -> None:
    day = DAY - timedelta(days=250)
    row = sums(day, None, None) | {"cost": 70, "conversion_value": 90, "currency": "GBP"}
    client = connect(site)
    add_platforms(client, row)
    asked = {"date_from": day.isoformat(), "date_to": day.isoformat()}
    try:
        found = api.get(URL, headers=log_in("ana"), params=asked).json()
        told = api.get(f"{URL}/text", headers=log_in("ana"), params=asked).json()["text"]
        trend = api.get("/api/v1/analytics/trends", headers=log_in("ana"), params=asked).json()
    finally:
        forget(client, f"date = '{day}'")
        client.close()
    assert (found["totals"]["spend"], found["totals"]["clicks"]) == (None, 100)
    assert found["freshness"]["unpriced_currencies"] == ["GBP"]
    assert told.startswith(
        f"On {day:%A} {day.day} {day:%B %Y}, no money is known in the reporting currency. There is no exchange rate for GBP"
    )
    [point] = trend["series"][0]["points"]
    assert (point["values"]["cost"], point["has_data"], point["unpriced_rows"]) == (None, True, 1)


def test_platforms_are_known_also_where_the_period_has_none_of_them(api: TestClient, log_in: LogIn) -> None:
    params = {"date_from": "2026-06-29", "date_to": "2026-06-29"}
    found = api.get(URL, headers=log_in("ana"), params=params).json()
    assert found["known_platforms"] == ["affiliate", "google_ads", "meta_ads"]
    assert "meta_ads" not in [row["platform"] for row in found["platforms"]]


def test_the_admin_sees_the_installation_s_workspace_and_may_choose(api: TestClient, log_in: LogIn) -> None:
    assert api.get(URL, headers=log_in("admin")).json()["workspaces"] == ["demo", "other"]
    other = api.get(URL, headers=log_in("admin"), params={"workspace": "other"}).json()
    assert (other["workspace"], other["totals"]["spend"]) == ("other", 9999)
    assert api.get(URL, headers=log_in("otto")).json()["workspace"] == "other"


def test_the_ledger_is_scoped(api: TestClient, log_in: LogIn) -> None:
    files = api.get("/api/v1/data/files", headers=log_in("ana")).json()["items"]
    assert [(f["file_id"], f["status"], f["error"]) for f in files] == [
        ("f1", "loaded", ""),
        ("f2", "rejected", "It is empty."),
    ]
    rejected = api.get("/api/v1/data/files", headers=log_in("ana"), params={"status": "rejected"}).json()["items"]
    assert [f["file_id"] for f in rejected] == ["f2"]
    assert api.get("/api/v1/data/files", headers=log_in("otto"), params={"workspace": "demo"}).status_code == 404
