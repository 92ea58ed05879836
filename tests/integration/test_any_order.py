"""Incremental is full refresh: the same history day by day, in random order side by side, and whole, gives the same.

`INSIGHTFLOW_TEST_STEP_DAYS=1` builds day by day in steps of one day (the long form); by default a step is 30 days.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from clickhouse_connect.driver.client import Client

from include import landing
from include.landing.bucket import Bucket
from include.settings import REPO, Settings
from include.transform import LAYERS, build
from include.warehouse.client import connect
from tests.support import history
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of
from tests.support.snapshots import Snapshot, assert_same, snapshot

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]

DAYS = int(os.environ.get("INSIGHTFLOW_TEST_DAYS", "60"))
STEP = int(os.environ.get("INSIGHTFLOW_TEST_STEP_DAYS", "30"))
SHUFFLED = min(STEP, 20)  # dates that a build has in random order
FILES = history.exports(DAYS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Client]]:
    settings = settings_of(tmp_path_factory.mktemp("any_order"))
    with migrated_postgres(settings), migrated_clickhouse(settings):
        client = connect(settings)
        yield settings, client
        client.close()


@pytest.fixture(scope="module")
def day_by_day(place: tuple[Settings, Client]) -> Snapshot:
    """Files arrive step by step; each step loads what is new and builds the dates that wait."""
    settings, client = place
    bucket = Bucket(settings)
    folder = settings.home / "landing" / "history" / "generic"
    folder.mkdir(parents=True)
    first = history.LAST - timedelta(days=DAYS - 1)
    for start in range(0, DAYS, STEP):
        until = first + timedelta(days=start + STEP - 1)
        for file in FILES:
            if until - timedelta(days=STEP) < file.day <= until:
                (folder / file.name).write_text(file.text)
        lines = landing.load(landing.discover(client, bucket), "step", client, bucket)
        assert {line.status for line in lines} == {"loaded"}, [line.error for line in lines]
        waiting = landing.pending_dates(client)
        for layer in LAYERS:
            build(layer, waiting, f"step-{start}", settings=settings, tests=False)
        landing.mark_built(landing.fingerprints(waiting, client), f"step-{start}", client)
    return snapshot(client)


def test_marts_hold_the_sums_of_the_newest_exports(place: tuple[Settings, Client], day_by_day: Snapshot) -> None:
    _, client = place
    rows = client.query(
        f"SELECT account_id, campaign_id, toString(date), {', '.join(history.METRICS)} FROM marts.mart_campaign_daily"
    ).result_rows
    found = {tuple(row[:3]): [Decimal(str(value)) for value in row[3:]] for row in rows}
    expected = {key: [sums[metric] for metric in history.METRICS] for key, sums in history.truth(FILES).items()}
    assert found == expected
    for table, period in (("daily", "date"), ("weekly", "week_start"), ("monthly", "month_start")):
        for entity, ids in (
            ("platform", ()),
            ("account", ("account_id",)),
            ("campaign", ("account_id", "campaign_id")),
        ):
            sums: dict[tuple[str, ...], Decimal] = {}
            for (account, campaign, day), metrics in history.truth(FILES).items():
                named = {"account_id": account, "campaign_id": campaign}
                key = (*(named[name] for name in ids), first_day(date.fromisoformat(day), period).isoformat())
                sums[key] = sums.get(key, Decimal(0)) + metrics["clicks"]
            columns = ", ".join([*ids, f"toString({period})", "toDecimal64(clicks, 0)"])
            rows = client.query(f"SELECT {columns} FROM marts.mart_{entity}_{table}").result_rows
            assert {tuple(row[:-1]): row[-1] for row in rows} == sums, f"mart_{entity}_{table}"


def first_day(day: date, column: str) -> date:
    if column == "week_start":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if column == "month_start" else day


def test_in_random_order_side_by_side(place: tuple[Settings, Client], day_by_day: Snapshot) -> None:
    """All files are there; two processes build the dates, shuffled, at the same time, into emptied tables."""
    settings, client = place
    for name in day_by_day:
        client.command(f"TRUNCATE TABLE {name}")
    days = sorted(landing.fingerprints(client=client))
    random.Random(5).shuffle(days)
    steps = [days[at : at + SHUFFLED] for at in range(0, len(days), SHUFFLED)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INSIGHTFLOW_")} | {
        "INSIGHTFLOW_HOME": str(settings.home),
        "INSIGHTFLOW_CLICKHOUSE_PORT": str(settings.clickhouse_port),
        "INSIGHTFLOW_POSTGRES_PORT": str(settings.postgres_port),
    }
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.builder", json.dumps(steps[number::2])], cwd=REPO, env=environment
        )
        for number in range(2)
    ]
    assert [worker.wait(3000) for worker in workers] == [0, 0]
    assert_same(snapshot(client), day_by_day)


def test_full_refresh(place: tuple[Settings, Client], day_by_day: Snapshot) -> None:
    """The tables made anew from raw, and every data test on all of history."""
    settings, client = place
    for layer in LAYERS:
        build(layer, [], "full", full_refresh=True, settings=settings)
    assert_same(snapshot(client), day_by_day)


def test_the_history_is_one_that_can_go_wrong(place: tuple[Settings, Client], day_by_day: Snapshot) -> None:
    """The files hold what the equality is about, and the tables hold something."""
    learned = "maturity NOT IN (0.8, 0.92, 0.97, 0.99, 1) AND entity_type = 'campaign'"
    assert place[1].query(f"SELECT count() FROM staging.int_anomaly_series WHERE {learned}").first_row[0] > 0
    told = ("anomaly_daily", "insight_feed", "dim_campaign", "int_export_conversions")
    assert [name for name in told if not day_by_day[f"marts.{name}"]] == []
    days: dict[tuple[str, str], set[str]] = {}
    for file in FILES:
        for row in history.rows(file):
            days.setdefault((row["account_id"], row["date"]), set()).add(file.name)
    assert sum(len(names) > 1 for names in days.values()) > DAYS, "most days are restated"
    names = {row["campaign_name"] for file in FILES for row in history.rows(file) if row["campaign_id"] == "c0"}
    assert len(names) >= 3, "a campaign is renamed"
