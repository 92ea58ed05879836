"""Builds side by side: advisory locks of PostgreSQL, over all processes and machines. A dead holder frees them.

What a table holds of a period is computed from what stands before it in the flow. Builds of different days may
compute the same period at once (both days are of one week), and the one that read first must not write last. So a
node holds a lock on the periods that it replaces, from before it reads until it has written. Whoever comes later
reads what the other wrote, and every build writes after all that it has changed itself: the end is the same in any
order.

A layer is shared by the builds in it. A build takes a layer alone where nodes hand tables of no period to each other
(``ALONE``), while a table of it is still to be made, and to look again at a data test that failed while another build
had written half of its tables.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection

from include.settings import Settings

log = logging.getLogger(__name__)

# Classes of two-part locks; files being loaded have 7302.
LAYER_SPACE, TABLE_SPACE = 7_303, 7_304
# Layers whose models pass scratch tables to each other, made anew by every build.
ALONE = ("anomalies", "insights")
# More periods than this are locked as the whole table: locks are rows of shared memory.
MOST_PERIODS = 100
PERIODS = {
    "date": "day",
    "date_end": "day",
    "week_start": "week",
    "month_start": "month",
    "month": "month",
    "year_start": "year",
}


def layer_key(layer: str) -> tuple[int, int]:
    """The two parts of a layer's advisory lock, for those who take it in a transaction of their own."""
    return LAYER_SPACE, _number(layer)


@contextmanager
def layer_lock(settings: Settings, layer: str, *, alone: bool = False) -> Iterator[None]:
    """Be one of the builds of a layer, or the only one; wait for it as long as it takes (a task's time-out ends that)."""
    connection = _connect(settings)
    try:
        mode = "" if alone else "_shared"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_try_advisory_lock{mode}(%s, %s)", layer_key(layer))
            row = cursor.fetchone()
            if not (row and row[0]):
                log.info("another build is at work on %s; waiting for it", layer)
                cursor.execute(f"SELECT pg_advisory_lock{mode}(%s, %s)", layer_key(layer))
        yield
    finally:
        connection.close()


class BuildAtWork(RuntimeError):
    """A build holds a layer that is wanted at rest; the message says which, and what to do."""


@contextmanager
def layers_at_rest(settings: Settings, layers: Sequence[str]) -> Iterator[None]:
    """Keep every build, and publishing, out of the layers. Raises ``BuildAtWork`` at once where one is in."""
    connection = _connect(settings)
    try:
        with connection.cursor() as cursor:
            for layer in layers:
                cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", layer_key(layer))
                row = cursor.fetchone()
                if not (row and row[0]):
                    raise BuildAtWork(f"a build is at work on {layer}: wait until the run has ended, then ask again")
        yield
    finally:
        connection.close()


class TableLocks:
    """Told of dbt's events, holds the locks of each node while it works. ``close`` frees what is left."""

    def __init__(self, settings: Settings, dates: Sequence[date], full_refresh: bool, manifest: Any) -> None:
        self._settings = settings
        self._dates = dates
        self._full_refresh = full_refresh
        self._nodes = manifest.nodes
        self._connections: dict[int, Connection] = {}

    def __call__(self, event: Any) -> None:
        """Lock before a node is compiled, for compiling reads tables; free when it is done. Both in its thread.

        An error here, PostgreSQL being away, is the node's error: dbt catches it.
        """
        if event.info.name == "NodeCompiling":
            self._take(str(event.data.node_info.unique_id))
        elif event.info.name == "NodeFinished":
            self._free()

    def close(self) -> None:
        """Free all that is still held."""
        for connection in self._connections.values():
            connection.close()

    def _take(self, unique_id: str) -> None:
        node = self._nodes.get(unique_id)
        if node is None or str(node.resource_type) not in ("model", "seed"):
            return
        kind = str(node.config.materialized)
        if kind == "ephemeral":
            return
        thread = threading.get_ident()
        if thread not in self._connections:
            self._connections[thread] = _connect(self._settings)
        periods = None if self._full_refresh else periods_of(node.config, self._dates)
        table = _number(unique_id)
        with self._connections[thread].cursor() as cursor:
            if periods is None or len(periods) > MOST_PERIODS:
                cursor.execute("SELECT pg_advisory_lock(%s, %s)", (TABLE_SPACE, table))
                return
            cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", (TABLE_SPACE, table))
            # In one order, so that no two builds wait for each other.
            for number in sorted(_number(f"{unique_id}/{period}") for period in periods):
                cursor.execute("SELECT pg_advisory_lock(%s, %s)", (TABLE_SPACE, number))

    def _free(self) -> None:
        connection = self._connections.get(threading.get_ident())
        if connection is not None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock_all()")


def periods_of(config: Any, dates: Sequence[date]) -> set[str] | None:
    """First days of the periods that a model replaces for the dates; None where it may write anything."""
    by = config.get("partition_by")
    column = by if isinstance(by, str) else by[0] if by else ""
    meta = config.get("meta") or {}
    if config.get("materialized") != "incremental" or column not in PERIODS or meta.get("replaces"):
        return None
    looks_back = int(meta.get("looks_back") or 0)
    if looks_back and PERIODS[column] == "day":
        return None
    days = [*dates, *(day + timedelta(days=looks_back) for day in dates)]
    return {period_start(day, PERIODS[column]).isoformat() for day in days}


def period_start(day: date, period: str) -> date:
    """First day of the 'day', 'week' (from Monday), 'month' or 'year' that holds a day."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "year":
        return day.replace(month=1, day=1)
    return day.replace(day=1) if period == "month" else day


def _connect(settings: Settings) -> Connection:
    connection = psycopg2.connect(
        settings.postgres_dsn(), connect_timeout=10, application_name="insightflow build", keepalives_idle=30
    )
    connection.autocommit = True
    return connection


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], signed=True)
