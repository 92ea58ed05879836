"""Rejected rows out, repaired, and in again: exactly those are added, to the export that they came from."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from include.landing import repairs
from include.landing.inspect import inspect_file
from include.landing.loader import load
from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

HEAD = "Campaign report\nJun 1, 2026 - Jun 2, 2026\nDay,Customer ID,Campaign ID,Campaign,Currency code,Impressions,Clicks,Cost,Note\n"
GOOD = '2026-06-01,123-456-7890,11,Brand,EUR,"1,000",50,"1,234.50",ok\n'
BAD_DAY = "2026-06-31,123-456-7890,12,Generic,EUR,500,20,10.25,keep me\n"
BAD_COST = "2026-06-01,123-456-7890,13,Shoes,EUR,300,10,n/k,\n"
FILE = "google_ads/report.csv"

Rows = list[dict[str, str]]


def exported(landing: Landing, name: str = "report.csv") -> Rows:
    """What ``rejects --out`` writes of a file."""
    [[file_id]] = landing.rows(
        f"SELECT file_id FROM ops.current_loads WHERE workspace = {{w:String}} AND endsWith(uri, '/{name}')"
    )
    text = io.StringIO()
    written = repairs.write(landing.client, file_id, text)
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert len(rows) == written
    return rows


def drop(landing: Landing, where: str, rows: Rows, delimiter: str = ",") -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    landing.put(where, "\ufeff" + text.getvalue())


def standing(landing: Landing) -> list[tuple[Any, ...]]:
    """Rows of the exports that stand, by the rule of staging (``int_current_exports``)."""
    return landing.rows(
        "SELECT toString(r.date), r.campaign_id, toString(r.cost), r.currency, r.account_id FROM raw.ad_performance_rows AS r"
        " INNER JOIN (SELECT load_id, account_id, date FROM (SELECT *, max((export_order, export_id)) OVER"
        " (PARTITION BY workspace, source, grain, account_id, date) AS newest FROM ops.file_coverage"
        " WHERE workspace = {w:String}) WHERE (export_order, export_id) = newest) AS c"
        " ON r.load_id = c.load_id AND r.account_id = c.account_id AND r.date = c.date"
        " WHERE r.disposition = 'loaded' ORDER BY ALL"
    )


@pytest.fixture
def report(landing: Landing) -> Landing:
    landing.put(FILE, HEAD + GOOD + BAD_DAY + BAD_COST)
    line = landing.load()["report.csv"]
    assert (line.rows_loaded, line.rejected) == (1, {"bad_date": 1, "not_a_number": 1})
    return landing


def test_repaired_rows_join_the_export_that_they_came_from(report: Landing) -> None:
    before = standing(report)
    rows = exported(report)
    assert [(r["repair_line"], r["repair_reason"], r["campaign_name"]) for r in rows] == [
        ("5", "bad_date", "Generic"), ("6", "not_a_number", "Shoes"),
    ]  # fmt: skip
    assert rows[0]["extra.Note"] == "keep me" and BAD_DAY.strip() == rows[0]["repair_text"].replace('"', "")
    rows[0]["date"], rows[1]["cost"] = "2026-06-02", "1.234"
    drop(report, "inbox/repair.csv", rows, ";")
    line = report.load()["repair.csv"]
    assert (line.source, line.rows_loaded, line.rows_rejected, line.warnings) == ("google_ads", 2, 0, [])
    # Ambiguous by itself; the file that it came from proves the mark of its column.
    added = [("2026-06-01", "13", "1.234", "EUR", "1234567890"), ("2026-06-02", "12", "10.25", "EUR", "1234567890")]
    assert standing(report) == sorted([*before, *added])
    assert report.rows("SELECT extra['Note'] FROM raw.ad_performance WHERE workspace = {w:String} AND campaign_id = '12' AND disposition = 'loaded'") == [("keep me",)]  # fmt: skip
    assert exported(report) == [], "nothing is left to repair"


def test_a_line_is_repaired_once(report: Landing) -> None:
    rows = exported(report)
    rows[0]["date"], rows[1]["cost"] = "2026-06-02", "7"
    drop(report, "google_ads/first.csv", rows[:1])
    report.load()
    once = standing(report)
    rows[0]["cost"] = "99"
    drop(report, "google_ads/second.csv", rows)
    drop(report, "google_ads/third.csv", [*rows[1:], rows[0] | {"repair_line": "4"}])
    lines = report.load()  # both at once
    second, third = lines["second.csv"], lines["third.csv"]
    assert (second.rows_loaded, second.skipped) == (1, {"already_repaired": 1})
    assert (third.rows_loaded, third.skipped, third.rejected) == (0, {"already_repaired": 1}, {"not_a_reject": 1})
    assert third.rows_read == third.rows_loaded + third.rows_rejected + third.rows_skipped
    assert standing(report) == sorted([*once, ("2026-06-01", "13", "7", "EUR", "1234567890")])
    report.put("google_ads/fourth.csv", report.folder / "google_ads/second.csv")
    assert report.load()["fourth.csv"].status == "duplicate"


def test_rows_repaired_in_vain_are_given_again(report: Landing) -> None:
    rows = exported(report)
    drop(report, "inbox/vain.csv", [rows[0] | {"date": "2026-13-01"}, rows[1] | {"cost": "7"}])
    assert report.load()["vain.csv"].rejected == {"bad_date": 1}
    [left] = exported(report)
    [again] = exported(report, "vain.csv")
    assert (left["repair_of"], left["repair_line"]) == (again["repair_of"], again["repair_line"])
    assert again["date"] == "2026-13-01" and again["extra.Note"] == "keep me"
    drop(report, "inbox/better.csv", [again | {"date": "2026-06-02"}])
    assert report.load()["better.csv"].rows_loaded == 1
    assert len(standing(report)) == 3
    assert exported(report) == exported(report, "vain.csv") == []


def test_a_newer_export_replaces_the_file_and_its_repairs(report: Landing) -> None:
    rows = exported(report)
    drop(report, "inbox/repair.csv", [rows[1] | {"cost": "7"}])
    report.load()
    report.put("google_ads/newer.csv", HEAD + GOOD.replace("50,", "51,"))
    report.load()
    assert [row[1] for row in standing(report)] == ["11"]
    # A repair that comes late is of the old export still.
    drop(report, "inbox/late.csv", [rows[0] | {"date": "2026-06-01"}])
    assert report.load()["late.csv"].rows_loaded == 1
    assert [row[1] for row in standing(report)] == ["11"]


def test_rows_of_a_file_of_which_none_was_loaded_show_their_own_grain(landing: Landing) -> None:
    """The file has none to hand on; what is repaired later stands beside what was repaired first."""
    landing.put(FILE, HEAD + BAD_DAY + BAD_COST)
    assert landing.load()["report.csv"].rows_loaded == 0
    rows = exported(landing)
    drop(landing, "inbox/vain.csv", [rows[1] | {"cost": "n/k"}])
    assert landing.load()["vain.csv"].rows_rejected == 1
    drop(landing, "inbox/first.csv", [rows[0] | {"date": "2026-06-01"}])
    # Alone, a row without a campaign would be one of an account.
    drop(landing, "inbox/second.csv", [rows[1] | {"cost": "7", "campaign_id": "", "campaign_name": ""}])
    lines = landing.load()
    assert {name: (line.rows_loaded, line.grain) for name, line in lines.items()} == {
        "first.csv": (1, "campaign"), "second.csv": (1, "campaign"),
    }  # fmt: skip
    assert landing.rows("SELECT DISTINCT grain FROM ops.file_coverage WHERE workspace = {w:String}") == [("campaign",)]
    assert [row[1] for row in standing(landing)] == ["", "12"]


def test_repaired_rows_have_the_grain_of_the_rows_that_they_join(landing: Landing) -> None:
    """A row without a campaign in a file of campaigns is not a day's sum of the account."""
    landing.put(FILE, HEAD + GOOD + BAD_DAY.replace("12,Generic", ","))
    landing.load()
    [row] = exported(landing)
    drop(landing, "inbox/repair.csv", [row | {"date": "2026-06-01"}])
    line = landing.load()["repair.csv"]
    assert (line.rows_loaded, line.grain) == (1, "campaign")


def test_repaired_rows_keep_what_they_measure(landing: Landing) -> None:
    """Sessions and rates are no columns of ads: they stand under the headers that the file gave them."""
    head = "date,property_id,sessionSource,sessionMedium,sessionCampaignName,sessions,engagedSessions,keyEvents\n"
    row = "2026-06-01,1,google,cpc,Brand,99,9,3\n"
    landing.put("ga4/visits.csv", head + row + row.replace("99", "x"))
    landing.put("fx_rates/rates.csv", "date,currency,rate\n2026-06-01,TRY,50\n2026-06-02,TRY,x\n")
    landing.load()
    [visits], [rate] = exported(landing, "visits.csv"), exported(landing, "rates.csv")
    drop(landing, "inbox/visits_again.csv", [visits | {"extra.sessions": "51"}])
    drop(landing, "inbox/rates_again.csv", [rate | {"extra.rate": "51"}])
    lines = landing.load()
    assert {name: (line.rows_loaded, line.grain) for name, line in lines.items()} == {
        "visits_again.csv": (1, "campaign"), "rates_again.csv": (1, "rate"),
    }  # fmt: skip
    assert lines["visits_again.csv"].column_map["sessions"] == "sessions"
    assert landing.rows("SELECT toFloat64(rate) FROM ops.fx_rates WHERE workspace = {w:String} ORDER BY 1") == [
        (50,),
        (51,),
    ]


WRONG: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "of_another_workspace": (lambda rows: [r | {"repair_of": "0" * 32} for r in rows], "unknown_file"),
    "of_two_files": (lambda rows: [rows[0], rows[1] | {"repair_of": "0" * 32}], "mixed_repairs"),
    "a_line_twice": (lambda rows: [rows[0], rows[0] | {"cost": "1"}], "repeated_repair"),
    "columns_lost": (lambda rows: [{k: v for k, v in r.items() if k != "cost"} for r in rows], "missing_columns"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_repairs_are_refused_whole(report: Landing, name: str) -> None:
    change, reason = WRONG[name]
    before = standing(report)
    drop(report, f"inbox/{name}.csv", change(exported(report)))
    line = report.load()[f"{name}.csv"]
    assert line.status == "rejected" and line.error.startswith(reason + ":"), line.error
    assert standing(report) == before


def test_a_repair_in_another_workspace_is_told_where_it_belongs(report: Landing) -> None:
    """And no more: the text is that of a file that nobody has."""
    rows = exported(report)
    other = report.folder.with_name(f"{report.workspace}-other") / "inbox"
    said = set()
    for name, file_id in (("known", rows[0]["repair_of"]), ("unknown", "0" * 32)):
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerow(rows[0] | {"repair_of": file_id})
        other.mkdir(parents=True, exist_ok=True)
        (other / f"{name}.csv").write_text(text.getvalue())
        [line] = load([f"{report.workspace}-other/inbox/{name}.csv"], "test", report.client, report.bucket)
        assert line.error.startswith(f"unknown_file: no file of workspace {report.workspace}-other has the id")
        assert "(`bin/insightflow load -w NAME`)" in line.error
        said.add(line.error.replace(file_id, "ID"))
    assert len(said) == 1, said


def test_repairs_lie_in_the_folder_of_their_source_or_the_inbox(report: Landing) -> None:
    rows = exported(report)
    drop(report, "meta_ads/repair.csv", rows)
    drop(report, "google_ads/batch/part-1.csv", rows)
    found = {name: line.error.split(":")[0] for name, line in report.load().items()}
    assert found == {"repair.csv": "wrong_source", "part-1.csv": "wrong_place"}


def test_rows_of_json_keep_their_units_actions_and_paths(landing: Landing) -> None:
    """Micros stay micros, and a list of actions stays one."""
    good = '{"date_start": "2026-06-01", "account_id": "9", "campaign_id": "5", "impressions": "10", "spend": "3", "account_currency": "USD", "actions": [{"action_type": "purchase", "value": "2"}]}'
    landing.put(
        "meta_ads/a.ndjson", good + "\n" + good.replace("2026-06-01", "2026-06-99").replace('"5"', '"6"') + "\n"
    )
    assert landing.load()["a.ndjson"].rows_rejected == 1
    [row] = exported(landing, "a.ndjson")
    drop(landing, "inbox/a.csv", [row | {"date": "2026-06-01"}])
    assert landing.load()["a.csv"].rows_loaded == 1
    assert landing.rows(
        "SELECT campaign_id, toFloat64(cost), toFloat64(conversions), currency FROM raw.ad_performance_rows"
        " WHERE workspace = {w:String} AND disposition = 'loaded' ORDER BY 1"
    ) == [("5", 3.0, 2.0, "USD"), ("6", 3.0, 2.0, "USD")]
    text = '{"results": [{"campaign": {"id": "1", "name": "B"}, "metrics": {"costMicros": "2500000", "impressions": "5"}, "segments": {"date": "2026-06-01", "device": "MOBILE"}, "customer": {"id": "77"}},{"campaign": {"id": "2"}, "metrics": {"costMicros": "x", "impressions": "5"}, "segments": {"date": "2026-06-01", "device": "MOBILE"}, "customer": {"id": "77"}}]}'
    landing.put("google_ads/b.json", text)
    landing.load()
    [row] = exported(landing, "b.json")
    assert row["segments.device"] == "MOBILE"
    drop(landing, "inbox/b.csv", [row | {"cost": "1500000"}])
    looked = inspect_file(landing.folder / "inbox/b.csv", client=landing.client, bucket=landing.bucket)
    assert (looked.refusal, looked.source, looked.counts) == ("", "google_ads", {"loaded": 1})
    assert looked.rows[0]["cost"] == 1.5
    landing.load()
    assert landing.rows(
        "SELECT campaign_id, toFloat64(cost), segments['device'] FROM raw.ad_performance_rows"
        " WHERE workspace = {w:String} AND disposition = 'loaded' AND source = 'google_ads' ORDER BY 1"
    ) == [("1", 2.5, "MOBILE"), ("2", 1.5, "MOBILE")]


def test_a_loader_that_dies_leaves_no_half_repair(report: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.landing import ledger

    rows = exported(report)
    drop(report, "inbox/repair.csv", [rows[1] | {"cost": "7"}])
    before = standing(report)

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "write", dies)
        with pytest.raises(KeyboardInterrupt):
            load(report.waiting(), "test", report.client, report.bucket)
    assert standing(report) == before and len(exported(report)) == 2
    assert report.load()["repair.csv"].rows_loaded == 1
    assert len(standing(report)) == 2
