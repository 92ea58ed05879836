"""The API over real databases: small marts, three insights in each of two workspaces, three users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from clickhouse_connect.driver.client import Client
from fastapi.testclient import TestClient

from include.api.access.passwords import hash_password
from include.api.app import create_app
from include.insights import publish
from include.settings import Settings
from tests.support.marts import DAY, add, add_platforms, create_marts, feed_row, sums

LogIn = Callable[[str], dict[str, str]]
PASSWORD = "correct horse"
BEFORE = DAY - timedelta(days=1)


@pytest.fixture(scope="module")
def site(postgres: Settings, clickhouse: Settings) -> Iterator[Settings]:
    """Both databases, filled."""
    from include.warehouse.client import connect

    client = connect(clickhouse)
    create_marts(client)
    _fill_marts(client)
    with psycopg2.connect(postgres.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE insights, publications, users, uploads RESTART IDENTITY CASCADE")
        hashed = hash_password(PASSWORD)
        for name, role, workspace in (
            ("ana", "analyst", "demo"),
            ("vic", "viewer", "demo"),
            ("otto", "analyst", "other"),
            ("olga", "admin", "other"),
        ):
            cursor.execute("INSERT INTO users (username, password_hash) VALUES (%s, %s)", (name, hashed))
            cursor.execute("INSERT INTO memberships VALUES (%s, %s, %s)", (name, workspace, role))
    publish([DAY], "run", postgres)
    yield postgres
    for table in ("file_ledger", "quality_results", "load_rejects", "restatement_log", "load_coverage"):
        client.command(f"TRUNCATE TABLE ops.{table}")
    client.command("DROP TABLE staging.stg_ad_performance")
    client.close()


@pytest.fixture(scope="module")
def api(site: Settings) -> Iterator[TestClient]:
    """The app, started."""
    with TestClient(create_app(site), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def log_in(api: TestClient, site: Settings) -> LogIn:
    """Headers of a logged-in user; "admin" is the settings' own."""
    known: dict[str, dict[str, str]] = {}

    def log_in(name: str) -> dict[str, str]:
        if name not in known:
            password = site.admin_password.get_secret_value() if name == "admin" else PASSWORD
            answer = api.post("/api/v1/auth/token", data={"username": name, "password": password})
            assert answer.status_code == 200, answer.text
            known[name] = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return known[name]

    return log_in


def _fill_marts(client: Client) -> None:
    google, meta = {"platform": "google_ads"}, {"platform": "meta_ads"}
    add_platforms(
        client,
        sums(DAY, 100, 300, **google, impressions=1000, clicks=50, conversions=5, is_provisional=True),
        sums(DAY, 60, 60, **meta, impressions=3000, clicks=30, conversions=3),
        # Without a rate on either day: counted, not priced at 1:1.
        sums(DAY, None, None, platform="affiliate", currency=None, impressions=None, clicks=20, conversions=None),
        sums(BEFORE, None, None, platform="affiliate", currency=None, impressions=None, clicks=10, conversions=None),
        sums(BEFORE, 80, 400, **google, impressions=1000, clicks=40, conversions=8),
        sums(DAY, 9999, 1, workspace="other"),
    )
    campaign = {"account_id": "1", "conversions": 5}
    add(
        client,
        "mart_campaign_daily",
        sums(DAY, 40, 290, **google, **campaign | {"campaign_id": "c1", "campaign_name": "Brand"}),
        sums(DAY, 60, 10, **google, **campaign | {"campaign_id": "c2", "campaign_name": "Generic"}),
        sums(DAY, 60, 0, **meta, **campaign | {"campaign_id": "c3", "campaign_name": "Video", "conversions": 0}),
        sums(DAY, 9999, 1, workspace="other", **campaign | {"campaign_id": "x", "campaign_name": "Secret"}),
    )
    add(
        client,
        "anomaly_daily",
        *(
            {"workspace": name, "platform": "google_ads", "account_id": "1", "entity_type": "campaign",
             "entity_id": entity, "entity_name": entity, "date": DAY, "metric": metric, "kind": kind,
             "severity": "high", "value": 0, "expected": 100, "lower": 80, "upper": 120, "z_score": -9,
             "direction": "down", "impact_reporting": impact, "impact_currency": "USD"}
            for name, entity, metric, kind, impact in (
                ("demo", "c1", "cost", "spend_stop", 50),
                ("demo", "c1", "clicks", "spend_stop", None),
                ("demo", "c2", "cost", "spend_stop", 50),
                ("demo", "c3", "cpc", "cpc_jump", 70),
                ("other", "x", "cost", "spend_spike", 10),
            )
        ),
    )  # fmt: skip
    add(
        client,
        "insight_feed",
        *(feed_row(f"{name} {n}", workspace=name, rank=n, impact_amount=100 * n or None, severity=severity,
                   title=f"{name} finding {n}", kind=kind, confidence=0.5 if n == 3 else 0.9)
          for name in ("demo", "other")
          for n, severity, kind in ((1, "low", "cpc_jump"), (2, "high", "spend_stop"), (3, "critical", "spend_stop"))),
        feed_row("demo 4", rank=4, impact_amount=None, impact_currency=None, title="demo finding 4"),
    )  # fmt: skip
    client.command("DROP TABLE IF EXISTS marts.int_anomaly_scores")
    client.command("CREATE TABLE marts.int_anomaly_scores AS marts.anomaly_daily")
    client.command("INSERT INTO marts.int_anomaly_scores SELECT * FROM marts.anomaly_daily")
    now = datetime.now(UTC)
    ledger = ["file_id", "workspace", "source", "uri", "status", "rows_read", "rows_loaded", "loaded_at", "error",
              "load_id", "date_max"]  # fmt: skip
    client.insert(
        "ops.file_ledger",
        [
            ["f1", "demo", "google_ads", "landing/demo/google_ads/a.csv", "loaded", 10, 10, now, "", 1, DAY],
            ["f2", "demo", "meta_ads", "landing/demo/meta_ads/b.csv", "rejected", 3, 0, now, "It is empty.", 2, None],
            ["f3", "other", "meta_ads", "landing/other/meta_ads/c.csv", "loaded", 3, 3, now, "", 3, DAY],
        ],
        column_names=ledger,
    )
    _fill_records(client, now)
    quality = ["run_id", "checked_at", "workspace", "suite", "expectation", "severity", "success", "detail"]
    client.insert(
        "ops.quality_results",
        [
            ["old", now - timedelta(days=1), "", "s", "a", "error", False, "an old error"],
            ["run", now, "", "s", "a", "error", True, "fine"],
            ["run", now, "", "s", "b", "warning", False, "b: some rows have no cost"],
        ],
        column_names=quality,
    )


def _fill_records(client: Client, now: datetime) -> None:
    """Rejected rows, restatements, coverage with a hole, typed rows: of each workspace some."""
    client.insert(
        "ops.load_rejects",
        [
            [1, "demo", "f1", 7, "bad_date", "cell `date`: 2026-13-01", "2026-13-01,1,2"],
            [1, "demo", "f1", 9, "bad_number", "cell `cost`: n/k", "=cmd|' /C calc'!A0"],
            [3, "other", "f3", 4, "bad_date", "secret", "secret"],
        ],
        column_names=["load_id", "workspace", "file_id", "row_number", "reason", "detail", "raw_text"],
    )
    restated = ["workspace", "platform", "grain", "account_id", "date", "entity_id", "entity_name", "metric", "before",
                "after", "currency", "exported_before", "exported_after", "restated_at"]  # fmt: skip
    client.insert(
        "ops.restatement_log",
        [
            [name, "google_ads", "campaign", "1", DAY, entity, "Brand", metric, 4, after, "USD", now - timedelta(days=1), now, now]
            for name, entity, metric, after in (
                ("demo", "c1", "conversions", 5), ("demo", "c1", "cost", None), ("other", "x", "cost", 9),
            )
        ],
        column_names=restated,
    )  # fmt: skip
    client.insert(
        "ops.load_coverage",
        [
            [load, file, name, source, "campaign", "1", DAY - timedelta(days=back), 5, now]
            for load, file, name, source, back in (
                (1, "f1", "demo", "google_ads", 3), (1, "f1", "demo", "google_ads", 0), (3, "f3", "other", "meta_ads", 1),
            )
        ],
        column_names=["load_id", "file_id", "workspace", "source", "grain", "account_id", "date", "rows", "loaded_at"],
    )  # fmt: skip
    client.command("DROP TABLE IF EXISTS staging.stg_ad_performance")
    names = ", ".join(f"{n}_id Nullable(String), {n}_name Nullable(String)" for n in ("campaign", "ad_group", "ad"))
    client.command(
        "CREATE TABLE staging.stg_ad_performance (workspace String, platform String, grain String, account_id"
        f" Nullable(String), account_name Nullable(String), {names}, date Date, impressions Nullable(Int64), clicks"
        " Nullable(Int64), cost Nullable(Decimal(38, 6)), conversions Nullable(Decimal(38, 6)), conversion_value"
        " Nullable(Decimal(38, 6)), currency Nullable(String), file_id String, row_number UInt64)"
        " ENGINE = MergeTree ORDER BY tuple()"
    )
    client.insert(
        "staging.stg_ad_performance",
        [
            [name, "google_ads", "campaign", "1", campaign, DAY, cost, file, line]
            for name, campaign, cost, file, line in (
                ("demo", "c1", 10, "f1", 2), ("demo", "c1", 30, "f1", 3), ("demo", "c2", 99, "f1", 4),
                ("other", "c1", 50, "f3", 5),
            )
        ],
        column_names=["workspace", "platform", "grain", "account_id", "campaign_id", "date", "cost", "file_id", "row_number"],
    )  # fmt: skip
