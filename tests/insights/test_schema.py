"""Migrations of the PostgreSQL schema, on a real server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from include.insights import upgrade
from include.settings import Settings

pytestmark = pytest.mark.integration

# The public contract.
CONTRACT = [
    "id",
    "workspace",
    "insight_key",
    "kind",
    "severity",
    "status",
    "entity_type",
    "entity_id",
    "entity_name",
    "platform",
    "account_id",
    "metric",
    "date_start",
    "date_end",
    "title",
    "body",
    "impact_amount",
    "impact_currency",
    "evidence",
    "first_seen_at",
    "last_seen_at",
    "resolved_at",
    "run_id",
]


def test_upgrade_twice_is_the_same_revision(postgres: Settings) -> None:
    assert upgrade(postgres) == upgrade(postgres) == "0006"


def test_upgrades_at_the_same_time_take_turns(postgres: Settings) -> None:
    with psycopg2.connect(postgres.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(upgrade, [postgres] * 4)) == {"0006"}


def test_insights_has_the_columns_of_the_contract(postgres: Settings) -> None:
    with psycopg2.connect(postgres.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'insights'")
        columns = {row[0] for row in cursor.fetchall()}
    assert columns >= {*CONTRACT, "confidence", "rank"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("severity", "urgent"),
        ("status", "closed"),
        ("confidence", 1.5),
        ("rank", 0),
        ("workspace", ""),
        ("date_end", "2026-06-01"),
        ("resolved_at", "2026-06-30T00:00:00Z"),
    ],
)
def test_the_table_refuses_what_makes_no_sense(postgres: Settings, column: str, value: object) -> None:
    row: dict[str, object] = {
        "workspace": "demo", "insight_key": "k", "kind": "spend_stop", "severity": "high", "entity_type": "campaign",
        "date_start": "2026-06-30", "date_end": "2026-06-30", "title": "t", "body": "b", "rank": 1, "run_id": "r",
    }  # fmt: skip
    row[column] = value
    names = ", ".join(row)
    marks = ", ".join(["%s"] * len(row))
    with (
        pytest.raises(psycopg2.errors.CheckViolation),
        psycopg2.connect(postgres.postgres_dsn()) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"INSERT INTO insights ({names}) VALUES ({marks})", list(row.values()))
