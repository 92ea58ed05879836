"""What the weekly upkeep removes, on the real engine."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.client import Client

from include.orchestration import upkeep
from include.settings import Settings


@pytest.mark.integration
def test_tables_of_dead_builds_go_and_those_of_living_ones_stay(
    clickhouse: Settings, warehouse: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "connect", lambda: warehouse)
    monkeypatch.setattr(upkeep, "Bucket", lambda: _Bucket())
    monkeypatch.setattr(warehouse, "close", lambda: None)
    warehouse.command("CREATE TABLE marts.x__dbt_new_data_1 (a UInt8) ENGINE = MergeTree ORDER BY a")
    assert upkeep.drop_orphans()["tables of unfinished builds"] == 0, "it may still be at work"
    monkeypatch.setattr(upkeep, "ORPHAN_SECONDS", -60)
    assert upkeep.drop_orphans()["tables of unfinished builds"] == 1
    left = "SELECT count() FROM system.tables WHERE database = 'marts' AND name LIKE '%__dbt_new_data_%'"
    assert warehouse.query(left).result_rows == [(0,)]


class _Bucket:
    def working_copies(self) -> list[object]:
        return []
