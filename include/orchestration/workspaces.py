"""Clients that leave: everything that an installation holds of a workspace, found by the column ``workspace``, and deleted.

Whatever has such a column is found by asking the engines, so a table of tomorrow is no exception. Results of data tests
quote rows in a text: those are taken out of it. Scratch of builds that has numbers under a hash instead is emptied. Seeds
are files of the user: their lines are named and stay. What goes is deleted where it stands, so that nothing of others is
built again.
"""

from __future__ import annotations

import csv
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
from clickhouse_connect.driver.client import Client
from psycopg2.extensions import cursor as Cursor
from psycopg2.sql import SQL, Identifier

from include.landing import ledger
from include.landing.bucket import Bucket, sql_string
from include.landing.locks import file_locks, files_at_work
from include.landing.rates import is_of_rates
from include.landing.specs import sources
from include.quality.docs import root_of
from include.settings import Settings
from include.transform import LAYERS, results, runner
from include.transform.lock import layers_at_rest
from include.warehouse.cluster import on_cluster

log = logging.getLogger(__name__)

DATABASES = ("raw", "ops", "staging", "marts")
LEDGER = "ops.file_ledger"
ASIDE = "_removed"  # of the bucket, where no run looks
LOCKS_AT_ONCE = 500
POLL_SECONDS = 0.2
EVERY = "*"  # in the tables of rights and of seeds: no workspace


class AtWork(RuntimeError):
    """A run loads files of the workspace; nothing was changed. The message says what to do."""


@dataclass(frozen=True)
class Holdings:
    """What there is of a workspace: rows by table, files of the bucket and their bytes, users with a role in it (and those
    whose only role it is), lines of seeds that name it."""

    tables: dict[str, int]
    postgres: dict[str, int]
    files: int
    size_bytes: int
    loaded_files: int
    loaded_rows: int
    has_docs: bool
    users: list[str] = field(default_factory=list)
    only_here: list[str] = field(default_factory=list)
    seeds: list[str] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to remove."""
        return not (self.tables or self.postgres or self.files or self.has_docs)


def listed(settings: Settings, client: Client) -> list[dict[str, Any]]:
    """The workspaces: name, files and rows that stand, first and last day of ads, users, and what is left to do."""
    rates = [name for name in sources() if is_of_rates(name)]
    rows = client.query(
        "SELECT workspace, uniqExactIf(file_id, counts) AS files, sumIf(rows_loaded, counts) AS rows,"
        " minIf(date_min, counts AND source NOT IN {rates:Array(String)}) AS first,"
        " maxIf(date_max, counts AND source NOT IN {rates:Array(String)}) AS last"
        " FROM (SELECT *, load_id IN (SELECT load_id FROM ops.current_loads) AND status = 'loaded' AS counts"
        f" FROM {LEDGER}) WHERE workspace != '' GROUP BY workspace",
        parameters={"rates": rates},
    ).result_rows
    found = {str(name): (int(files), int(n), first, last) for name, files, n, first, last in rows}
    with _postgres(settings) as cursor:
        cursor.execute("SELECT workspace, array_agg(username ORDER BY username) FROM memberships GROUP BY workspace")
        users: dict[str, list[str]] = dict(cursor.fetchall())
        cursor.execute("SELECT DISTINCT name FROM workspace_removals WHERE finished_at IS NULL")
        open_removals = {str(name) for (name,) in cursor.fetchall()}
    listed_rows = []
    for name in sorted((found.keys() | users.keys() | open_removals) - {EVERY}):
        files, n, first, last = found.get(name, (0, 0, None, None))
        cut_off = f"its removal was cut off: bin/insightflow workspaces remove {name} --yes"
        listed_rows.append(
            {
                "name": name,
                "files": files,
                "rows": n,
                "first_day": first,
                "last_day": last,
                "users": ", ".join(users.get(name, [])),
                "note": cut_off if name in open_removals else "",
            }
        )
    return listed_rows


def holdings(settings: Settings, client: Client, bucket: Bucket, name: str) -> Holdings:
    """All that there is of a workspace."""
    tables = warehouse_tables(client)
    counts = " UNION ALL ".join(
        f"SELECT '{table}' AS name, count() AS n FROM {table} WHERE workspace = {{workspace:String}}"
        for table in tables
    )
    rows = client.query(f"SELECT name, n FROM ({counts}) WHERE n > 0 ORDER BY name", parameters={"workspace": name})
    loaded = client.query(
        "SELECT count(), sum(rows_loaded) FROM ops.current_loads WHERE workspace = {workspace:String}",
        parameters={"workspace": name},
    ).first_row
    with _postgres(settings) as cursor:
        there = {table: n for table in postgres_tables(cursor) if (n := _count(cursor, table, name))}
        cursor.execute(
            "SELECT username, NOT EXISTS (SELECT FROM memberships AS o WHERE o.username = m.username AND o.workspace != %(w)s)"
            " FROM memberships AS m WHERE workspace = %(w)s ORDER BY username",
            {"w": name},
        )
        users = cursor.fetchall()
    files = bucket.all_files(name)
    return Holdings(
        tables={str(table): int(n) for table, n in rows.result_rows},
        postgres=there,
        files=len(files),
        size_bytes=sum(file.size for file in files),
        loaded_files=int(loaded[0]),
        loaded_rows=int(loaded[1]),
        has_docs=root_of(settings.home, name).exists(),
        users=[user for user, _ in users],
        only_here=[user for user, only in users if only],
        seeds=lines_of_seeds(name),
    )


def remove(
    settings: Settings,
    client: Client,
    bucket: Bucket,
    name: str,
    by: str,
    reason: str = "",
    *,
    keep_files: bool = False,
) -> bool:
    """Delete all of a workspace from bucket, warehouse and PostgreSQL; False where there was nothing.

    With ``keep_files`` its files go to ``_removed/<name>/`` of the bucket. Cut off anywhere, it is asked again and goes on.
    Raises ``AtWork`` or ``BuildAtWork`` where a run is at work, and the engines' errors.
    """
    with layers_at_rest(settings, LAYERS):
        there = holdings(settings, client, bucket, name)
        if there.nothing and not _is_begun(settings, name):
            return False
        keys = _keys(client, bucket, name)
        if at_work := files_at_work(settings, keys):
            raise AtWork(f"{at_work} files of {name} are being loaded: wait until the run has ended, then ask again")
        _begin(settings, name, by, reason, there, keep_files)
        # Files first: what is in the bucket and not in the ledger would be loaded again.
        gone = bucket.all_files(name)
        for file in gone:
            if keep_files:
                bucket.move(file.key, f"{ASIDE}/{file.key}")
            else:
                bucket.remove(file.key)
        bucket.prune(name)
        # Whoever took a file before it went is waited for; nobody can take one after.
        keys = sorted({*keys, *(file.key for file in gone)})
        for start in range(0, len(keys), LOCKS_AT_ONCE):
            with file_locks(settings, keys[start : start + LOCKS_AT_ONCE]):
                pass
        built = ledger.without(name, client)
        everywhere = on_cluster(settings.clickhouse_cluster)
        # The ledger first: without its lines nothing of the workspace counts, whatever is still there.
        _delete(client, [LEDGER], name, everywhere)
        _delete(client, [table for table in warehouse_tables(client) if table != LEDGER], name, everywhere)
        results.forget_rows_of(client, name, everywhere)
        for table in scratch_tables(client):
            client.command(f"TRUNCATE TABLE {table}{everywhere}")
        if built:
            client.insert("ops.built_dates", built, column_names=["date", "fingerprint", "version", "run_id"])
        shutil.rmtree(root_of(settings.home, name), ignore_errors=True)
        _forget(settings, name)
    log.info("workspace %s was removed by %s", name, by)
    return True


def warehouse_tables(client: Client) -> list[str]:
    """Tables of the warehouse that hold rows of workspaces, those of seeds left out; on a cluster those behind the
    distributed ones."""
    rows = client.query(
        "SELECT concat(t.database, '.', t.name) FROM system.tables AS t INNER JOIN system.columns AS c"
        " ON c.database = t.database AND c.table = t.name WHERE c.name = 'workspace' AND t.engine LIKE '%MergeTree'"
        " AND t.database IN {databases:Array(String)} ORDER BY 1",
        parameters={"databases": list(DATABASES)},
    ).result_rows
    seeds = {f"staging.{path.stem}" for path in _seed_files()}
    return [str(table) for (table,) in rows if table not in seeds]


def scratch_tables(client: Client) -> list[str]:
    """Tables in which builds keep numbers of all workspaces under a hash of who they are of (``series``): emptied, the next
    run makes them anew."""
    rows = client.query(
        "SELECT concat(database, '.', name) FROM system.tables WHERE database = 'staging' AND engine LIKE '%MergeTree'"
        " AND (database, name) IN (SELECT database, table FROM system.columns WHERE name = 'series')"
        " AND (database, name) NOT IN (SELECT database, table FROM system.columns WHERE name = 'workspace') ORDER BY 1"
    ).result_rows
    return [str(table) for (table,) in rows]


def postgres_tables(cursor: Cursor) -> list[str]:
    """Tables of PostgreSQL that hold rows of workspaces."""
    cursor.execute(
        "SELECT c.table_name FROM information_schema.columns AS c INNER JOIN information_schema.tables AS t"
        " USING (table_schema, table_name) WHERE c.column_name = 'workspace' AND c.table_schema = 'public'"
        " AND t.table_type = 'BASE TABLE' ORDER BY 1"
    )
    return [str(table) for (table,) in cursor.fetchall()]


def lines_of_seeds(name: str) -> list[str]:
    """Lines of the seeds' files that name a workspace: ``budgets.csv line 2``."""
    found = []
    for path in _seed_files():
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            found += [f"{path.name} line {rows.line_num}" for row in rows if row.get("workspace") == name]
    return found


def last_removal(settings: Settings, name: str) -> dict[str, Any] | None:
    """The record of the last time that a workspace of this name was removed."""
    with _postgres(settings) as cursor:
        cursor.execute(
            "SELECT removed_by, finished_at, reason FROM workspace_removals WHERE name = %s AND finished_at IS NOT NULL"
            " ORDER BY id DESC LIMIT 1",
            (name,),
        )
        row = cursor.fetchone()
    return dict(zip(("removed_by", "finished_at", "reason"), row, strict=True)) if row else None


@contextmanager
def _postgres(settings: Settings) -> Iterator[Cursor]:
    """A transaction of the owner, who sees every workspace; it commits at the block's end."""
    connection = psycopg2.connect(
        settings.postgres_dsn(), connect_timeout=10, application_name="insightflow workspaces"
    )
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _seed_files() -> list[Path]:
    return sorted((runner.PROJECT / "seeds").glob("*.csv"))


def _keys(client: Client, bucket: Bucket, name: str) -> list[str]:
    """Keys of files that runs may be at work on: those in the bucket, and those that the ledger knows."""
    rows = client.query(
        f"SELECT DISTINCT uri FROM {LEDGER} WHERE workspace = {{workspace:String}}", parameters={"workspace": name}
    ).result_rows
    known = {str(uri).removeprefix(bucket.uri("")) for (uri,) in rows}
    return sorted(known | {file.key for file in bucket.all_files(name)})


def _delete(client: Client, tables: list[str], name: str, everywhere: str) -> None:
    """Delete rows for good, not only hide them; a table that has none is left as it is. (Of a cluster this server shows a part.)

    The engine goes from part to part of a table with pauses, and a table has a part for each date: all tables are begun
    before any is waited for. Raises the engine's errors, and ``RuntimeError`` where it cannot delete.
    """
    mine = f"workspace = {sql_string(name)}"
    if everywhere:
        for table in tables:
            client.command(f"ALTER TABLE {table}{everywhere} DELETE WHERE {mine} SETTINGS mutations_sync = 2")
        return
    begun = [table for table in tables if client.query(f"SELECT count() FROM {table} WHERE {mine}").first_row[0]]
    for table in begun:
        client.command(f"ALTER TABLE {table} DELETE WHERE {mine} SETTINGS mutations_sync = 0")
    while begun:
        rows = client.query(
            "SELECT concat(database, '.', table), latest_fail_reason FROM system.mutations WHERE NOT is_done"
            " AND concat(database, '.', table) IN {tables:Array(String)} ORDER BY ALL",
            parameters={"tables": begun},
        ).result_rows
        if failed := [f"{table}: {reason}" for table, reason in rows if reason]:
            raise RuntimeError(f"rows of {name} cannot be deleted: {failed[0]}")
        begun = [str(table) for table, _ in rows]
        time.sleep(POLL_SECONDS if begun else 0)


def _begin(settings: Settings, name: str, by: str, reason: str, there: Holdings, keep_files: bool) -> None:
    """Note who removes what, unless that was noted by one that was cut off."""
    with _postgres(settings) as cursor:
        cursor.execute(
            "INSERT INTO workspace_removals (name, removed_by, reason, files, rows, kept_files)"
            " SELECT %s, %s, %s, %s, %s, %s"
            " WHERE NOT EXISTS (SELECT FROM workspace_removals WHERE name = %s AND finished_at IS NULL)",
            (name, by, reason, there.loaded_files, there.loaded_rows, keep_files, name),
        )


def _is_begun(settings: Settings, name: str) -> bool:
    with _postgres(settings) as cursor:
        cursor.execute("SELECT count(*) FROM workspace_removals WHERE name = %s AND finished_at IS NULL", (name,))
        return bool((cursor.fetchone() or (0,))[0])


def _forget(settings: Settings, name: str) -> None:
    """Delete from PostgreSQL and note the removal as done, in one transaction."""
    with _postgres(settings) as cursor:
        tables = postgres_tables(cursor)
        for table in [*tables, *tables]:  # twice, for triggers of some write into others
            cursor.execute(SQL("DELETE FROM {} WHERE workspace = %s").format(Identifier(table)), (name,))
        cursor.execute(
            "UPDATE workspace_removals SET finished_at = now() WHERE name = %s AND finished_at IS NULL", (name,)
        )


def _count(cursor: Cursor, table: str, name: str) -> int:
    cursor.execute(SQL("SELECT count(*) FROM {} WHERE workspace = %s").format(Identifier(table)), (name,))
    return int((cursor.fetchone() or (0,))[0])
