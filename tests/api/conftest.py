"""The API over real databases: small marts, three insights in each of two workspaces, three users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from clickhouse_connect.driver.client import Client
from fastapi.testclient import TestClient

from include.api.app import create_app
from include.api.auth import hash_password
from include.insights import publish
from include.settings import Settings
from tests.support.marts import DAY, add, create_marts, feed_row, sums

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
        cursor.execute("TRUNCATE insights, publications, users RESTART IDENTITY")
        for name, role, workspaces in (
            ("ana", "analyst", ["demo"]),
            ("vic", "viewer", ["demo"]),
            ("otto", "analyst", ["other"]),
        ):
            cursor.execute(
                "INSERT INTO users (username, password_hash, role, workspaces) VALUES (%s, %s, %s, %s)",
                (name, hash_password(PASSWORD), role, workspaces),
            )
    publish([DAY], "run", postgres)
    yield postgres
    for table in ("ops.file_ledger", "ops.quality_results"):
        client.command(f"TRUNCATE TABLE {table}")
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
    add(
        client,
        "mart_platform_daily",
        sums(DAY, 100, 300, **google, impressions=1000, clicks=50, conversions=5, is_provisional=True),
        sums(DAY, 60, 60, **meta, impressions=3000, clicks=30, conversions=3),
        # A day without a rate: counted, not priced at 1:1.
        sums(DAY, None, None, platform="affiliate", impressions=None, clicks=20, conversions=None),
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
             "entity_id": entity, "date": DAY, "metric": metric, "kind": kind, "severity": "high"}
            for name, entity, metric, kind in (
                ("demo", "c1", "cost", "spend_stop"),
                ("demo", "c1", "clicks", "spend_stop"),
                ("demo", "c2", "cost", "spend_stop"),
                ("demo", "c3", "cpc", "cpc_jump"),
                ("other", "x", "cost", "spend_spike"),
            )
        ),
    )  # fmt: skip
    add(
        client,
        "insight_feed",
        *(feed_row(f"{name} {n}", workspace=name, rank=n, impact_amount=100 * n or None, severity=severity,
                   title=f"{name} finding {n}", kind=kind)
          for name in ("demo", "other")
          for n, severity, kind in ((1, "low", "cpc_jump"), (2, "high", "spend_stop"), (3, "critical", "spend_stop"))),
        feed_row("demo 4", rank=4, impact_amount=None, impact_currency=None, title="demo finding 4"),
    )  # fmt: skip
    now = datetime.now(UTC)
    ledger = ["file_id", "workspace", "source", "uri", "status", "rows_read", "rows_loaded", "loaded_at", "error"]
    client.insert(
        "ops.file_ledger",
        [
            ["f1", "demo", "google_ads", "landing/demo/google_ads/a.csv", "loaded", 10, 10, now, ""],
            ["f2", "demo", "meta_ads", "landing/demo/meta_ads/b.csv", "rejected", 3, 0, now, "It is empty."],
            ["f3", "other", "meta_ads", "landing/other/meta_ads/c.csv", "loaded", 3, 3, now, ""],
        ],
        column_names=ledger,
    )
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
