"""Files of every kind through the landing engine, on the real embedded ClickHouse."""

from __future__ import annotations

import codecs
import os
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from clickhouse_connect.driver.exceptions import ClickHouseError

from include.landing import LandingError, fingerprints, load, mark_built, pending_dates
from include.landing.bucket import Bucket
from tests.landing.conftest import FIXTURES, Landing, zipped

pytestmark = pytest.mark.integration

GOOD = (
    "date,campaign_id,campaign_name,impressions,clicks,cost\n2025-05-01,1,Ä,100,10,5.25\n2025-05-02,1,Ä,200,20,10.50\n"
)
COSTS = "SELECT toString(sum(insightflow_number(cost, '.'))) FROM raw.ad_performance WHERE workspace = {w:String} AND disposition = 'loaded' AND load_id IN (SELECT load_id FROM ops.current_loads)"


def assert_conserved(landing: Landing) -> None:
    broken = landing.rows(
        "SELECT uri FROM ops.file_ledger WHERE workspace = {w:String} AND rows_read != rows_loaded + rows_rejected + rows_skipped"
    )
    assert broken == []


def test_same_content_again_changes_nothing(landing: Landing) -> None:
    landing.put("generic/a.csv", GOOD)
    assert landing.load()["a.csv"].status == "loaded"
    assert landing.waiting() == []
    landing.put("generic/b.csv", GOOD)
    again = landing.load()["b.csv"]
    assert again.status == "duplicate"
    assert "a.csv" in again.error
    assert landing.rows(COSTS) == [("15.75",)]
    assert_conserved(landing)


def test_an_export_that_another_replaced_is_brought_back_as_the_ledger_says(landing: Landing) -> None:
    landing.put("generic/good_exported_20250601.csv", GOOD)
    landing.put("generic/worse_exported_20250602.csv", GOOD.replace("5.25", "0.01"))
    landing.load()
    stands = (
        "SELECT argMax(r.cost, (c.export_order, c.export_id)) FROM raw.ad_performance_rows AS r"
        " INNER JOIN ops.file_coverage AS c ON r.load_id = c.load_id AND r.date = c.date"
        " WHERE r.workspace = {w:String} AND r.date = '2025-05-01'"
    )
    assert [float(row[0]) for row in landing.rows(stands)] == [0.01]
    landing.put("generic/good_exported_20250601.copy.csv", GOOD)
    [line] = landing.load().values()
    assert line.status == "duplicate"
    assert (
        "nothing changed. Newer exports have since replaced 2 of its 2 days: to let it stand again, put it"
        in line.error
    )
    workspace, _, place = line.error.rpartition(" ")[2].partition("/")
    assert workspace == landing.workspace
    landing.put(place, GOOD)
    [line] = landing.load().values()
    assert (line.status, line.rows_loaded) == ("loaded", 2)
    assert [float(row[0]) for row in landing.rows(stands)] == [5.25]


def test_touched_file_is_looked_at_again_and_found_the_same(landing: Landing) -> None:
    path = landing.put("generic/a.csv", GOOD)
    landing.load()
    os.utime(path, (2_000_000_000, 2_000_000_000))
    assert landing.load()["a.csv"].status == "duplicate"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", GOOD.encode()),
        ("bom.csv", codecs.BOM_UTF8 + GOOD.encode()),
        ("utf16.csv", GOOD.encode("utf-16")),
        ("utf16_no_mark.csv", GOOD.encode("utf-16-le")),
        ("cp1252.csv", GOOD.encode("cp1252")),
        ("tabs.tsv", GOOD.replace(",", "\t").encode()),
        ("crlf.csv", GOOD.replace("\n", "\r\n").encode()),
        ("no_last_newline.csv", GOOD.rstrip().encode()),
        (
            "quoted.csv",
            "\n".join(",".join(f'"{c}"' for c in line.split(",")) for line in GOOD.split()).encode(),
        ),
        ("gzip.csv.gz", zipped(GOOD.encode())),
        ("zstd.csv.zst", zstandard.ZstdCompressor().compress(GOOD.encode())),
        ("wild*card?.csv", GOOD.encode()),
        ("quote's [1].csv", GOOD.encode()),
    ],
)
def test_one_table_in_every_dress(landing: Landing, name: str, content: bytes) -> None:
    landing.put(f"generic/{name}", content)
    line = landing.load()[name]
    assert (line.status, line.rows_loaded, line.error) == ("loaded", 2, "")
    rows = landing.rows(
        "SELECT date, campaign_name, cost, row_number FROM raw.ad_performance WHERE workspace = {w:String} ORDER BY date"
    )
    assert rows == [("2025-05-01", "Ä", "5.25", 2), ("2025-05-02", "Ä", "10.50", 3)]


def test_zip_of_one_file(landing: Landing) -> None:
    path = landing.folder / "generic" / "report.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.csv", GOOD)
    assert landing.load()["report.zip"].rows_loaded == 2
    assert not (landing.settings.home / "landing" / "_work").exists() or not list(
        (landing.settings.home / "landing" / "_work").iterdir()
    )


def test_decimal_comma_is_decided_by_the_file(landing: Landing) -> None:
    landing.put(
        "generic/de.csv",
        "Datum;campaign;impressions;cost\n2025-05-01;a;1.234;1.234,50\n2025-05-02;b;12;1.234\n",
    )
    line = landing.load()["de.csv"]
    assert line.status == "loaded"
    assert line.decimal_marks["cost"] == ","
    assert line.rows_rejected == 0


def test_mark_shown_only_after_the_sample_still_decides(landing: Landing) -> None:
    rows = [f"2025-05-01;{n};1.234" for n in range(6000)] + ["2025-05-01;x;7,25"]
    landing.put("generic/late.csv", "date;campaign_id;cost\n" + "\n".join(rows) + "\n")
    line = landing.load()["late.csv"]
    assert (line.rows_loaded, line.rows_rejected) == (6001, 0)
    assert line.decimal_marks["cost"] == ","


def test_bad_rows_are_kept_apart_with_line_reason_and_text(landing: Landing) -> None:
    landing.put(
        "generic/bad.csv",
        GOOD
        + "2025-13-01,9,x,1,1,1\n2025-05-03,9,x,abc,1,1\n2025-05-03,1.2E+17,x,1,1,1\n2025-05-03,8\n2025-05-03,7,y,1,1,1\n",
    )
    line = landing.load()["bad.csv"]
    assert (line.status, line.rows_read, line.rows_loaded, line.rows_rejected) == ("loaded", 7, 3, 4)
    assert "line 4: bad_date (date = 2025-13-01)" in line.error
    rejects = landing.rows(
        "SELECT row_number, reason, raw_text FROM ops.rejected_rows WHERE workspace = {w:String} ORDER BY row_number"
    )
    assert [(n, reason) for n, reason, _ in rejects] == [
        (4, "bad_date"), (5, "not_a_number"), (6, "damaged_id"), (7, "too_few_cells"),
    ]  # fmt: skip
    assert "abc" in rejects[1][2]
    assert_conserved(landing)


def test_a_last_line_that_is_short_says_that_the_file_may_be_cut(landing: Landing) -> None:
    landing.put("generic/perhaps.csv", GOOD + "2025-05-02,2,B,1\n")
    landing.put("generic/within.csv", GOOD + "2025-05-02,2,B,1\n2025-05-02,3,B,1,1,1\n")
    landing.put("generic/surely.csv", GOOD + "2025-05-02,2,B,1")
    lines = landing.load()
    assert lines["perhaps.csv"].error.endswith("the file may have been cut, see whether its last day is whole")
    assert "too_few_cells" in lines["within.csv"].error and "cut" not in lines["within.csv"].error
    assert lines["surely.csv"].status == "rejected"


def test_a_day_that_has_not_come_anywhere_is_rejected(landing: Landing) -> None:
    """In staging it would stop the build of every workspace. Tomorrow has begun where clocks are ahead of UTC."""
    today = datetime.now(UTC).date()
    days = [today + timedelta(days=days) for days in (0, 1, 3)]
    landing.put("generic/odd.csv", "date,campaign_id,cost\n" + "".join(f"{day},1,2\n" for day in days))
    line = landing.load()["odd.csv"]
    assert (line.status, line.rows_loaded, line.rejected) == ("loaded", 2, {"future_date": 1})
    assert f"line 4: future_date (date = {days[2]}: this day has not come; correct the date" in line.error
    assert line.date_max == days[1]


def test_a_day_before_2000_is_rejected(landing: Landing) -> None:
    landing.put("generic/old.csv", "date,campaign_id,cost\n1999-11-01,1,2\n2000-01-01,1,2\n")
    line = landing.load()["old.csv"]
    assert (line.status, line.rows_loaded, line.rejected) == ("loaded", 1, {"past_date": 1})
    assert "line 2: past_date (date = 1999-11-01: days before 2000 are not taken; correct the year" in line.error


def test_what_an_older_version_took_of_days_to_come_waits_for_them(landing: Landing) -> None:
    days = [datetime.now(UTC).date() + timedelta(days=days) for days in (-400, 40)]
    landing.put("generic/odd.csv", f"date,campaign_id,cost\n{days[0]},1,2\n")
    line = landing.load()["odd.csv"]
    landing.client.command(
        f"INSERT INTO ops.load_coverage SELECT * REPLACE (toDate('{days[1]}') AS date) FROM ops.load_coverage"
        f" WHERE load_id = {line.load_id}"
    )
    assert list(fingerprints(days, landing.client)) == [days[0].isoformat()]
    assert days[1] not in pending_dates(landing.client)


def test_a_currency_that_is_no_code_is_rejected(landing: Landing) -> None:
    rows = "".join(f"2025-05-01,{n},2,{code}\n" for n, code in enumerate(("EUR", " usd", "--", "", "US Dollar", "€")))
    landing.put("generic/money.csv", "date,campaign_id,cost,currency\n" + rows)
    line = landing.load()["money.csv"]
    assert (line.rows_loaded, line.rejected) == (4, {"bad_currency": 2})
    assert "line 6: bad_currency (currency = US Dollar: write its code of three letters" in line.error


def test_unknown_columns_are_kept(landing: Landing) -> None:
    landing.put("generic/x.csv", "date,campaign_id,cost,mood\n2025-05-01,1,2,sunny\n")
    landing.load()
    assert landing.rows("SELECT extra FROM raw.ad_performance WHERE workspace = {w:String}") == [({"mood": "sunny"},)]


def test_key_that_appears_late_in_ndjson_is_kept(landing: Landing) -> None:
    lines = [f'{{"date":"2025-05-01","campaign_id":"{n}","cost":1.0}}' for n in range(12000)]
    lines.append('{"date":"2025-05-01","campaign_id":"z","cost":2.50,"mood":"late"}')
    landing.put("generic/late.ndjson", "\n".join(lines))
    line = landing.load()["late.ndjson"]
    assert (line.status, line.rows_loaded) == ("loaded", 12001)
    assert landing.rows(
        "SELECT cost, extra FROM raw.ad_performance WHERE workspace = {w:String} AND extra != map()"
    ) == [("2.50", {"mood": "late"})]


def test_parquet_ids_beyond_2_to_53_stay_apart(landing: Landing) -> None:
    table = pa.table({"date": [date(2025, 5, 1)] * 2, "campaign_id": [2**53 + 1, 2**53 + 2], "cost": [1.5, 2.5]})
    path = landing.folder / "generic" / "x.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(table, path)
    landing.load()
    assert landing.rows("SELECT campaign_id FROM raw.ad_performance WHERE workspace = {w:String} ORDER BY 1") == [
        ("9007199254740993",), ("9007199254740994",),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("where", "content", "reason", "remedy"),
    [
        ("generic/empty.csv", b"", "empty_file", "export it again"),
        ("generic/empty.csv.gz", zipped(b""), "empty_file", "export the file again"),
        ("generic/picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, "unknown_encoding", "as UTF-8"),
        ("generic/cut.csv", GOOD.encode()[:-9], "truncated_file", "upload the file again"),
        ("generic/cut_quote.csv", GOOD.encode() + b'2025-05-03,1,"Half a na', "truncated_file", "upload"),
        ("generic/cut.csv.gz", zipped(GOOD.encode() * 50)[:-12], "truncated_file", "upload"),
        ("generic/cut.ndjson", b'{"date":"2025-05-01","campaign_id":"1","cost":1}\n{"date":"2025-0', "truncated_file", "upload"),
        ("meta_ads/cut.json", (FIXTURES / "meta_ads/06_meta_insights_actions.json").read_bytes()[:900], "truncated_file", "upload"),
        ("generic/cut.parquet", (FIXTURES / "generic/34_generic_typed.parquet").read_bytes()[:2000], "truncated_file", "upload"),
        ("inbox/strange.csv", b"foo,bar\n1,2\n", "unknown_source", "add a spec"),
        ("generic/no_date.csv", b"campaign_id,cost\n1,2\n", "missing_columns", "date"),
        ("google_ads/meta.csv", (FIXTURES / "meta_ads/07_meta_ads_manager_bom.csv").read_bytes(), "wrong_source", "meta_ads/"),
        ("nobody/x.csv", GOOD.encode(), "unknown_source", "inbox"),
        ("x.csv", GOOD.encode(), "wrong_place", "<workspace>/<source>/"),
        ("generic/us.csv", b"date,campaign_id,cost\n3/4/2025,1,2\n", "ambiguous_dates", "ISO"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_refused_whole_and_says_what_to_do(
    landing: Landing, where: str, content: bytes, reason: str, remedy: str
) -> None:
    landing.put(where, content)
    landing.put("generic/good.csv", GOOD)
    lines = landing.load()
    wrong = lines[Path(where).name]
    assert wrong.status == "rejected"
    assert wrong.error.startswith(f"{reason}: ")
    assert remedy in wrong.error
    assert (wrong.rows_read, wrong.rows_loaded) == (0, 0)
    assert lines["good.csv"].status == "loaded"
    assert landing.rows(COSTS) == [("15.75",)]
    assert landing.waiting() == []
    assert_conserved(landing)


def test_parts_of_a_batch_load_together_or_not_at_all(landing: Landing) -> None:
    head = "date,campaign_id,cost\n"
    landing.put("generic/batch-1/part-1.csv", head + "2025-05-01,1,1\n")
    bad = landing.put("generic/batch-1/part-2.csv", "")
    lines = landing.load()
    assert {line.status for line in lines.values()} == {"rejected"}
    assert "part-2.csv" in lines["part-1.csv"].error
    bad.write_text(head + "2025-05-01,2,2\n")
    lines = landing.load()
    assert {line.status for line in lines.values()} == {"loaded"}
    assert len({line.export_id for line in lines.values()}) == 1
    assert landing.rows(COSTS) == [("3",)]


def test_files_that_are_not_ready_wait(landing: Landing) -> None:
    for name in ("a.csv.tmp", ".a.csv", "_a.csv", "a.csv.part"):
        landing.put(f"generic/{name}", GOOD)
    assert landing.waiting() == []


def test_export_time_comes_from_the_name(landing: Landing) -> None:
    landing.put("generic/x_exported_20250601T0630.csv", GOOD)
    line = landing.load()["x_exported_20250601T0630.csv"]
    assert line.exported_at == datetime(2025, 6, 1, 6, 30, tzinfo=UTC)


def test_declared_totals_that_do_not_agree_warn(landing: Landing) -> None:
    text = (FIXTURES / "google_ads/01_google_ads_ui_campaign_report.csv").read_text()
    landing.put("google_ads/right.csv", text)
    landing.put("google_ads/wrong.csv", text.replace('"2,532.21"', '"2,600.00"'))
    lines = landing.load()
    assert lines["right.csv"].warnings == []
    assert lines["wrong.csv"].warnings == ["declared total of cost is 2600, the rows sum to 2532.21"]


def test_dates_are_pending_until_a_build_saw_their_loads(landing: Landing) -> None:
    days = [date(2021, 5, 1), date(2021, 5, 2)]
    text = GOOD.replace("2025", "2021")

    def pending() -> list[date]:
        return [day for day in pending_dates(landing.client) if day.year == 2021]

    landing.put("generic/a.csv", text)
    landing.load()
    assert pending() == days
    seen = fingerprints(days, landing.client)
    landing.put("generic/b.csv", text.replace("10.50", "11.50"))
    landing.load()
    mark_built(seen, "run", landing.client)
    assert pending() == days, "the second file came after the build looked"
    mark_built(fingerprints(days, landing.client), "run", landing.client)
    assert pending() == []


class _Dying:
    """A client whose connection ends before its nth statement: what a killed loader leaves behind."""

    def __init__(self, client: object, statements: int) -> None:
        self._client, self._left = client, statements

    def __getattr__(self, name: str) -> object:
        method = getattr(self._client, name)
        if name not in ("query", "command", "insert"):
            return method

        def call(*args: object, **kwargs: object) -> object:
            self._left -= 1
            if self._left < 0:
                raise ClickHouseError("connection lost")
            return method(*args, **kwargs)

        return call


def test_a_loader_that_dies_at_any_statement_leaves_nothing_visible(landing: Landing) -> None:
    landing.put("generic/a.csv", GOOD + "bad,1,x,1,1,1\n")
    key = landing.waiting()[0]
    visible = "SELECT count() FROM ops.file_coverage WHERE workspace = {w:String}"
    rejects = "SELECT count() FROM ops.rejected_rows WHERE workspace = {w:String}"
    for statements in range(30):
        try:
            load([key], "test", _Dying(landing.client, statements), Bucket(landing.settings))  # type: ignore[arg-type]
            break
        except (LandingError, ClickHouseError):
            assert landing.rows(visible) == [(0,)]
            assert landing.rows(rejects) == [(0,)]
            assert landing.waiting() == [key]
    else:
        pytest.fail("the load never came to its end")
    assert statements > 6
    assert landing.rows(visible) == [(2,)]
    assert landing.rows(rejects) == [(1,)]
    assert landing.rows(COSTS) == [("15.75",)]
