"""What is taken back: a file, which leaves marts and insights as if it had never come, and a client that leaves, of which
nothing is left in any table, bucket or folder. Nothing of others has changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from clickhouse_connect.driver.client import Client

from include import insights, landing
from include.landing import removal
from include.landing.bucket import Bucket
from include.landing.locks import file_locks
from include.orchestration import steps, workspaces
from include.orchestration.workspaces import AtWork
from include.quality import check_staging
from include.quality.docs import root_of
from include.settings import Settings
from include.transform import LAYERS, build, results
from include.transform.lock import BuildAtWork, layer_lock
from include.transform.results import NodeResult
from include.warehouse.client import connect
from tests.support import history
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of
from tests.support.snapshots import assert_same, snapshot

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

NAME, OTHER = "leaves", "history"
DAYS = 30
FILES, LEAVING = history.exports(DAYS), history.exports(12)
RATES = "date,currency,rate\n2026-06-30,USD,1.10\n"
# Tables that hold nothing of a workspace, though they have no column of that name. A new table without one belongs here,
# or its rows must be found by include/orchestration/workspaces.py.
WITHOUT_WORKSPACES = {
    "ops.built_dates",
    "ops.fx_loads",
    "ops.schema_migrations",
    "staging.fx_rates",
    "staging.utm_sources",
}
# Tables without such a column whose texts quote rows.
QUOTING = {"ops.dbt_results"}
POSTGRES_WITHOUT_WORKSPACES = {"alembic_version", "publications", "refresh_tokens", "users", "workspace_removals"}
# A row of every table of PostgreSQL with a workspace that a run does not fill. A new one needs its line here.
RIGHTS = (
    "INSERT INTO memberships (username, workspace, role) VALUES ('ann', %(w)s, 'admin')",
    "INSERT INTO api_keys (prefix, key_hash, name, username, workspace, role) VALUES (%(w)s, %(w)s, 'k', 'ann', %(w)s, 'viewer')",
    "INSERT INTO uploads (id, workspace, source, status, created_by) VALUES (gen_random_uuid(), %(w)s, 'inbox', 'received', 'ann')",
    "INSERT INTO alert_settings (workspace, updated_by) VALUES (%(w)s, 'ann')",
    "INSERT INTO alert_log (workspace, kind, subject) VALUES (%(w)s, 'insight', 'x')",
    "INSERT INTO insights (workspace, insight_key, kind, severity, entity_type, date_start, date_end, title, body, rank, run_id)"
    " VALUES (%(w)s, 'k', 'k', 'high', 'campaign', '2026-06-30', '2026-06-30', 't', 'b', 1, 'r')",
)
WRONG = "alpha_exported_20260901T060000Z.csv"


def wrong_export() -> str:
    """Days of an account that are in, ten times too dear, and an account that is not ours, also on days when nobody else has
    data: before all others, and after."""
    lines = [",".join(history.HEADER)]
    for day in (history.LAST - timedelta(days=n) for n in range(4)):
        lines.append(f"{day},a1,Alpha,c0,Brand,,,90000,9000,99999.00,1,1.00,USD")
    for day in (
        history.LAST - timedelta(days=DAYS + 5),
        history.LAST - timedelta(days=9),
        history.LAST + timedelta(days=3),
    ):
        lines.append(f"{day},z9,Not ours,x1,Foreign,,,90000,9000,50000.00,5,1.00,USD")
    return "\n".join(lines) + "\n"


@dataclass
class House:
    """An installation in which runs are made of their steps, without Airflow."""

    settings: Settings
    client: Client

    def drop(self, name: str, text: str, workspace: str = OTHER) -> None:
        path = self.settings.home / "landing" / workspace / "generic" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, name: str, tests: bool = False) -> list[str]:
        """Load what is new and build what waits, every layer; return the dates that were built. ``tests``: with data tests
        and the check of staging."""
        bucket = Bucket(self.settings)
        lines = landing.load(landing.discover(self.client, bucket), name, self.client, bucket)
        assert {line.status for line in lines} <= {"loaded"}, [line.error for line in lines]
        seen = steps.dates_to_build([], name, lambda _: False)
        days = [date.fromisoformat(day) for day in seen]
        for layer in LAYERS:
            build(layer, days, name, settings=self.settings, tests=tests)
            if tests and layer == "staging" and days:
                assert check_staging(days, name, self.settings).errors == ()
        insights.publish(days, name, self.settings)
        landing.mark_built(seen, name, self.client)
        return sorted(seen)

    def published(self, status: str = "open") -> list[tuple[Any, ...]]:
        with psycopg2.connect(self.settings.postgres_dsn()) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT workspace, insight_key, title, impact_amount, date_end FROM insights WHERE status = %s ORDER BY 1, 2",
                (status,),
            )
            return cursor.fetchall()


class Cut:
    """A client that dies at the n-th change."""

    def __init__(self, client: Any, after: int) -> None:
        self._client, self._left = client, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def command(self, statement: str, *args: Any, **kwargs: Any) -> Any:
        if statement.startswith("ALTER"):
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
        return self._client.command(statement, *args, **kwargs)


@contextlib.contextmanager
def house_in(home: Path) -> Iterator[House]:
    """An installation in a folder; the steps of runs connect by the settings of the process, which are its own meanwhile."""
    settings = settings_of(home)
    with pytest.MonkeyPatch.context() as patch, migrated_postgres(settings), migrated_clickhouse(settings):
        for module in ("warehouse.client", "landing.bucket", "orchestration.steps"):
            patch.setattr(f"include.{module}.get_settings", lambda: settings)
        client = connect(settings)
        yield House(settings, client)
        client.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two clients, built and published."""
    with house_in(tmp_path_factory.mktemp("removal")) as place:
        for workspace, files in ((NAME, LEAVING), (OTHER, FILES)):
            for file in files:
                place.drop(file.name, file.text, workspace)
            path = place.settings.home / "landing" / workspace / "fx_rates" / "rates.csv"
            path.parent.mkdir()
            path.write_text(RATES)
        place.drop("bad.csv", "nothing,here\n1,2\n", NAME)
        landing.load([f"{NAME}/generic/bad.csv"], "bad", place.client, Bucket(place.settings))
        place.run("first", tests=True)
        yield place


@pytest.fixture(scope="module")
def failed(house: House) -> None:
    """A data test that rows of each of the clients did not pass."""
    for name in (NAME, OTHER):
        sql_of_test = f"SELECT '{name}' AS workspace, 'generic' AS platform, 'a1' AS account_id FROM numbers(5)"
        node = NodeResult("rows_are_whole", "test", "warn", 5, 0.1, "Got 5 results", sql=sql_of_test)
        results.keep(house.settings, "failed", "staging", results.told(house.settings, [node]))
    assert left_in_texts(house, NAME) == left_in_texts(house, OTHER) == {"ops.dbt_results.message": 1}


@pytest.fixture(scope="module")
def rights(house: House) -> None:
    """Rights, alerts and insights of both clients."""
    sql(house, "INSERT INTO users (username, password_hash) VALUES ('ann', 'x')")
    for workspace in (NAME, OTHER):
        for statement in RIGHTS:
            sql(house, statement, w=workspace)


def sql(house: House, statement: str, **values: str) -> list[tuple[Any, ...]]:
    with psycopg2.connect(house.settings.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def left_in_warehouse(house: House, name: str) -> dict[str, int]:
    """Rows of a workspace in whatever has such a column, views too."""
    tables = house.client.query(
        "SELECT concat(database, '.', table) FROM system.columns WHERE name = 'workspace'"
        " AND database IN ('raw', 'ops', 'staging', 'marts') ORDER BY 1"
    ).result_rows
    counts = {
        table: house.client.query(f"SELECT count() FROM {table} WHERE workspace = '{name}'").first_row[0]
        for (table,) in tables
    }
    return {table: n for table, n in counts.items() if n}


def left_in_texts(house: House, name: str) -> dict[str, int]:
    """Texts that quote a row of a workspace, in the tables without such a column."""
    columns = house.client.query(
        "SELECT concat(database, '.', table), name FROM system.columns WHERE type LIKE '%String%'"
        " AND concat(database, '.', table) IN {tables:Array(String)} ORDER BY ALL",
        parameters={"tables": sorted(WITHOUT_WORKSPACES | QUOTING)},
    ).result_rows
    assert len(columns) > 5
    quoted = f"'workspace: {name}, '"
    counts = {
        f"{table}.{column}": house.client.query(
            f"SELECT count() FROM {table} WHERE position(toString({column}), {quoted}) > 0"
        ).first_row[0]
        for table, column in columns
    }
    return {place: n for place, n in counts.items() if n}


def left_in_postgres(house: House, name: str) -> dict[str, int]:
    tables = sql(
        house,
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'workspace' AND table_schema = 'public' ORDER BY 1",
    )
    return {
        table: sql(house, f"SELECT count(*) FROM {table} WHERE workspace = %(w)s", w=name)[0][0] for (table,) in tables
    }


def removed(house: House, name: str, client: Any = None, **more: Any) -> bool:
    return workspaces.remove(
        house.settings, client or house.client, Bucket(house.settings), name, "ann", "contract ended", **more
    )


def test_marts_and_insights_are_as_if_the_file_had_never_come(house: House) -> None:
    before, told = snapshot(house.client), house.published()
    assert told, "there is something to keep"
    house.drop(WRONG, wrong_export())
    touched = house.run("wrong")
    assert len(touched) == 7
    assert snapshot(house.client) != before and house.published() != told
    export = removal.find(house.client, WRONG)
    bucket = Bucket(house.settings)
    assert removal.remove(house.client, bucket, house.settings, export, "ann", "wrong account").lines
    assert house.run("after", tests=True) == touched, (
        "the next run builds its dates, also those that nothing covers any more"
    )
    assert_same(snapshot(house.client), before)
    assert house.published() == told
    assert house.run("nothing waits") == []


def test_every_table_is_known_to_hold_workspaces_or_not(house: House, rights: None) -> None:
    """A new table must name its workspace by that column, or be listed as one that holds nothing of any."""
    without = house.client.query(
        "SELECT concat(database, '.', name) FROM system.tables AS t WHERE engine LIKE '%MergeTree'"
        " AND database IN ('raw', 'ops', 'staging', 'marts') AND (database, name) NOT IN"
        " (SELECT database, table FROM system.columns WHERE name = 'workspace')"
    ).result_rows
    assert {table for (table,) in without} - set(
        workspaces.scratch_tables(house.client)
    ) == WITHOUT_WORKSPACES | QUOTING
    tables = {table for (table,) in sql(house, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    with psycopg2.connect(house.settings.postgres_dsn()) as connection, connection.cursor() as cursor:
        handled = set(workspaces.postgres_tables(cursor))
    assert tables - handled == POSTGRES_WITHOUT_WORKSPACES
    assert [table for table, n in left_in_postgres(house, NAME).items() if not n] == [], "each has a row to be removed"
    in_warehouse = left_in_warehouse(house, NAME)
    assert {"raw.ad_performance_rows", "ops.file_ledger", "ops.load_coverage", "ops.fx_rates"} <= in_warehouse.keys()
    assert {"staging.int_current_exports", "marts.mart_campaign_daily", "marts.dim_campaign"} <= in_warehouse.keys()


def test_a_run_at_work_refuses_it_and_nothing_is_changed(house: House, rights: None) -> None:
    before = left_in_warehouse(house, NAME), left_in_postgres(house, NAME)
    with layer_lock(house.settings, "marts"), pytest.raises(BuildAtWork, match="at work on marts"):
        removed(house, NAME)
    key = f"{NAME}/generic/{LEAVING[0].name}"
    with file_locks(house.settings, [key]), pytest.raises(AtWork, match="1 files of leaves are being loaded"):
        removed(house, NAME)
    assert (left_in_warehouse(house, NAME), left_in_postgres(house, NAME)) == before
    assert Bucket(house.settings).exists(key)


def test_nothing_of_it_is_left_and_others_are_as_they_were(house: House, rights: None, failed: None) -> None:
    others = snapshot(house.client, f"workspace != '{NAME}'")
    raw = "SELECT count(), sum(cityHash64(*)) FROM raw.ad_performance_rows WHERE workspace = 'history'"
    rows, rights = house.client.query(raw).first_row, left_in_postgres(house, OTHER)
    assert root_of(house.settings.home, NAME).exists()
    with pytest.raises(KeyboardInterrupt):
        removed(house, NAME, Cut(house.client, 3))
    [cut] = [row for row in workspaces.listed(house.settings, house.client) if row["name"] == NAME]
    assert (cut["files"], cut["note"]) == (
        0,
        f"its removal was cut off: bin/insightflow workspaces remove {NAME} --yes",
    )
    assert removed(house, NAME)
    assert left_in_warehouse(house, NAME) == {}
    assert left_in_texts(house, NAME) == {} and left_in_texts(house, OTHER) == {"ops.dbt_results.message": 1}
    for table in workspaces.scratch_tables(house.client):
        assert house.client.query(f"SELECT count() FROM {table}").first_row == (0,)
    assert set(left_in_postgres(house, NAME).values()) == {0}
    assert Bucket(house.settings).all_files(NAME) == []
    assert not (house.settings.home / "landing" / NAME).exists()
    assert not root_of(house.settings.home, NAME).exists()
    assert_same(snapshot(house.client), others)
    assert house.client.query(raw).first_row == rows
    assert left_in_postgres(house, OTHER) == rights
    [record] = sql(house, "SELECT name, removed_by, reason, files, finished_at IS NOT NULL FROM workspace_removals")
    assert record == (NAME, "ann", "contract ended", len(LEAVING) + 1, True)
    assert not removed(house, NAME), "twice changes nothing"
    assert len(sql(house, "SELECT id FROM workspace_removals")) == 1


def test_dates_need_no_build_for_what_was_deleted_where_it_stood(house: House) -> None:
    """Of a removal that is not cut off; after one that is the dates are built again, which changes nothing either."""
    before = snapshot(house.client)
    house.run("after the cut")
    assert_same(snapshot(house.client), before)
    house.drop("again.csv", FILES[0].text, "third")
    house.run("third")
    assert removed(house, "third", keep_files=True)
    assert landing.pending_dates(house.client) == []
    assert_same(snapshot(house.client), before)
    bucket = Bucket(house.settings)
    assert [file.key for file in bucket.all_files("_removed/third")] == ["_removed/third/generic/again.csv"]
    assert landing.discover(house.client, bucket) == []
