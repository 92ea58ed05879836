"""How late a platform's conversions come is learned from its exports, through landing and dbt."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client

from include import landing
from include.landing.bucket import Bucket
from include.settings import Settings
from include.transform import build
from include.warehouse.client import connect
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

FIRST = date(2026, 3, 1)
DAYS, DAILY, BACK = 90, 30, 10  # an export of the history, then one a day of the last ten days
LAST = FIRST + timedelta(DAYS - 1)
# Share of the conversions that are there after 0, 1, … days. The default says 80 % after none.
SEEN = np.array([0.25, 0.45, 0.6, 0.72, 0.82, 0.89, 0.94, 0.98, 1.0])
CLICKS = {"Brand": 900, "Generic": 700, "Broken": 800}
BROKEN = DAYS - 12  # this one converts nothing from here on, for three days
COLUMNS = ("date", "account_id", "campaign_id", "campaign_name", "impressions", "clicks", "cost", "conversions", "conversion_value", "currency")  # fmt: skip
Row = tuple[object, ...]


def write_exports(folder: Path) -> None:
    """All files of an account; what an older export saw is part of what a newer one sees."""
    rng = np.random.default_rng(3)
    arrivals = np.diff(SEEN, prepend=0)
    seen: dict[tuple[int, str], tuple[int, np.ndarray]] = {}
    for day in range(DAYS):
        for name, usual in CLICKS.items():
            clicks = int(rng.poisson(usual * rng.gamma(200, 1 / 200)))
            conversions = 0 if name == "Broken" and BROKEN <= day < BROKEN + 3 else rng.binomial(clicks, 0.05)
            seen[day, name] = clicks, np.cumsum(rng.multinomial(conversions, arrivals))

    def rows(first: int, last: int) -> Iterator[Row]:
        for day in range(first, last + 1):
            for number, name in enumerate(CLICKS):
                clicks, conversions = seen[day, name]
                count = int(conversions[min(last - day, len(SEEN) - 1)])
                yield (
                    FIRST + timedelta(day), "slow", f"c{number}", name, clicks * 25, clicks, f"{clicks * 0.71:.2f}",
                    count, f"{count * 41.3:.2f}", "USD",
                )  # fmt: skip

    folder.mkdir(parents=True)
    history = DAYS - DAILY - 1
    for first, last in [(0, history), *((day - BACK + 1, day) for day in range(history + 1, DAYS))]:
        exported = FIRST + timedelta(last)
        with (folder / f"slow_exported_{exported:%Y%m%d}T233000Z.csv").open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows(first, last)])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Client]]:
    """Everything landed at once and built at once: no build has noticed a restatement."""
    settings = settings_of(tmp_path_factory.mktemp("late"))
    with migrated_postgres(settings), migrated_clickhouse(settings):
        client = connect(settings)
        bucket = Bucket(settings)
        write_exports(settings.home / "landing" / "late" / "generic")
        lines = landing.load(landing.discover(client, bucket), "late", client, bucket)
        assert {line.status for line in lines} == {"loaded"}, [line.error for line in lines]
        for layer in ("staging", "facts", "marts", "anomalies"):
            build(layer, landing.pending_dates(client), "late", settings=settings, tests=False)
        yield settings, client
        client.close()


def alarms(client: Client, first: date) -> list[tuple[date, str, str]]:
    """Anomalies that rest on conversions, of campaigns, accounts and platforms."""
    rows = client.query(
        "SELECT DISTINCT date, entity_name, kind FROM marts.anomaly_daily WHERE date >= {first:Date}"
        " AND metric IN ('conversions', 'conversion_value', 'cvr', 'cpa', 'roi') ORDER BY ALL",
        parameters={"first": first},
    ).result_rows
    return [tuple(row) for row in rows]


def test_the_curve_is_that_of_the_platform(place: tuple[Settings, Client]) -> None:
    _, client = place
    curve, days = client.query(
        f"SELECT curve, settled_days FROM staging.int_conversion_maturity WHERE date = '{LAST}'"
    ).first_row
    assert days == 21, "days whose newest export is 8 days old or older, of those that were exported young"
    assert np.abs(np.array(curve) - SEEN).max() < 0.06, curve
    used = client.query(
        f"SELECT entity_type, maturity FROM staging.int_anomaly_series WHERE date = '{LAST}' GROUP BY ALL ORDER BY 1"
    ).result_rows
    assert used == [("account", curve[0]), ("campaign", curve[0]), ("platform", curve[0])]


def test_days_that_were_exported_once_teach_nothing(place: tuple[Settings, Client]) -> None:
    """The history's export loads 50 days that no other does. Up to 5 final days later the default stands."""
    _, client = place
    begins = client.query("SELECT min(date), min(age) FROM marts.int_export_conversions").first_row
    assert begins == (FIRST + timedelta(DAYS - DAILY - 8), 0), "the first that was seen at 7 days and again"
    learned = client.query("SELECT min(date) FROM staging.int_conversion_maturity").first_row[0]
    default = client.query(
        f"SELECT DISTINCT date, maturity FROM staging.int_anomaly_series WHERE date < '{learned}' AND maturity < 1"
    ).result_rows
    assert {share for _, share in default} <= {0.80, 0.92, 0.97, 0.99}


def test_a_slow_platform_raises_no_alarm_and_a_break_still_does(place: tuple[Settings, Client]) -> None:
    settings, client = place
    broken = FIRST + timedelta(BROKEN)
    learned = alarms(client, broken)
    assert {day for day, name, kind in learned if (name, kind) == ("Broken", "tracking_break")} >= {
        broken + timedelta(1),
        broken + timedelta(2),
    }
    assert [alarm for alarm in learned if alarm[0] > broken + timedelta(9)] == []

    client.command("TRUNCATE TABLE marts.int_export_conversions")
    build("anomalies", [LAST], "default", settings=settings, tests=False)
    by_default = {(name, kind) for _, name, kind in alarms(client, LAST)}
    assert {("Brand", "tracking_break"), ("slow", "tracking_break")} & by_default, by_default
