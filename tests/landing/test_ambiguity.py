"""What a file does not show is refused or said, never guessed: units, platforms, digits of ids."""

from __future__ import annotations

import io
import json

import pyarrow
import pyarrow.parquet
import pytest

from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

ADWORDS = "Day,Account,Campaign,Campaign ID,Impressions,Clicks,Cost,Total conv. value,Currency,Customer ID\n"
REDDIT = "account_id,date,country,_fivetran_synced,clicks,impressions,spend\na1,2026-06-01,US,2026-06-02T00:00:00Z,5,100,2500000\n"


def adwords(*costs: str) -> str:
    rows = (f"2026-06-{n:02},Acme,A,11,1000,50,{cost},90,EUR,123-456-7890\n" for n, cost in enumerate(costs, start=1))
    return ADWORDS + "".join(rows)


def test_units_that_no_column_shows_refuse_the_file(landing: Landing) -> None:
    landing.put("inbox/micros.csv", adwords("12500000", "0", "10000000") + "Total,,,,,,22.50,,,\n")
    landing.put("inbox/units.csv", adwords("12500000", "10.50"))
    landing.put("google_ads/small.csv", adwords("120", "95"))
    landing.put("inbox/reddit.csv", REDDIT)
    landing.put("generic/own.csv", REDDIT.replace("5,100", "7,100"))
    landing.put("reddit_ads/reddit.csv", REDDIT.replace("5,100", "6,100"))
    lines = landing.load()
    assert lines["micros.csv"].error.startswith("ambiguous_unit:")
    assert lines["units.csv"].rows_loaded == lines["small.csv"].rows_loaded == 2
    said = landing.rows(
        "SELECT error FROM ops.file_ledger WHERE workspace = {w:String} AND endsWith(uri, 'inbox/reddit.csv')"
    )
    assert said[0][0].startswith("ambiguous_source:")
    assert landing.rows(
        "SELECT source, toFloat64(cost) FROM raw.ad_performance_rows WHERE workspace = {w:String}"
        " AND source IN ('generic', 'reddit_ads') ORDER BY 1"
    ) == [("generic", 2500000.0), ("reddit_ads", 2.5)]


def test_a_table_without_cost_says_so(landing: Landing) -> None:
    landing.put("generic/budgets.csv", "date,campaign_id,impressions,clicks,budget\n2026-06-01,1,10,1,5\n")
    landing.put("generic/costs.csv", "date,campaign_id,impressions,clicks,cost\n2026-06-01,1,10,1,5\n")
    lines = landing.load()
    assert lines["budgets.csv"].warnings[0] == "no column of cost was found: what these rows cost is unknown"
    assert not [w for w in lines["costs.csv"].warnings if "no column of cost" in w]


def google(*days: str, cost: str = "Cost") -> str:
    return f"Day,Campaign,Campaign ID,Customer ID,Impressions,Clicks,{cost}\n" + "".join(
        f"{day},Brand,7,123-456-7890,100,10,5.50\n" for day in days
    )


def test_a_table_without_cost_replaces_no_days_that_have_it(landing: Landing) -> None:
    landing.put("google_ads/good_exported_20260610.csv", google("2026-06-01", "2026-06-02"))
    landing.put("google_ads/other_exported_20260611.csv", google("2026-06-02", cost="Ausgegeben"))
    lines = landing.load()
    assert lines["good_exported_20260610.csv"].status == "loaded"
    beside = lines["other_exported_20260611.csv"]
    assert (beside.status, beside.rows_loaded) == ("rejected", 0)

    landing.put("google_ads/again_exported_20260612.csv", google("2026-06-02", "2026-06-03", cost="Aufwand"))
    # Of an older time, or of days that have no cost, it takes nothing away.
    landing.put("google_ads/older_exported_20260601.csv", google("2026-06-02", cost="Betrag"))
    landing.put("google_ads/later_exported_20260613.csv", google("2026-06-05", cost="Aufwand"))
    lines = landing.load()
    assert [lines[name].status for name in ("older_exported_20260601.csv", "later_exported_20260613.csv")] == [
        "loaded"
    ] * 2
    said = lines["again_exported_20260612.csv"].error
    assert said.startswith("missing_cost: no column of cost (as Cost, ")
    assert (
        "nothing reads Aufwand. It would replace 1 day (2026-06-02) with a cost of 5.50 by none. Export with cost"
        in said
    )
    assert "add the header's name to sources/google_ads.yml" in said


def test_a_header_that_is_nearly_cost_refuses_the_file(landing: Landing) -> None:
    landing.put("google_ads/kost.csv", google("2026-06-01", cost="Kost"))
    landing.put("google_ads/post.csv", google("2026-06-02", cost="Post").replace("5.50", "a post"))
    lines = landing.load()
    assert lines["kost.csv"].error.startswith("missing_cost: no column of cost (as Cost, ")
    assert "Kost holds numbers that nothing reads: is it Cost? Export with cost" in lines["kost.csv"].error
    assert lines["post.csv"].status == "loaded"


def test_a_header_names_the_currency_of_any_table(landing: Landing) -> None:
    head = "Date,Account Name,Campaign Name,Campaign ID,Impressions,Clicks"
    landing.put("inbox/quora.csv", f"{head},Spend (USD)\n2026-06-02,Acme,Q,77,1000,50,12.50\n")
    landing.put("inbox/reddit.csv", f"{head},Amount Spent (EUR)\n2026-06-03,Acme,R,78,1000,50,€1.50\n")
    united = "date_day,platform,campaign_id,clicks,impressions,spend\n2026-06-01,a,6,5,100,2\n2026-06-01,b,6,5,100,2\n"
    landing.put("inbox/united.csv", united)
    assert {line.rows_loaded for line in landing.load().values()} == {1, 2}
    assert landing.rows(
        "SELECT campaign_id, currency, toFloat64(cost), segments['platform'] FROM raw.ad_performance_rows"
        " WHERE workspace = {w:String} ORDER BY campaign_id, segments['platform']"
    ) == [("6", "", 2.0, "a"), ("6", "", 2.0, "b"), ("77", "USD", 12.5, ""), ("78", "EUR", 1.5, "")]


def test_cells_that_say_more_than_a_number(landing: Landing) -> None:
    """12% of something is no cost of 12; a comma after ¥ or ₩ is never one of decimals."""
    rows = ["12%,EUR", '"¥12,345",JPY', '"JPY 1,234",JPY', '"₩9,876",KRW', '"€1,234",EUR']
    text = "".join(f"2026-06-{n:02},{n},{row}\n" for n, row in enumerate(rows, start=1))
    landing.put("inbox/cells.csv", "date,campaign_id,cost,currency\n" + text)
    line = landing.load()["cells.csv"]
    assert line.rejected == {"not_a_number": 1, "ambiguous_number": 1}
    assert "line 2: not_a_number (cost = 12%)" in line.error
    assert landing.rows(
        "SELECT campaign_id, toFloat64(cost) FROM raw.ad_performance_rows WHERE workspace = {w:String}"
        " AND disposition = 'loaded' ORDER BY campaign_id"
    ) == [("2", 12345.0), ("3", 1234.0), ("4", 9876.0)]


def test_a_line_of_totals_that_names_what_it_sums(landing: Landing) -> None:
    rows = "2026-06-01,Brand,10,5\nTotal: Account,,10,5\nTotal: Filtered campaigns,,10,5\n2026-06-02,Total: War,10,5\n"
    landing.put("inbox/totals.csv", f"date,campaign,clicks,cost\n{rows}")
    line = landing.load()["totals.csv"]
    assert (line.rows_loaded, line.skipped, line.rejected) == (2, {"total_row": 2}, {})


def test_ids_that_floats_carried(landing: Landing) -> None:
    """Up to 2^53 a float tells every whole number from the next; from there on its ids are refused."""
    ids = [12.0, 1234567890123456.0, 2.0**53, 120211234567890000.0]
    table = pyarrow.table(
        {"date": ["2026-06-01"] * 4, "campaign_id": ids, "impressions": [1, 2, 3, 4], "cost": [1.0] * 4}
    )
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream)
    landing.put("generic/floats.parquet", stream.getvalue())
    narrow = table.set_column(1, "campaign_id", pyarrow.array([12.0, 16777215.0, 16777217.0, 3e9], pyarrow.float32()))
    pyarrow.parquet.write_table(narrow, stream := io.BytesIO())
    landing.put("generic/narrow.parquet", stream.getvalue())
    rows = [
        {"date": "2026-06-01", "campaign_id": n, "impressions": 1, "cost": 1}
        for n in (120211234567890123, 2**53 + 1, 1e17, 9007199254740992.0)
    ]
    landing.put("generic/numbers.ndjson", "\n".join(map(json.dumps, rows)))
    lines = landing.load()
    found = {
        name: [
            r[0]
            for r in landing.rows(
                f"SELECT campaign_id FROM raw.ad_performance_rows WHERE load_id = {line.load_id} AND disposition = 'loaded' ORDER BY row_number"
            )
        ]
        for name, line in lines.items()
    }
    assert found == {
        "floats.parquet": ["12", "1234567890123456"],
        "narrow.parquet": ["12", "16777215"],
        "numbers.ndjson": ["120211234567890123", "9007199254740993"],
    }
    assert {reason for line in lines.values() for reason in line.rejected} == {"damaged_id"}
