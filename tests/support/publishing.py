"""A feed to publish from and the table it goes to, on the real engines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import psycopg2
import psycopg2.extras
from clickhouse_connect.driver.client import Client

from include.insights import PublishReport
from include.insights import publish as publish_for
from include.settings import Settings
from tests.support.marts import DAY, add, sums


class Installation:
    """A feed to write to and a table to look at."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self.settings = settings
        self.client = client

    def feed(self, *rows: dict[str, Any]) -> None:
        """The feed is these rows."""
        self.client.command("TRUNCATE TABLE marts.insight_feed")
        if rows:
            add(self.client, "insight_feed", *rows)

    def budgets(self, *rows: dict[str, Any], unpriced: Sequence[str] = ()) -> None:
        """The missed budgets are these rows; those of the keys cannot be judged, for XTS has no rate since ``DAY``."""
        for table in ("insight_budgets", "insight_budgets_unpriced"):
            self.client.command(f"TRUNCATE TABLE marts.{table}")
        if rows:
            add(self.client, "insight_budgets", *rows)
        said = {"unpriced_since": DAY, "currencies": ["XTS"], "reason": "XTS has no rate.", "next_step": "Drop one."}
        if unpriced:
            add(
                self.client,
                "insight_budgets_unpriced",
                *({"workspace": "demo", "insight_key": k} | said for k in unpriced),
            )

    def judged(self, day: date, **more: Any) -> None:
        """The account has data of the day."""
        add(self.client, "mart_account_daily", sums(day, 1, 1, account_id="1", **more))

    def publish(self, *days: date, run_id: str = "run") -> PublishReport:
        return publish_for(days or (DAY,), run_id, self.settings)

    def sql(self, query: str, *values: object) -> list[dict[str, Any]]:
        with (
            psycopg2.connect(self.settings.postgres_dsn()) as connection,
            connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor,
        ):
            cursor.execute(query, values)
            return [dict(row) for row in cursor.fetchall()] if cursor.description else []

    def table(self) -> list[dict[str, Any]]:
        """The whole table with the version of every row."""
        return self.sql("SELECT xmin::text, ctid::text, * FROM insights ORDER BY id")

    def statuses(self) -> dict[str, str]:
        return {row["insight_key"]: row["status"] for row in self.table()}
