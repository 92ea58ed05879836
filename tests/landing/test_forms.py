"""Many files at once, spreadsheets, documents, drift, and what a file says of itself."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest

from include.landing.drift import changes
from tests.landing.conftest import FIXTURES, Landing

pytestmark = pytest.mark.integration

HEAD = "date,campaign_id,campaign_name,impressions,clicks,cost\n"
LOADED = "load_id IN (SELECT load_id FROM ops.current_loads) AND disposition = 'loaded' AND workspace = {w:String}"


def small_file(number: int) -> str:
    rows = "".join(
        f"2025-05-{day:02},account-{number},{number},Campaign {number},{number},{day},{number}.{day:02}\n"
        for day in (1, 2, 3)
    )
    return HEAD.replace("date,", "date,account_id,") + rows


def test_many_small_files_are_loaded_together_and_each_is_accounted_for(landing: Landing) -> None:
    for number in range(300):
        landing.put(f"generic/{number:03}.csv", small_file(number))
    lines = landing.load()
    assert len(lines) == 300
    assert {(line.status, line.rows_loaded, line.rows_read) for line in lines.values()} == {("loaded", 3, 3)}
    rows = landing.rows(
        f"SELECT count(), uniqExact(file_id), uniqExact(load_id), sum(insightflow_number(cost, '.')) FROM raw.ad_performance WHERE {LOADED}"
    )
    assert rows[0][:3] == (900, 300, 300)
    assert str(rows[0][3]) == f"{3 * sum(range(300)) + 300 * 0.06:.6f}"
    wrong = landing.rows(
        "SELECT uri, campaign_id FROM raw.ad_performance AS r INNER JOIN ops.current_loads AS l USING (file_id) "
        "WHERE r.workspace = {w:String} AND NOT endsWith(uri, concat(leftPad(campaign_id, 3, '0'), '.csv'))"
    )
    assert wrong == [], "a row that says it came from another file"
    assert landing.rows(
        "SELECT max(row_number), min(row_number) FROM raw.ad_performance WHERE workspace = {w:String}"
    ) == [(4, 2)]


def test_a_wrong_file_among_many_concerns_itself_only(landing: Landing) -> None:
    for number in range(20):
        landing.put(f"generic/{number:02}.json", "".join(
            json.dumps({"date": "2025-05-01", "campaign_id": n, "cost": 1.5}) + "\n" for n in range(number + 1)
        ))  # fmt: skip
    landing.put("generic/cut.json", '{"date": "2025-05-01", "campaign_id": 1, "cost": 1.5}\n{"date": "2025-05-0')
    landing.put("generic/bad-row.json", '{"date": "2025-05-01", "campaign_id": 1, "cost": "abc"}\n')
    lines = landing.load()
    assert lines.pop("cut.json").error.startswith("truncated_file")
    bad = lines.pop("bad-row.json")
    assert (bad.status, bad.rows_loaded, bad.rows_rejected) == ("loaded", 0, 1)
    assert [line.rows_loaded for _, line in sorted(lines.items())] == list(range(1, 21))
    assert landing.rows("SELECT count() FROM ops.rejected_rows WHERE workspace = {w:String}") == [(1,)]


def test_files_of_one_header_and_different_marks_are_each_read_in_their_own(landing: Landing) -> None:
    head = "date;campaign_id;cost\n"
    landing.put("generic/comma.csv", head + "2025-05-01;1;1.234,50\n2025-05-01;2;1.234\n")
    landing.put("generic/point.csv", head + "2025-05-01;1;1,234.50\n2025-05-01;2;1.234\n")
    landing.put("generic/days.csv", head + "31.05.2025;1;2,50\n")
    lines = landing.load()
    assert {name: line.decimal_marks["cost"] for name, line in lines.items()} == {
        "comma.csv": ",",
        "point.csv": ".",
        "days.csv": ",",
    }
    assert lines["days.csv"].date_min == date(2025, 5, 31)
    assert {line.rows_loaded for line in lines.values()} == {1, 2}


def test_the_same_content_twice_at_once_is_loaded_once(landing: Landing) -> None:
    landing.put("generic/a.csv", small_file(7))
    landing.put("generic/b.csv", small_file(7))
    lines = landing.load()
    assert sorted(line.status for line in lines.values()) == ["duplicate", "loaded"]
    assert landing.rows(f"SELECT count() FROM raw.ad_performance WHERE {LOADED}") == [(3,)]


def workbook(*rows: list[object], title: str = "Report", other: list[list[object]] | None = None) -> bytes:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    if other:
        sheet = book.create_sheet("Data", 0)
        for row in other:
            sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_spreadsheet(landing: Landing) -> None:
    landing.put("generic/report.xlsx", workbook(
        ["A report of mine"], [], ["Date", "Campaign ID", "Campaign", "Impressions", "Cost"],
        [datetime(2025, 5, 1), 123, "Brand", 1000, 12.5], [date(2025, 5, 2), "124", "Müller, Söhne", 7, 3],
        other=[["Notes"], ["nothing here"]],
    ))  # fmt: skip
    line = landing.load()["report.xlsx"]
    assert (line.status, line.format, line.rows_loaded, line.skipped) == ("loaded", "xlsx", 2, {"preamble_lines": 2})
    rows = landing.rows(
        "SELECT row_number, date, campaign_id, campaign_name, cost FROM raw.ad_performance WHERE workspace = {w:String} ORDER BY date"
    )
    assert rows == [(4, "2025-05-01", "123", "Brand", "12.5"), (5, "2025-05-02", "124", "Müller, Söhne", "3")]


def test_damage_by_a_spreadsheet_is_refused_with_its_reason(landing: Landing) -> None:
    landing.put("generic/damaged.xlsx", workbook(
        ["Date", "Campaign ID", "Cost"], ["2025-05-01", 120211234567890123, 5], [45778, 12, 5], ["2025-05-01", 13, 5]
    ))  # fmt: skip
    landing.put("generic/damaged.csv", "date,campaign_id,cost\n45778,1,5\n2025-05-01,1.20211E+17,5\n2025-05-01,13,6\n")
    lines = landing.load()
    assert lines["damaged.xlsx"].rejected == {"damaged_id": 1, "damaged_date": 1}
    assert lines["damaged.csv"].rejected == {"damaged_id": 1, "damaged_date": 1}
    assert "day number of a spreadsheet" in lines["damaged.csv"].error


def test_a_spreadsheet_that_is_cut_off_is_refused(landing: Landing) -> None:
    whole = workbook(["Date", "Campaign ID", "Cost"], ["2025-05-01", 1, 5])
    landing.put("generic/cut.xlsx", whole[: len(whole) // 2])
    assert landing.load()["cut.xlsx"].error.startswith("truncated_file")


def test_blank_rows_are_counted_as_skipped(landing: Landing) -> None:
    landing.put("generic/blank.csv", HEAD + "2025-05-01,1,A,1,1,1\n,,,,,\n2025-05-02,1,A,1,1,1\n\n")
    line = landing.load()["blank.csv"]
    assert (line.rows_read, line.rows_loaded, line.skipped) == (3, 2, {"blank_row": 1})


def test_time_of_the_export_comes_from_the_name_or_the_content(landing: Landing) -> None:
    landing.put("dv360/d.csv", FIXTURES / "dv360" / "19_dv360_report.csv")
    table = "customer_id,date,_fivetran_synced,id,cost_micros,impressions,clicks\n"
    landing.put(
        "google_ads/f.csv",
        table
        + "1,2025-05-01,2025-05-09 04:00:00+00:00,9,1000000,1,1\n1,2025-05-02,2025-05-10T05:06:07Z,9,1000000,1,1\n",
    )
    landing.put(
        "google_ads/g_exported_20250601T0800.csv", table + "1,2025-05-01,2025-05-09 04:00:00+00:00,9,2000000,1,1\n"
    )
    lines = landing.load()
    assert lines["f.csv"].exported_at == datetime(2025, 5, 10, 5, 6, 7, tzinfo=UTC)
    assert lines["g_exported_20250601T0800.csv"].exported_at == datetime(2025, 6, 1, 8, tzinfo=UTC)
    assert lines["d.csv"].exported_at == datetime(2025, 1, 9, 5, 30, tzinfo=UTC)


def test_drift_of_columns_is_reported(landing: Landing) -> None:
    landing.put("generic/mood_20250501.csv", "date,campaign_id,cost,mood,clicks\n2025-05-01,1,2,sunny,1\n")
    assert landing.load()["mood_20250501.csv"].warnings == []
    landing.put("generic/mood_20250502.csv", "date,campaign_id,spend,weather\n2025-05-02,1,2,rain\n")
    said = landing.load()["mood_20250502.csv"].warnings
    assert "cost is now read from spend, in the last export from cost" in said
    assert "the column clicks (clicks) is gone since the last export" in said
    assert "new column weather, kept in raw" in said
    assert "the column mood is gone since the last export" in said


def test_unrelated_tables_are_not_held_against_each_other(landing: Landing) -> None:
    landing.put("inbox/tv.csv", "date,account_id,campaign_id,cost,spots,clicks\n2025-05-01,tv,1,2,7,1\n")
    landing.load()
    landing.put("inbox/podcast.csv", "date,account_id,campaign_id,spend,show\n2025-05-01,podcast,1,2,Talk\n")
    assert landing.load()["podcast.csv"].warnings == []
    landing.put("inbox/podcast (1).csv", "date,account_id,campaign_id,spend\n2025-05-02,podcast,1,2\n")
    assert landing.load()["podcast (1).csv"].warnings == ["the column show is gone since the last export"]
    # A platform's reports have columns in common, whatever they are called.
    landing.put("google_ads/a.csv", "Day,Customer ID,Campaign ID,Impr.,Clicks,Cost\n2025-05-01,1,1,2,1,1\n")
    landing.load()
    landing.put("google_ads/b.csv", "Day,Customer ID,Campaign ID,Clicks,Cost\n2025-05-02,1,1,1,1\n")
    assert landing.load()["b.csv"].warnings == ["the column Impr. (impressions) is gone since the last export"]


def test_no_drift_no_words() -> None:
    headers, columns = ["Day", "Cost"], {"date": "Day", "cost": "Cost"}
    assert changes(headers, columns, list(headers), dict(columns)) == []


def test_many_new_columns_are_counted() -> None:
    headers, columns = ["Day", "Cost"], {"date": "Day", "cost": "Cost"}
    more = [f"Column {n}" for n in range(200)]
    assert changes(headers, columns, headers + more, columns) == [
        "200 new columns Column 0, Column 1, Column 2, Column 3, Column 4, …, kept in raw"
    ]


def test_a_key_that_appears_late_is_still_kept(landing: Landing) -> None:
    rows = [json.dumps({"date": "2025-05-01", "campaign_id": str(n), "cost": 1}) for n in range(12_000)]
    rows.append(json.dumps({"date": "2025-05-01", "campaign_id": "x", "cost": 1, "late": {"key": "seen"}}))
    landing.put("generic/late.ndjson", "\n".join(rows))
    assert landing.load()["late.ndjson"].rows_loaded == 12_001
    assert landing.rows("SELECT extra FROM raw.ad_performance WHERE workspace = {w:String} AND campaign_id = 'x'") == [
        ({"late.key": "seen"},)
    ]


def test_records_of_a_document_are_numbered_in_its_order(landing: Landing) -> None:
    path = FIXTURES / "google_ads" / "04_google_ads_searchstream.json"
    landing.put("google_ads/s.json", path)
    landing.load()
    numbers = landing.rows(
        "SELECT groupArray(row_number) FROM (SELECT row_number FROM raw.ad_performance WHERE workspace = {w:String} ORDER BY row_number)"
    )
    records = sum(len(batch["results"]) for batch in json.loads(Path(path).read_text()))
    assert numbers == [(list(range(1, records + 1)),)]


def test_windows_letters_far_down_the_file_are_read(landing: Landing) -> None:
    rows = "".join(f"2025-05-01,{number},Campaign,1,1,1\n" for number in range(20_000))
    landing.put("generic/late.csv", (HEAD + rows + "2025-05-01,x,Müller,1,1,1\n").encode("cp1252"))
    line = landing.load()["late.csv"]
    assert (line.encoding, line.rows_loaded, line.rows_rejected) == ("cp1252", 20_001, 0)
    assert landing.rows(
        "SELECT campaign_name FROM raw.ad_performance WHERE workspace = {w:String} AND campaign_id = 'x'"
    ) == [("Müller",)]


def test_records_packed_as_json_in_a_cell_are_read(landing: Landing) -> None:
    record = {"date_start": "2025-05-01", "date_stop": "2025-05-01", "campaign_id": "12", "spend": 1.5, "impressions": "10",
              "account_currency": "EUR", "actions": [{"action_type": "purchase", "value": "2"}], "reach": None}  # fmt: skip
    packed = json.dumps(record).replace('"', '""')
    head = "_airbyte_ab_id,_airbyte_emitted_at,_airbyte_data\n"
    landing.put("inbox/raw.csv", head + f'a-b,1746090000000,"{packed}"\n')
    line = landing.load()["raw.csv"]
    assert (line.source, line.rows_loaded, line.error) == ("meta_ads", 1, "")
    rows = landing.rows(
        "SELECT event_date, campaign_id, cost, currency, conversions FROM raw.ad_performance WHERE workspace = {w:String}"
    )
    assert rows == [(date(2025, 5, 1), "12", "1.5", "EUR", '[{"action_type":"purchase","value":"2"}]')]
