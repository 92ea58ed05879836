"""A file taken back leaves the marts and the insights as if it had never come, and the next run knows which dates to build."""

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
from include.orchestration import steps
from include.quality import check_staging
from include.settings import Settings
from include.transform import LAYERS, build
from include.warehouse.client import connect
from tests.support import history
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of
from tests.support.snapshots import assert_same, snapshot

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

DAYS = 30
FILES = history.exports(DAYS)
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

    def drop(self, name: str, text: str, workspace: str = "history") -> None:
        path = self.settings.home / "landing" / workspace / "generic" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, name: str) -> list[str]:
        """Load what is new and build what waits, every layer; return the dates that were built."""
        bucket = Bucket(self.settings)
        lines = landing.load(landing.discover(self.client, bucket), name, self.client, bucket)
        assert {line.status for line in lines} <= {"loaded"}, [line.error for line in lines]
        seen = steps.dates_to_build([], name, lambda _: False)
        days = [date.fromisoformat(day) for day in seen]
        for layer in LAYERS:
            build(layer, days, name, settings=self.settings)
            if layer == "staging" and days:
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
    with house_in(tmp_path_factory.mktemp("removal")) as place:
        for workspace in ("history", "other"):
            for file in FILES:
                place.drop(file.name, file.text, workspace)
        place.run("first")
        yield place


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
    assert house.run("after") == touched, "the next run builds its dates, also those that nothing covers any more"
    assert_same(snapshot(house.client), before)
    assert house.published() == told
    assert house.run("nothing waits") == []
