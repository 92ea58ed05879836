"""The sample exports through landing and dbt: every campaign-day of the marts equals the generator's truth."""

from __future__ import annotations

import shutil
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from clickhouse_connect.driver.client import Client

from include.landing import LedgerLine, discover, load
from include.landing.bucket import Bucket
from include.samples import DEMO, Truth
from include.settings import Settings
from include.transform import build
from tests.integration.conftest import Samples

pytestmark = pytest.mark.integration

WORKSPACE = DEMO.workspace
METRICS = ("impressions", "clicks", "cost", "conversions", "conversion_value")


@pytest.fixture(scope="module")
def built(samples: Samples) -> tuple[Client, Truth, dict[str, LedgerLine]]:
    return samples.client, samples.truth, samples.lines


def campaign_days(client: Client) -> dict[tuple[str, str, str, str], tuple[Any, ...]]:
    rows = client.query(
        "SELECT platform, account_id, campaign_id, toString(date), impressions, clicks, cost, conversions,"
        " conversion_value, currency FROM marts.mart_campaign_daily"
        f" WHERE workspace = '{WORKSPACE}' AND account_id != 'bad-rows-demo'"
    ).result_rows
    return {tuple(row[:4]): tuple(row[4:]) for row in rows}


def test_every_campaign_day_is_exactly_what_the_files_say(
    built: tuple[Client, Truth, dict[str, LedgerLine]],
) -> None:
    client, truth, _ = built
    found = campaign_days(client)
    expected = {
        (row.platform, row.account_id, row.campaign_id, str(row.date)): (
            *(Decimal(str(getattr(row, metric))) for metric in METRICS),
            row.currency,
        )
        for row in truth.rows
    }
    assert set(found) == set(expected)
    wrong = {key: (found[key], expected[key]) for key in expected if found[key] != expected[key]}
    assert not wrong, f"{len(wrong)} of {len(expected)} differ, first: {next(iter(wrong.items()))}"


def test_every_file_is_accounted_for(built: tuple[Client, Truth, dict[str, LedgerLine]]) -> None:
    _, truth, lines = built
    for file in truth.files:
        line = lines[file.path.rsplit("/", 1)[-1]]
        assert line.status == "loaded", line.error
        assert line.rows_loaded == file.data_rows
        assert line.rows_skipped == file.total_rows + file.preamble_lines
        assert line.warnings == [], "declared totals agree with the rows"


def test_bad_files_end_in_the_ledger_with_a_remedy(built: tuple[Client, Truth, dict[str, LedgerLine]]) -> None:
    _, _, lines = built
    status = {name: (lines[name].status, lines[name].error.split(":")[0]) for name in (
        "unknown_layout.csv", "cut_in_the_middle.json", "empty_file.csv", "wrong_encoding_png_bytes.csv",
    )}  # fmt: skip
    assert status == {
        "unknown_layout.csv": ("rejected", "unknown_source"),
        "cut_in_the_middle.json": ("rejected", "truncated_file"),
        "empty_file.csv": ("rejected", "empty_file"),
        "wrong_encoding_png_bytes.csv": ("rejected", "unknown_encoding"),
    }
    bad_rows = lines["two_bad_rows_of_five.csv"]
    assert (bad_rows.rows_read, bad_rows.rows_loaded, bad_rows.rows_rejected) == (5, 3, 2)


def test_the_same_files_again_change_nothing(
    built: tuple[Client, Truth, dict[str, LedgerLine]], clickhouse: Settings
) -> None:
    client, truth, _ = built
    before = campaign_days(client)
    root = clickhouse.home / "landing"
    for file in truth.files[:6]:
        path = root / file.path
        shutil.copy(path, root / WORKSPACE / "inbox" / f"again_{path.name}")
    keys = [key for key in discover(client, Bucket(clickhouse)) if key.startswith(f"{WORKSPACE}/")]
    lines = load(keys, "again", client, Bucket(clickhouse))
    assert {line.status for line in lines} == {"duplicate"}
    days = [max(file.date_max for file in truth.files)]
    for layer in ("staging", "facts", "marts"):
        build(layer, days, "again", settings=clickhouse, tests=False)
    assert campaign_days(client) == before


def test_reporting_money_is_converted_at_the_rate_of_the_day(
    built: tuple[Client, Truth, dict[str, LedgerLine]],
) -> None:
    client, _, _ = built
    rows = client.query(
        "SELECT currency, countIf(cost_reporting IS NULL), countIf(cost_reporting = cost), count()"
        f" FROM marts.mart_campaign_daily WHERE workspace = '{WORKSPACE}' AND cost > 0 GROUP BY currency"
    ).result_rows
    found = {row[0]: tuple(row[1:]) for row in rows}
    assert found["USD"][:2] == (0, found["USD"][2]), "the same currency needs no rate"
    assert found["EUR"][:2] == (0, 0)
    assert found["GBP"][:2] == (0, 0)


# ------------------------------------------------------------- every mart against DuckDB over the files themselves

PERIODS = {"daily": ("date", "date"), "weekly": ("week_start", "week"), "monthly": ("month_start", "month")}
LEVELS = {
    "platform": "platform",
    "account": "platform, account_id",
    "campaign": "platform, account_id, campaign_id",
}


def of_marts(client: Client, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query over marts in which {w} is this workspace; numbers as floats, to the sixth place."""
    return comparable(client.query(sql.replace("{w}", f"workspace = '{WORKSPACE}'")).result_rows)


def of_files(sql: str) -> list[tuple[Any, ...]]:
    """The same of DuckDB."""
    return comparable(duckdb.sql(sql).fetchall())


def comparable(rows: Any) -> list[tuple[Any, ...]]:
    return sorted(
        tuple(round(float(v), 4) if isinstance(v, int | float | Decimal) else str(v) for v in row) for row in rows
    )


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("level", LEVELS)
def test_sums_of_each_level_and_period(
    built: tuple[Client, Truth, dict[str, LedgerLine]], clickhouse: Settings, level: str, period: str
) -> None:
    keys, (column, unit) = LEVELS[level], PERIODS[period]
    days = clickhouse.home / "truth" / "truth_campaign_daily.csv"
    sums = "sum(impressions), sum(clicks), sum(cost), sum(conversions)"
    start = "date" if unit == "date" else f"date_trunc('{unit}', date)::DATE"
    # Tables of their own account are in no truth: the generic platform also has the file with bad rows.
    expected = of_files(
        f"SELECT {keys}, {start}, {sums} FROM read_csv('{days}', types={{'account_id': 'VARCHAR', 'campaign_id': 'VARCHAR'}})"
        f" WHERE platform != 'generic' GROUP BY ALL"
    )
    found = of_marts(
        built[0],
        f"SELECT {keys}, {column}, {sums} FROM marts.mart_{level}_{period} WHERE {{w}} AND platform != 'generic'"
        " GROUP BY ALL",
    )
    if level == "platform":  # accounts of several currencies: their money has no sum in account currency
        expected, found = [row[:-2] for row in expected], [row[:-2] for row in found]
    assert found == expected
    assert found


@pytest.mark.parametrize(
    ("mart", "file", "columns", "names"),
    [
        ("mart_keyword_daily", "google_keywords", "keyword", '"Search keyword"'),
        ("mart_search_term_daily", "google_search_terms", "search_term", '"Search term"'),
        ("mart_landing_page_daily", "google_landing_pages", "landing_page", "split_part(\"Landing page\", '?', 1)"),
    ],
)
def test_sums_of_segments(
    built: tuple[Client, Truth, dict[str, LedgerLine]],
    clickhouse: Settings,
    mart: str,
    file: str,
    columns: str,
    names: str,
) -> None:
    files = clickhouse.home / "landing" / WORKSPACE / "google_ads" / f"{file}_*.csv"
    expected = of_files(
        f'SELECT "Campaign ID"::VARCHAR, {names}, "Day", sum("Impr."), sum("Clicks"), sum("Cost")'
        f" FROM read_csv('{files}') GROUP BY ALL"
    )
    found = of_marts(
        built[0],
        f"SELECT campaign_id, {columns}, date, sum(impressions), sum(clicks), sum(cost) FROM marts.{mart} WHERE {{w}}"
        " GROUP BY ALL",
    )
    assert found == expected
    assert found


def test_sums_of_sessions_and_their_campaigns(
    built: tuple[Client, Truth, dict[str, LedgerLine]], clickhouse: Settings
) -> None:
    file = next((clickhouse.home / "landing" / WORKSPACE / "ga4").glob("*.csv"))
    rows = f"read_csv('{file}', all_varchar=true)"
    sums = "sum(sessions::INT), sum(keyEvents::INT), sum(purchaseRevenue::INT)"
    day = "strptime(date, '%Y%m%d')::DATE"
    for table, value in (("fct_web_sessions_daily", "revenue"), ("mart_utm_daily", "revenue_reporting")):
        assert of_marts(
            built[0], f"SELECT date, sum(sessions), sum(key_events), sum({value}) FROM marts.{table} WHERE {{w}} AND"
            " sessions IS NOT NULL GROUP BY ALL",
        ) == of_files(f"SELECT {day}, {sums} FROM {rows} GROUP BY ALL")  # fmt: skip
    assert of_marts(
        built[0], "SELECT campaign_id, date, sessions, key_events FROM marts.mart_utm_daily WHERE {w} AND match = 'matched'"
    ) == of_files(
        f"SELECT sessionCampaignId, {day}, sum(sessions::INT), sum(keyEvents::INT) FROM {rows}"
        " WHERE sessionMedium IN ('cpc', 'paid_social') GROUP BY ALL"
    )  # fmt: skip
    without = of_marts(
        built[0],
        "SELECT DISTINCT kind, campaign_id FROM marts.mart_utm_audit_daily WHERE {w} AND platform = 'google_ads'",
    )
    assert {row[0] for row in without} == {"spend_without_utm"}, "one campaign of each account lacks UTMs"
    assert len(without) == 2


def test_money_is_converted_by_the_rates_of_the_file(
    built: tuple[Client, Truth, dict[str, LedgerLine]], clickhouse: Settings
) -> None:
    file = clickhouse.home / "landing" / WORKSPACE / "fx_rates" / "eurofxref-hist.csv"
    expected = of_files(f"SELECT Date, USD / GBP FROM read_csv('{file}') WHERE Date >= '2026-06-01'")
    found = of_marts(
        built[0],
        "SELECT date, units / per FROM marts.int_fx_rates_daily WHERE {w} AND currency = 'GBP' AND origin = 'file'"
        " AND date = rate_date AND date >= '2026-06-01'",
    )
    assert found == expected
    assert len(found) > 20
