"""Publishing that breaks off, and several at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
import psycopg2.extras
import pytest
from psycopg2.extensions import cursor as Cursor

from tests.support.marts import feed_row
from tests.support.publishing import Installation

pytestmark = pytest.mark.integration


class CrashingCursor(Cursor):
    """Ends its own server process before statement ``at``: what a crash looks like to PostgreSQL."""

    at = 0
    seen = 0

    def _next(self) -> None:
        if CrashingCursor.seen == CrashingCursor.at:
            with psycopg2.connect(self.connection.dsn, password=self.connection.info.password) as other:
                pid = self.connection.info.backend_pid
                other.cursor().execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        CrashingCursor.seen += 1

    def execute(self, query: Any, parameters: Any = None) -> None:
        self._next()
        super().execute(query, parameters)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        self._next()
        super().copy_expert(sql, file, size)


def test_a_crash_at_any_statement_leaves_the_table_as_before(
    site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.feed(feed_row("stays"), feed_row("changes", rank=2), feed_row("goes", rank=3))
    site.publish()
    before = site.table()
    site.feed(feed_row("stays"), feed_row("changes", rank=3), feed_row("comes", rank=2))
    monkeypatch.setattr(
        "include.insights.publishing.open_connection",
        lambda settings: psycopg2.connect(settings.postgres_dsn(), cursor_factory=CrashingCursor),
    )
    crashes = 0
    while True:
        CrashingCursor.at, CrashingCursor.seen = crashes, 0
        try:
            site.publish()
            break
        except psycopg2.Error:
            assert site.table() == before, f"after the crash before statement {crashes}"
        crashes += 1
    assert crashes == 13, "one at every statement"
    assert site.statuses() == {"stays": "open", "changes": "open", "goes": "resolved", "comes": "open"}


def test_publications_at_the_same_time_take_turns(site: Installation) -> None:
    site.feed(*(feed_row(f"key {n}", rank=n + 1) for n in range(50)))
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda n: site.publish(run_id=f"at once {n}"), range(4)))
    assert sorted(report.inserted for report in reports) == [0, 0, 0, 50]
    assert len(site.table()) == 50
