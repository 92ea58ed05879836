"""`make freshness` on the real engine: newest loads judged by the limits of models/sources.yml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from clickhouse_connect.driver.client import Client
from typer.testing import CliRunner

from include.cli import service_commands
from include.cli.app import app
from include.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def ledger(clickhouse: Settings, warehouse: Client) -> Iterator[Client]:
    """An empty ledger; what it held is put back."""
    warehouse.command("CREATE TABLE default.kept AS ops.file_ledger")
    warehouse.command("INSERT INTO default.kept SELECT * FROM ops.file_ledger")
    warehouse.command("TRUNCATE TABLE ops.file_ledger")
    yield warehouse
    warehouse.command("TRUNCATE TABLE ops.file_ledger")
    warehouse.command("INSERT INTO ops.file_ledger SELECT * FROM default.kept")
    warehouse.command("DROP TABLE default.kept")


def loaded(client: Client, hours_ago: float, status: str = "loaded") -> None:
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    client.insert("ops.file_ledger", [["f", at, status]], column_names=["file_id", "loaded_at", "status"])


def test_by_age_of_the_newest_load(ledger: Client, clickhouse: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_commands, "get_settings", lambda: clickhouse)

    def look() -> tuple[int, str, float | None]:
        done = CliRunner().invoke(app, ["freshness", "--json"])
        [row] = json.loads(done.stdout)
        assert (row["source"], row["warns_after"], row["fails_after"]) == ("ops.file_ledger", 36, 168)
        return done.exit_code, row["state"], row["hours"]

    assert look() == (1, "error", None), "nothing ever came"
    loaded(ledger, 200)
    loaded(ledger, 1, "rejected")
    assert look() == (1, "error", 200.0), "a refused file is no news"
    loaded(ledger, 40)
    assert look() == (0, "warn", 40.0)
    loaded(ledger, 2)
    assert look() == (0, "pass", 2.0)
