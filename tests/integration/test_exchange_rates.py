"""Rate files in the bucket: the dates that they touch, and no others, are rebuilt; incremental equals full refresh."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from include.landing import discover, fingerprints, load, mark_built, pending_dates
from include.landing.bucket import Bucket
from include.quality.rates import money_without_rate
from include.settings import Settings
from include.transform import runner, seeds
from include.transform.version import project_version
from include.warehouse.client import connect
from tests.support.waiting import waiting_dates

pytestmark = pytest.mark.integration

# A Wednesday to the Thursday after. The seed has rates of business days.
DAYS = [date(2026, 6, 24) + timedelta(n) for n in range(9)]
FRIDAY, SATURDAY, SUNDAY, MONDAY = DAYS[2:6]
OWN, OTHER = "rates-own", "rates-other"
UPSTREAM = ("mart_account_daily",)
TABLES = ("int_fx_rates_daily", "fct_ad_performance_daily", "mart_campaign_daily", "mart_account_weekly")


class Shop:
    """Two workspaces with GBP and TRY accounts, built for all days."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.client, self.bucket = settings, connect(settings), Bucket(settings)
        self.root = settings.home / "landing"

    def drop(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        keys = [key for key in discover(self.client, self.bucket) if key.startswith("rates-")]
        for line in load(keys, "rates", self.client, self.bucket):
            assert line.status == "loaded", line.error

    def build(self, days: list[date], full_refresh: bool = False) -> None:
        seen = fingerprints(days, self.client)
        named = {} if full_refresh else {runner.DATES: ",".join(day.isoformat() for day in days)}
        refresh = ["--full-refresh"] if full_refresh else []
        models = ["stg_ad_performance", "int_current_exports", *TABLES, *UPSTREAM]
        outcome = runner.invoke(self.settings, ["run", "--select", *models, *refresh], environment=named)
        assert outcome.success, outcome.nodes
        mark_built(seen, "rates", self.client, project_version())

    def pending(self) -> list[date]:
        return [day for day in pending_dates(self.client) if day in DAYS]

    def costs(self, workspace: str = OWN, campaign: str = "uk") -> dict[date, Decimal | None]:
        rows = self.client.query(
            "SELECT date, cost_reporting FROM marts.mart_campaign_daily WHERE workspace = {w:String} AND"
            " campaign_id = {c:String}",
            parameters={"w": workspace, "c": campaign},
        ).result_rows
        return dict(rows)

    def snapshot(self) -> dict[str, list[str]]:
        return {
            table: sorted(
                row[0]
                for row in self.client.query(
                    f"SELECT toString(tuple(*)) FROM marts.{table} WHERE startsWith(workspace, 'rates-')"
                ).result_rows
            )
            for table in TABLES
        }


@pytest.fixture(scope="module")
def shop(postgres: Settings, clickhouse: Settings) -> Iterator[Shop]:
    shop = Shop(clickhouse)
    seeds.load_changed(clickhouse, "rates")
    for workspace in (OWN, OTHER):
        rows = "".join(f"{day},uk,100,10,85,GBP\n{day},tr,100,10,50,TRL\n" for day in DAYS)
        shop.drop(f"{workspace}/generic/ads.csv", f"date,campaign_id,impressions,clicks,cost,currency\n{rows}")
    shop.build(waiting_dates(shop.client, OWN, OTHER))
    yield shop
    shop.client.close()
    for workspace in (OWN, OTHER):
        shutil.rmtree(shop.root / workspace, ignore_errors=True)


def test_a_rate_rebuilds_the_dates_that_it_touches(shop: Shop) -> None:
    assert shop.pending() == []
    by_seed = shop.costs()
    assert None not in by_seed.values()
    # The whole history of a bank, of which two days differ from what stands, of currencies in use or not.
    head = "Date,USD,GBP,JPY,\n"
    shop.drop(f"{OWN}/fx_rates/one.csv", f"{head}{FRIDAY},1.20,0.60,170,\n{MONDAY},N/A,N/A,171,\n")
    assert shop.pending() == [FRIDAY, SATURDAY, SUNDAY], "the days until the next rate"
    shop.build(shop.pending())
    assert shop.pending() == []
    assert shop.costs() == by_seed | dict.fromkeys([FRIDAY, SATURDAY, SUNDAY], Decimal(170))
    assert shop.costs(OTHER) == by_seed, "another workspace does not see the file"
    # The same rates again, beside one of a currency that nobody uses: nothing to do.
    shop.drop(f"{OWN}/fx_rates/again.csv", f"{head}{FRIDAY},1.200,0.60,169,\n")
    assert shop.pending() == []
    # A newer file corrects Friday's.
    shop.drop(f"{OWN}/fx_rates/newer.csv", f"date,currency,rate\n{FRIDAY},GBP,0.75\n")
    assert shop.pending() == [FRIDAY, SATURDAY, SUNDAY]
    shop.build(shop.pending())
    assert shop.costs()[SUNDAY] == Decimal(136)
    # A rate of a currency that had none.
    assert shop.costs(campaign="tr") == dict.fromkeys(DAYS)
    shop.drop(f"{OWN}/inbox/lira.csv", f"date,currency,rate,base\n{SATURDAY},TRL,0.5,USD\n")
    assert shop.pending() == [SATURDAY + timedelta(n) for n in range(6)], "until the end, or for seven days"
    shop.build(shop.pending())
    assert shop.costs(campaign="tr") == dict.fromkeys(DAYS[:3]) | dict.fromkeys(DAYS[3:], Decimal(100))


def test_what_has_no_rate_is_named(shop: Shop) -> None:
    missing = {(row["workspace"], row["currency"]): row for row in money_without_rate(shop.client, DAYS)}
    assert missing[OTHER, "TRL"]["dates"] == DAYS
    assert (OTHER, "GBP") not in missing


def test_day_by_day_equals_a_full_refresh(shop: Shop, tmp_path: Path) -> None:
    incremental = shop.snapshot()
    assert all(incremental.values())
    shop.build(DAYS, full_refresh=True)
    assert shop.snapshot() == incremental


def test_another_reporting_currency_rebuilds_every_date_of_its_workspace(shop: Shop) -> None:
    currencies = f"SELECT DISTINCT reporting_currency FROM marts.mart_campaign_daily WHERE workspace = '{OWN}'"
    assert shop.pending() == []
    shop.client.command(f"INSERT INTO staging.workspaces VALUES ('{OWN}', 'EUR', 'purchase')")
    try:
        assert shop.pending() == DAYS
        shop.build(DAYS[:2])
        assert shop.pending() == DAYS[2:], "what is built already waits no more"
        shop.build(DAYS[2:])
        assert shop.pending() == []
        assert shop.client.query(currencies).result_rows == [("EUR",)]
    finally:
        shop.client.command(
            f"ALTER TABLE staging.workspaces DELETE WHERE workspace = '{OWN}' SETTINGS mutations_sync = 1"
        )
        shop.build(shop.pending())
