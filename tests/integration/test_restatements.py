"""What a newer export changed, and which event a workspace counts, through landing and dbt."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from include.landing import discover, load, repairs
from include.landing.bucket import Bucket
from include.quality import check_staging
from include.settings import Settings
from include.transform import build, runner
from include.warehouse.client import connect
from tests.support.waiting import waiting_dates

pytestmark = pytest.mark.integration

HEAD = "date,account_id,campaign_id,campaign_name,impressions,clicks,cost,currency\n"
META = (
    '{"date_start": "2025-02-01", "date_stop": "2025-02-01", "account_id": "9", "campaign_id": "5", "impressions": "10",'
    ' "spend": "3", "account_currency": "USD", "actions": [{"action_type": "omni_purchase", "value": "2"},'
    ' {"action_type": "purchase", "value": "2"}, {"action_type": "lead", "value": "7"},'
    ' {"action_type": "onsite_conversion.lead_grouped", "value": "4"}]}\n'
)


class House:
    """Drop files, load and build what waits."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client: Client = connect(settings)
        self.root = settings.home / "landing"

    def take(self, key: str, text: str) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        bucket = Bucket(self.settings)
        load([k for k in discover(self.client, bucket) if k == key], "restatements", self.client, bucket)
        days = waiting_dates(self.client, key.split("/")[0])
        build("staging", days, "restatements", settings=self.settings, tests=False)

    def restated(self) -> list[tuple[str, str, str, Decimal | None, Decimal | None]]:
        rows = self.client.query(
            "SELECT toString(date), entity_id, metric, before, after FROM ops.restatements WHERE workspace = 'restated'"
            " ORDER BY date, entity_id, metric"
        ).result_rows
        return [tuple(row) for row in rows]  # type: ignore[misc]  # the driver types no cells


@pytest.fixture(scope="module")
def house(postgres: Settings, clickhouse: Settings) -> Iterator[House]:
    place = House(clickhouse)
    yield place
    place.client.close()
    for workspace in ("restated", "recoined", "leads", "mended", "all-mended", "late-leads", "late-purchases"):
        shutil.rmtree(place.root / workspace, ignore_errors=True)


def test_what_a_newer_export_changed_or_removed_is_kept(house: House) -> None:
    first = (
        "2025-01-01,a,1,Brand,100,10,5.00,USD\n2025-01-01,a,2,Gone,50,5,2.50,USD\n2025-01-02,a,1,Brand,80,8,4.00,USD\n"
    )
    house.take("restated/generic/x_exported_20250103.csv", HEAD + first)
    assert house.restated() == [], "a first export restates nothing"
    newer = "2025-01-01,a,1,Brand,100,12,5.75,USD\n2025-01-01,a,3,New,1,1,1,USD\n2025-01-02,a,1,Brand,80,8,4.00,USD\n"
    house.take("restated/generic/x_exported_20250104.csv", HEAD + newer)
    one = Decimal(1)
    expected = [
        ("2025-01-01", "1", "clicks", 10 * one, 12 * one),
        ("2025-01-01", "1", "cost", Decimal("5.00"), Decimal("5.75")),
        ("2025-01-01", "2", "clicks", 5 * one, None),
        ("2025-01-01", "2", "cost", Decimal("2.50"), None),
        ("2025-01-01", "2", "impressions", 50 * one, None),
        ("2025-01-01", "3", "clicks", None, one),
        ("2025-01-01", "3", "cost", None, one),
        ("2025-01-01", "3", "impressions", None, one),
    ]
    assert house.restated() == expected
    # An older export that comes late changes nothing, and neither does building again.
    house.take("restated/generic/x_exported_20250102.csv", HEAD + first.replace("5.00", "9.99"))
    build("staging", waiting_dates(house.client, "restated"), "restatements", settings=house.settings)
    assert house.restated() == expected


def test_the_same_amount_in_another_currency_is_a_restatement(house: House) -> None:
    row = "2025-05-01,a,1,Brand,100,10,300.50,USD\n2025-05-01,a,2,Free,100,10,0,USD\n"
    house.take("recoined/generic/x_exported_20250502.csv", HEAD + row)
    house.take("recoined/generic/x_exported_20250503.csv", HEAD + row.replace("USD", "EUR"))
    amount = Decimal("300.5")
    assert house.client.query(
        "SELECT entity_id, metric, before, currency_before, after, currency FROM ops.restatements WHERE workspace = 'recoined'"
    ).result_rows == [("1", "cost", amount, "USD", amount, "EUR")]


def test_repaired_rows_reach_staging_and_take_nothing_away(house: House) -> None:
    text = HEAD + "2025-03-01,a,1,Brand,100,10,5.00,USD\n2025-03-01,a,2,Shoes,50,x,2.50,USD\n"
    house.take("mended/generic/x_exported_20250302.csv", text)
    staged = "SELECT campaign_id, clicks, toFloat64(cost) FROM staging.stg_ad_performance WHERE workspace = 'mended' ORDER BY 1"
    assert house.client.query(staged).result_rows == [("1", 10, 5.0)]
    file_id = house.client.command("SELECT file_id FROM ops.rejected_rows WHERE workspace = 'mended'")
    out = io.StringIO()
    assert repairs.write(house.client, str(file_id), out) == 1
    house.take("mended/inbox/repair.csv", out.getvalue().replace(",x,", ",5,", 1))
    both = [("1", 10, 5.0), ("2", 5, 2.5)]
    assert house.client.query(staged).result_rows == both
    conserved = check_staging([date(2025, 3, 1)], "restatements", house.settings)
    assert conserved.errors == ()
    # An older export that comes late takes neither away, a newer one both.
    house.take("mended/generic/x_exported_20250301.csv", HEAD + "2025-03-01,a,9,Old,1,1,1,USD\n")
    assert house.client.query(staged).result_rows == both
    house.take("mended/generic/x_exported_20250303.csv", HEAD + "2025-03-01,a,1,Brand,100,11,5.00,USD\n")
    assert house.client.query(staged).result_rows == [("1", 11, 5.0)]


def test_repaired_campaigns_of_a_file_that_was_all_rejected_reach_the_marts(house: House) -> None:
    text = HEAD + "2025-04-01,a,1,Brand,100,x,5.00,USD\n2025-04-01,a,2,Shoes,50,x,2.50,USD\n"
    house.take("all-mended/generic/all.csv", text)
    file_id = house.client.command("SELECT any(file_id) FROM ops.rejected_rows WHERE workspace = 'all-mended'")
    out = io.StringIO()
    assert repairs.write(house.client, str(file_id), out) == 2
    lines = [line.replace(",x,", ",5,", 1) for line in out.getvalue().splitlines(keepends=True)]
    house.take("all-mended/inbox/repair.csv", "".join(lines))
    for layer in ("facts", "marts"):
        build(layer, [date(2025, 4, 1)], "all-mended", settings=house.settings, tests=False)
    mine = "WHERE workspace = 'all-mended' ORDER BY ALL"
    staged = f"SELECT campaign_id, grain FROM staging.stg_ad_performance {mine}"
    assert house.client.query(staged).result_rows == [("1", "campaign"), ("2", "campaign")]
    marts = f"SELECT campaign_id, toFloat64(cost) FROM marts.mart_campaign_daily {mine}"
    assert house.client.query(marts).result_rows == [("1", 5.0), ("2", 2.5)]


def test_an_older_export_in_place_of_the_newest_fails_the_build(house: House) -> None:
    """Rules 1 and 2 at staging: the same number of rows, of another file; and a row less."""

    def tested(*changes: str) -> str:
        for change in changes:
            house.client.command(change)
        outcome = runner.invoke(
            house.settings,
            ["test", "--select", "conserved_from_landing_stg_ad_performance_"],
            environment={runner.DATES: "2025-01-02"},
        )
        return " ".join(str(node["status"]) for node in outcome.nodes)

    house.take("restated/generic/x_exported_20250105.csv", HEAD + "2025-01-02,a,1,Brand,81,8,4.00,USD\n")
    assert tested() == "pass"
    mine = "workspace = 'restated' AND date = '2025-01-02'"
    old = {
        column: house.client.query(
            f"SELECT {column} FROM ops.current_loads WHERE workspace = 'restated' AND uri LIKE '%x_exported_20250104.csv'"
        ).first_row[0]
        for column in ("load_id", "file_id")
    }
    swapped = f"SELECT * REPLACE ({old['load_id']} AS load_id, '{old['file_id']}' AS file_id)"
    assert tested(
        f"INSERT INTO staging.int_current_exports {swapped} FROM staging.int_current_exports WHERE {mine}",
        f"DELETE FROM staging.int_current_exports WHERE {mine} AND load_id != {old['load_id']}",
    ) == "fail"  # fmt: skip
    assert tested(f"DELETE FROM staging.int_current_exports WHERE {mine}") == "fail"
    build("staging", [date(2025, 1, 2)], "mended", settings=house.settings)


def test_a_workspace_counts_the_event_that_it_chose(house: House, tmp_path: Path) -> None:
    house.take("leads/meta_ads/one.ndjson", META)
    counted = "SELECT conversions FROM staging.stg_ad_performance WHERE workspace = 'leads'"
    assert house.client.query(counted).first_row[0] == 2
    house.client.command("INSERT INTO staging.workspaces VALUES ('leads', 'USD', 'lead')")
    house.take("leads/meta_ads/two.ndjson", META.replace('"spend": "3"', '"spend": "4"'))
    assert house.client.query(counted).first_row[0] == 7, "one tier: lead, never the sum of its aliases"


def test_how_late_conversions_come_is_told_of_the_event_that_counts(house: House) -> None:
    """A day exported young and when it was final, of a workspace that counts leads and of one that counts purchases."""
    for workspace in ("late-leads", "late-purchases"):
        house.take(f"{workspace}/meta_ads/a_exported_20250202.ndjson", META.replace('"value": "7"', '"value": "6"'))
    house.client.command("INSERT INTO staging.workspaces VALUES ('late-leads', 'USD', 'lead')")
    for workspace in ("late-leads", "late-purchases"):
        house.take(f"{workspace}/meta_ads/a_exported_20250214.ndjson", META)
    build("facts", [date(2025, 2, 1)], "late", settings=house.settings)
    found = house.client.query(
        "SELECT workspace, event, age, conversions FROM marts.int_export_conversions WHERE workspace LIKE 'late-%' ORDER BY ALL"
    ).result_rows
    assert found == [
        ("late-leads", "lead", 1, 6),
        ("late-leads", "lead", 8, 7),
        ("late-purchases", "", 1, 2),
        ("late-purchases", "", 8, 2),
    ]
