"""Tables made like the ones before them, while the project is the one that made these."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from include.settings import Settings
from include.transform import build, structures
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of

pytestmark = pytest.mark.integration

DAYS = [date(2026, 6, 30)]
# An incremental table, and one that every run makes anew; each with its column of days.
TABLES = [("facts", "marts.int_fx_rates_daily", "date"), ("anomalies", "staging.int_anomaly_movements", "day")]


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Every layer up to the anomalies, built once, on engines of its own: other tests make marts by hand."""
    settings = settings_of(tmp_path_factory.mktemp("structures"))
    with migrated_postgres(settings), migrated_clickhouse(settings):
        for layer in ("staging", "facts", "marts", "anomalies"):
            build(layer, DAYS, "structures", settings=settings, tests=False)
        yield settings


def known(settings: Settings) -> set[str]:
    return set(structures.environment(settings)[structures.KNOWN].split(","))


def creations(warehouse: Client, table: str) -> list[str]:
    """How the last statement that made a table for the new rows of this one begins."""
    warehouse.command("SYSTEM FLUSH LOGS")
    name = table.split(".")[1]
    rows = warehouse.query(
        "SELECT replaceRegexpAll(query, '\\\\s+', ' ') FROM system.query_log WHERE type = 'QueryFinish'"
        f" AND query_kind = 'Create' AND query LIKE '%`{name}\\_\\_dbt%' ORDER BY event_time_microseconds DESC LIMIT 1"
    ).result_rows
    return [str(row[0]) for row in rows]


@pytest.mark.parametrize(("layer", "table", "column"), TABLES)
def test_the_second_table_of_a_model_is_made_like_the_first(
    clickhouse: Settings, warehouse: Client, layer: str, table: str, column: str
) -> None:
    assert table in known(clickhouse), column
    build(layer, DAYS, "again", settings=clickhouse, tests=False)
    database, name = table.split(".")
    assert [text for text in creations(warehouse, table) if f"as `{database}`.`{name}`" in text]
    assert table in known(clickhouse)


@pytest.mark.parametrize(("layer", "table", "column"), TABLES)
def test_a_table_of_another_project_is_asked_about_and_marked(
    clickhouse: Settings, warehouse: Client, layer: str, table: str, column: str
) -> None:
    warehouse.command(f"INSERT INTO {table} ({column}) SELECT toDate('{DAYS[0]}')")  # to be replaced, by nothing
    warehouse.command(f"ALTER TABLE {table} MODIFY COMMENT 'project of last week'")
    assert table not in known(clickhouse)
    build(layer, DAYS, "marked", settings=clickhouse, tests=False)
    assert [text for text in creations(warehouse, table) if "comment 'project" in text]
    assert table in known(clickhouse)


def test_many_dates_are_synced_at_once_and_their_tables_sync_again(clickhouse: Settings, warehouse: Client) -> None:
    build("facts", [date(2026, 5, 1) + timedelta(days=n) for n in range(40)], "many", settings=clickhouse, tests=False)
    warehouse.command("SYSTEM FLUSH LOGS")
    rows = warehouse.query(
        "SELECT countIf(query LIKE '%system sync file cache%'), countIf(query LIKE '%modify setting fsync%'),"
        " countIf(query LIKE '%reset setting fsync%') FROM system.query_log"
        " WHERE type = 'QueryFinish' AND query_kind IN ('Alter', 'System')"
    ).result_rows
    assert rows[0][0] == rows[0][1] == rows[0][2] > 0
    assert "marts.int_fx_rates_daily" in known(clickhouse)


def test_no_table_is_made_like_one_that_was_left_without_syncs(clickhouse: Settings, warehouse: Client) -> None:
    warehouse.command("ALTER TABLE marts.int_fx_rates_daily MODIFY SETTING fsync_after_insert = 0")
    assert "marts.int_fx_rates_daily" not in known(clickhouse)
    warehouse.command("ALTER TABLE marts.int_fx_rates_daily RESET SETTING fsync_after_insert")
    assert "marts.int_fx_rates_daily" in known(clickhouse)


def test_a_migration_makes_another_project(tmp_path: Path) -> None:
    before = structures._version("x", tmp_path)
    (tmp_path / "0099_more.sql").write_text("SELECT 1;\n")
    assert structures._version("x", tmp_path) != before
    assert structures._version("y", tmp_path) != structures._version("x", tmp_path)
