"""Small marts for tests of what reads them: the columns of the contract, filled by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from clickhouse_connect.driver.client import Client

DAY = date(2026, 6, 30)

_SUMS = (
    "date Date, impressions Nullable(Int64), clicks Nullable(Int64), conversions Nullable(Decimal(38, 6)),"
    " cost Nullable(Decimal(38, 6)), conversion_value Nullable(Decimal(38, 6)), currency Nullable(String),"
    " cost_reporting Nullable(Decimal(38, 6)), conversion_value_reporting Nullable(Decimal(38, 6)),"
    " reporting_currency Nullable(String), is_provisional Bool"
)
_KEYS = "workspace String, platform String"
_ACCOUNT = f"{_KEYS}, account_id Nullable(String), account_name Nullable(String)"

_FEED = (
    "workspace String, insight_key String, kind String, severity String, entity_type String,"
    " entity_id Nullable(String), entity_name Nullable(String), platform Nullable(String),"
    " account_id Nullable(String), metric Nullable(String), date_start Date, date_end Date, title String,"
    " body String, next_step String, impact_basis String, impact_amount Nullable(Decimal(18, 2)), impact_currency Nullable(String),"
    " confidence Float64, rank UInt32, evidence String, is_provisional Bool, is_beyond_cap Bool"
)

TABLES = {
    "mart_platform_daily": f"{_KEYS}, {_SUMS}",
    "mart_account_daily": f"{_ACCOUNT}, {_SUMS}",
    "mart_campaign_daily": f"{_ACCOUNT}, campaign_id Nullable(String), campaign_name Nullable(String), {_SUMS}",
    "anomaly_daily": (
        f"{_ACCOUNT}, entity_type String, entity_id String, entity_name String, date Date, metric String,"
        " value Nullable(Float64), expected Nullable(Float64), lower Nullable(Float64), upper Nullable(Float64),"
        " z_score Nullable(Float64), direction String, kind String, severity String,"
        " impact_reporting Nullable(Decimal(18, 2)), impact_currency Nullable(String), baseline_days UInt16,"
        " is_provisional Bool, cause_entity_type String, cause_account_id Nullable(String), cause_entity_id String"
    ),
    "insight_feed": _FEED,
    "insight_budgets": _FEED,
    "insight_budgets_unpriced": (
        "workspace String, insight_key String, unpriced_since Date, currencies Array(String), reason String, next_step String"
    ),
}


def create_marts(client: Client) -> None:
    """Make the tables, empty, in place of any of that name."""
    for name, columns in TABLES.items():
        client.command(f"DROP TABLE IF EXISTS marts.{name}")
        client.command(f"CREATE TABLE marts.{name} ({columns}) ENGINE = MergeTree ORDER BY tuple()")


def add(client: Client, table: str, *rows: Mapping[str, Any]) -> None:
    """Insert rows, each with the same keys."""
    names = list(rows[0])
    client.insert(f"marts.{table}", [[row[name] for name in names] for row in rows], column_names=names)


def add_platforms(client: Client, *rows: Mapping[str, Any]) -> None:
    """Insert rows of platforms, each the sum of one account."""
    add(client, "mart_platform_daily", *rows)
    add(client, "mart_account_daily", *({"account_id": "1"} | row for row in rows))


def forget(client: Client, condition: str) -> None:
    """Delete rows of platforms and of their accounts."""
    for table in ("mart_platform_daily", "mart_account_daily"):
        client.command(f"DELETE FROM marts.{table} WHERE {condition}")


def feed_row(key: str = "spend_stop|google_ads|1|campaign|c1|2026-06-30", **changes: Any) -> dict[str, Any]:
    """A row of the feed, correct unless changed."""
    row: dict[str, Any] = {
        "workspace": "demo",
        "insight_key": key,
        "kind": "spend_stop",
        "severity": "high",
        "entity_type": "campaign",
        "entity_id": "c1",
        "entity_name": 'Brand, “quoted” "US"',
        "platform": "google_ads",
        "account_id": "1",
        "metric": "cost",
        "date_start": DAY,
        "date_end": DAY,
        "title": "Brand stopped spending",
        "body": "No spend on 30 June,\nexpected 120.00 USD. \\N is no NULL.",
        "next_step": "Check its status, budget and payment.",
        "impact_basis": "Expected spend less the spend.",
        "impact_amount": 120.5,
        "impact_currency": "USD",
        "confidence": 0.9,
        "rank": 1,
        "evidence": '{"expected": 120.5, "days": ["2026-06-30"]}',
        "is_provisional": False,
    }
    return row | changes


def sums(day: date, spend: float | None, value: float | None, **more: Any) -> dict[str, Any]:
    """The metric columns of a mart's row; account currency is reporting currency."""
    row: dict[str, Any] = {
        "workspace": "demo",
        "platform": "google_ads",
        "date": day,
        "impressions": 1000,
        "clicks": 100,
        "conversions": 10,
        "cost": spend,
        "conversion_value": value,
        "currency": "USD",
        "cost_reporting": spend,
        "conversion_value_reporting": value,
        "reporting_currency": "USD",
        "is_provisional": False,
    }
    return row | more
