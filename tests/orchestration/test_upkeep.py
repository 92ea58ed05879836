"""What the weekly upkeep removes, on the real engine."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.client import Client

from include.landing.bucket import Bucket
from include.orchestration import upkeep
from include.settings import Settings


@pytest.mark.integration
def test_tables_and_copies_of_the_dead_go_and_those_of_the_living_stay(
    clickhouse: Settings, warehouse: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, copies = "tables of unfinished builds", "working copies"
    with Bucket(clickhouse).create("_work/1/report.csv") as copy:
        copy.write(b"date,cost\n")
    warehouse.command("CREATE TABLE marts.x__dbt_new_data_1 (a UInt8) ENGINE = MergeTree ORDER BY a")
    removed = upkeep.drop_orphans(clickhouse)
    assert (removed[tables], removed[copies]) == (0, 0), "they may still be at work"
    monkeypatch.setattr(upkeep, "ORPHAN_SECONDS", -60)
    removed = upkeep.drop_orphans(clickhouse)
    assert (removed[tables], removed[copies]) == (1, 1)
    left = "SELECT count() FROM system.tables WHERE database = 'marts' AND name LIKE '%__dbt_new_data_%'"
    assert warehouse.query(left).result_rows == [(0,)]
    assert Bucket(clickhouse).working_copies() == []
