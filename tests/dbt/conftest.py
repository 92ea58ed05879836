"""A warehouse of its own for dbt tests: the embedded ClickHouse, migrated, with seeds and an empty staging table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from include.settings import Settings
from include.transform import runner, structures
from include.warehouse.client import connect
from tests.support.engines import migrated_clickhouse
from tests.support.processes import free_port

STAGING = ("staging.stg_ad_performance", "staging.stg_web_sessions")
EXPORTED = datetime(2026, 7, 1, 6, tzinfo=UTC)


@dataclass
class Project:
    """The dbt project on a warehouse, with staging filled by hand."""

    settings: Settings
    client: Client
    requested: list[date] | None = None

    def stage(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Put rows into staging in place of what it holds of their dates. Columns not given have a default."""
        filled = [DEFAULTS | dict(row) for row in rows]
        for day in {row["date"] for row in filled}:
            self.unstage(day)
        self.client.insert(
            "staging.stg_ad_performance", [list(row.values()) for row in filled], column_names=list(DEFAULTS)
        )

    def stage_web(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to the sessions of web analytics."""
        filled = [WEB_DEFAULTS | dict(row) for row in rows]
        values = [list(row.values()) for row in filled]
        self.client.insert("staging.stg_web_sessions", values, column_names=list(WEB_DEFAULTS))

    def unstage(self, day: date) -> None:
        """Empty a date of staging, as a newer export without rows does."""
        self.client.command(f"ALTER TABLE staging.stg_ad_performance DROP PARTITION '{day}'")

    def clear(self) -> None:
        """No staging rows, no marts, no dates asked for."""
        for name in STAGING:
            self.client.command(f"TRUNCATE TABLE {name}")
        self.requested = None
        for table in self.tables():
            self.client.command(f"DROP TABLE marts.{table}")

    def request(self, dates: Iterable[date]) -> None:
        """Name the dates of the dbt calls that follow, as include/transform does."""
        self.requested = list(dates)

    def dbt(self, *arguments: str) -> runner.Outcome:
        """Run dbt; what it could not do is in the outcome."""
        named = structures.environment(self.settings)
        if self.requested is not None:
            named[runner.DATES] = ",".join(day.isoformat() for day in self.requested)
        return runner.invoke(self.settings, list(arguments), environment=named)

    def run(self, *dates: date, full_refresh: bool = False, marts: Iterable[str] = ("path:models/marts",)) -> None:
        """Rebuild facts and marts (all, or those named) for the dates, without data tests; without dates for whatever
        was asked for last."""
        if dates:
            self.request(dates)
        selected = ("path:models/facts", *marts)
        outcome = self.dbt("run", "--select", *selected, *(["--full-refresh"] if full_refresh else []))
        assert outcome.success, failures(outcome)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a statement."""
        return [tuple(row) for row in self.client.query(sql).result_rows]

    def tables(self) -> list[str]:
        """Tables of the database marts."""
        sql = "SELECT name FROM system.tables WHERE database = 'marts' ORDER BY name"
        return [name for (name,) in self.query(sql)]

    def snapshot(self) -> dict[str, list[str]]:
        """Every row of every mart, as text, sorted."""
        return {
            table: sorted(row for (row,) in self.query(f"SELECT toString(tuple(*)) FROM marts.{table}"))
            for table in self.tables()
        }


DEFAULTS: dict[str, Any] = {
    "workspace": "demo",
    "platform": "google_ads",
    "grain": "campaign",
    "account_id": "a1",
    "account_name": "Account",
    "campaign_id": None,
    "campaign_name": None,
    "ad_group_id": None,
    "ad_group_name": None,
    "ad_id": None,
    "ad_name": None,
    "segments": {},
    "date": date(2026, 6, 30),
    "impressions": None,
    "clicks": None,
    "cost": None,
    "conversions": None,
    "conversion_value": None,
    "currency": "USD",
    "file_id": "file",
    "row_number": 1,
    "exported_at": EXPORTED,
    "restatement_days": 3,
}


WEB_DEFAULTS: dict[str, Any] = {
    "workspace": "demo",
    "platform": "ga4",
    "grain": "campaign",
    "property_id": "p1",
    "source": None,
    "medium": None,
    "campaign_id": None,
    "campaign_name": None,
    "event_name": None,
    "date": date(2026, 6, 30),
    "sessions": None,
    "engaged_sessions": None,
    "key_events": None,
    "revenue": None,
    "currency": "USD",
    "file_id": "web",
    "row_number": 1,
    "exported_at": EXPORTED,
    "restatement_days": 4,
}


def failures(outcome: runner.Outcome) -> list[str]:
    """Names of failed nodes with what they say."""
    bad = [f"{n['node']}: {n['message']}" for n in outcome.nodes if n["status"] in ("error", "fail")]
    return bad or [outcome.error]


@pytest.fixture(scope="package")
def dbt_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project on a server that only dbt tests use, so that they may drop its tables."""
    settings = Settings(
        _env_file=None, home=tmp_path_factory.mktemp("dbt_home"), clickhouse_port=free_port(), clickhouse_url=""
    )
    with migrated_clickhouse(settings):
        client = connect(settings)
        project = Project(settings, client)
        for arguments in (["seed"], ["run", "--select", "+stg_ad_performance", "stg_web_sessions"]):
            outcome = project.dbt(*arguments)
            assert outcome.success, failures(outcome)
        # Staging is a view of what landing typed; tests fill a table of the same columns by hand.
        for name in STAGING:
            client.command(f"CREATE TABLE staging.by_hand AS {name} ENGINE = MergeTree PARTITION BY date ORDER BY ()")
            client.command(f"DROP VIEW {name}")
            client.command(f"RENAME TABLE staging.by_hand TO {name}")
        yield project
        client.close()


@pytest.fixture
def project(dbt_warehouse: Project) -> Project:
    """The project with nothing staged and nothing built."""
    dbt_warehouse.clear()
    return dbt_warehouse
