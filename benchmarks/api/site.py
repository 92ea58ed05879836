"""An installation with a million mart rows and fifty thousand insights, and the API's process over it.

Marts have the layout that dbt gives them: a partition a day, ordered by the entity.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg2

from include.api.access.passwords import hash_password
from include.services.programs import API_KEEP_ALIVE
from include.settings import Settings
from include.warehouse.client import connect
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of
from tests.support.processes import free_port, running, wait_for_server

WORKSPACES = 4
PASSWORD = "benchmark password"
# Sums of a mart as its contract has them; campaigns of ten accounts on four platforms, over 200 days.
_SUMS = (
    "toInt64(rand(1) % 10000) AS impressions, toInt64(rand(2) % 500) AS clicks,"
    " toDecimal128(rand(3) % 20, 6) AS conversions, toDecimal128(rand(4) % 100000, 6) / 100 AS cost,"
    " toDecimal128(rand(5) % 300000, 6) / 100 AS conversion_value, 'USD' AS currency, cost AS cost_reporting,"
    " conversion_value AS conversion_value_reporting, 'USD' AS reporting_currency, false AS is_provisional"
)
_TOTALS = ", ".join(
    [f"sum(m.{n}) AS {n}" for n in ("impressions", "clicks", "conversions", "cost", "conversion_value")]
    + ["any(m.currency) AS currency", "sum(m.cost_reporting) AS cost_reporting"]
    + ["sum(m.conversion_value_reporting) AS conversion_value_reporting"]
    + ["any(m.reporting_currency) AS reporting_currency", "max(m.is_provisional) AS is_provisional"]
)


@dataclass(frozen=True)
class Site:
    """Where things are, and a token of an analyst of the workspace ``w0``."""

    settings: Settings
    url: str
    token: str


def fill(settings: Settings, rows: int, insights: int) -> None:
    """Make the marts and the insights."""
    client = connect(settings)
    campaigns = max(rows // (WORKSPACES * 200), 1)
    client.command(
        "CREATE TABLE marts.mart_campaign_daily ENGINE = MergeTree PARTITION BY (date)"
        " ORDER BY (workspace, platform, account_id, campaign_id) SETTINGS allow_nullable_key = 1 AS"
        " SELECT concat('w', toString(number % 4)) AS workspace,"
        " ['google_ads', 'meta_ads', 'tiktok_ads', 'linkedin_ads'][intDiv(number, 4) % 4 + 1] AS platform,"
        " toNullable(toString(intDiv(number, 4) % 10)) AS account_id, toNullable(concat('Account ', account_id)) AS account_name,"
        f" toNullable(toString(intDiv(number, 4) % {campaigns})) AS campaign_id,"
        " toNullable(concat('Campaign ', campaign_id)) AS campaign_name,"
        f" toDate('2026-01-01') + toUInt16(intDiv(number, {campaigns * 4})) AS date, {_SUMS} FROM numbers({rows})"
        " SETTINGS max_partitions_per_insert_block = 1000"
    )
    for level, keys in (
        ("account", "workspace, platform, account_id, account_name, date"),
        ("platform", "workspace, platform, date"),
    ):
        client.command(_rolled(level, keys))
    client.command(
        "CREATE TABLE marts.anomaly_daily ENGINE = MergeTree PARTITION BY (date) ORDER BY (workspace, platform, entity_id)"
        " AS SELECT workspace, platform,"
        " ifNull(account_id, '') AS account_id, '' AS account_name, 'campaign' AS entity_type,"
        " ifNull(campaign_id, '') AS entity_id, ifNull(campaign_name, '') AS entity_name, date, 'cost' AS metric,"
        " toNullable(toFloat64(cost)) AS value, toNullable(toFloat64(100)) AS expected, toNullable(toFloat64(50)) AS lower,"
        " toNullable(toFloat64(150)) AS upper, toNullable(toFloat64(9)) AS z_score, 'up' AS direction,"
        " 'spend_spike' AS kind, 'high' AS severity, toNullable(toDecimal64(cost, 2)) AS impact_reporting,"
        " toNullable('USD') AS impact_currency, toUInt16(42) AS baseline_days, false AS is_provisional"
        " FROM marts.mart_campaign_daily WHERE cityHash64(campaign_id, date) % 200 = 0"
        " SETTINGS max_partitions_per_insert_block = 1000"
    )
    client.close()
    with psycopg2.connect(settings.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO insights (workspace, insight_key, kind, severity, entity_type, entity_id, entity_name, platform,"
            " metric, date_start, date_end, title, body, impact_amount, impact_currency, confidence, rank, evidence, run_id)"
            " SELECT 'w' || n %% 4, 'key ' || n, 'spend_spike', (ARRAY['low','medium','high','critical'])[n %% 4 + 1],"
            " 'campaign', n::text, 'Campaign ' || n, 'google_ads', 'cost', d, d, 'Campaign ' || n || ' spent more',"
            " 'It spent more than was to be expected.', n %% 5000, 'USD', 0.9, n %% 20 + 1, '{\"value\": 1}', 'run'"
            " FROM (SELECT n, date '2026-01-01' + n %% 200 AS d FROM generate_series(1, %s) AS n) AS x",
            (insights,),
        )
        cursor.execute("INSERT INTO users (username, password_hash) VALUES ('ana', %s)", (hash_password(PASSWORD),))
        cursor.execute("INSERT INTO memberships VALUES ('ana', 'w0', 'analyst')")
        cursor.execute("ANALYZE insights")


def _rolled(level: str, keys: str) -> str:
    grouped = ", ".join(f"m.{key} AS {key}" for key in keys.split(", "))
    return (
        f"CREATE TABLE marts.mart_{level}_daily ENGINE = MergeTree PARTITION BY (date)"
        f" ORDER BY ({keys.replace(', date', '')}) SETTINGS allow_nullable_key = 1 AS SELECT {grouped}, {_TOTALS}"
        f" FROM marts.mart_campaign_daily AS m GROUP BY {keys} SETTINGS max_partitions_per_insert_block = 1000"
    )


@contextlib.contextmanager
def site(home: Path, rows: int, insights: int, workers: int, cache_mb: int) -> Iterator[Site]:
    """Both engines filled, the API running as ``bin/insightflow up`` starts it."""
    settings = settings_of(home)
    with migrated_postgres(settings), migrated_clickhouse(settings):
        fill(settings, rows, insights)
        with api(settings, workers, cache_mb) as found:
            yield found


@contextlib.contextmanager
def api(settings: Settings, workers: int, cache_mb: int, login: tuple[str, str] = ("ana", PASSWORD)) -> Iterator[Site]:
    """The API's process over databases that run, and a log-in."""
    port = free_port()
    given = {
        "home": settings.home, "clickhouse_port": settings.clickhouse_port, "postgres_port": settings.postgres_port,
        "api_port": port, "api_cache_mb": cache_mb, "api_rate_limit": "1000000/minute",
    }  # fmt: skip
    env = {f"INSIGHTFLOW_{name.upper()}": str(value) for name, value in given.items()}
    if workers > 1:
        metrics = settings.home / "run" / "metrics"
        metrics.mkdir(parents=True, exist_ok=True)
        env["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "include.api.app:app", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--no-access-log", "--workers", str(workers), "--timeout-keep-alive", str(API_KEEP_ALIVE)]
    log = settings.home / "logs" / "api.log"
    with running(command, log, env=env, stop=signal.SIGTERM) as process:
        wait_for_server(process, log, lambda: httpx.get(f"{url}/readyz").is_success, timeout=60)
        answer = httpx.post(f"{url}/api/v1/auth/token", data={"username": login[0], "password": login[1]}, timeout=30)
        answer.raise_for_status()
        yield Site(settings, url, answer.json()["access_token"])
