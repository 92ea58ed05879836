"""Large documents are cut into lines that read as the document does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from include.landing import split
from include.landing.split import Document, lists_of
from tests.landing.conftest import FIXTURES, Landing

TEXT = """ {"a": {"x": "]},{\\"", "rows": [ {"n": 1.0, "t": "é, [1]"} ,
 {"n": 1e5, "l": [{"d": null}]} ], "rest": [1, {"rows": []}] }, "paging": {"next": "p"} }
"""


def reading(text: str, size: int) -> Document:
    pieces = iter([text[i : i + size] for i in range(0, len(text), size)])
    return Document(lambda: next(pieces, ""))


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_pieces_keep_the_text_of_values(size: int) -> None:
    *elements, (_, _, after) = lists_of(reading(TEXT, size), {"a.rows", "paging.next"})
    assert [element for _, element, _ in elements] == ['{"n": 1.0, "t": "é, [1]"}', '{"n": 1e5, "l": [{"d": null}]}']
    for before, element, _ in elements:
        line = before + "[" + element + "]" + after
        whole = json.loads(TEXT)
        whole["a"]["rows"] = [json.loads(element)]
        assert json.loads(line) == whole


@pytest.mark.parametrize(
    "text",
    [TEXT.strip()[:-1], TEXT + TEXT, '{"a": {"rows": [1, 2]}}', '{"a": {"rows": []}}', '{"b": 1}', '{"a": {"rows": [{"x": 1}, {"y"', "", "[]"],
)  # fmt: skip
def test_what_is_no_such_document_is_not_cut(text: str) -> None:
    with pytest.raises(ValueError):
        list(lists_of(reading(text, 5), {"a.rows"}))


@pytest.mark.integration
@pytest.mark.parametrize(
    "name",
    [
        "google_ads/04_google_ads_searchstream.json",
        "meta_ads/06_meta_insights_actions.json",
        "tiktok_ads/09_tiktok_report_api.json",
        "snapchat_ads/14_snapchat_stats_day.json",
        "x_ads/62_x_analytics_tokyo.json",
        "apple_search_ads/69_apple_campaign_report.json",
        "ga4/74_ga4_run_report.json",
    ],
)
def test_a_document_in_pieces_gives_the_same_rows(landing: Landing, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder, file = name.split("/")
    columns = (
        "row_number, disposition, date, account_id, campaign_id, campaign_name, ad_id, impressions, clicks, cost, conversions, "
        "conversion_value, currency, segments, extra"
    )
    rows = f"SELECT {columns} FROM raw.ad_performance WHERE workspace = {{w:String}} ORDER BY row_number"
    landing.put(f"{folder}/{file}", FIXTURES / name)
    [line] = landing.load().values()
    whole = landing.rows(rows)
    cut: list[Path] = []

    def splitting(bucket, sniffed, key, paths):  # type: ignore[no-untyped-def]
        done = split.split(bucket, sniffed, key, paths)
        cut.extend([Path(key)] if done else [])
        return done

    monkeypatch.setattr(split, "PIECE", 1)
    monkeypatch.setattr("include.landing.forms.split", splitting)
    monkeypatch.setattr("include.landing.forms.is_splittable", lambda sniffed: True)
    landing.workspace += "cut"
    landing.put(f"{folder}/{file}", FIXTURES / name)
    [again] = landing.load().values()
    assert bool(cut) == (not (FIXTURES / name).read_text().lstrip().startswith("["))
    assert (again.status, again.rows_read, again.rows_loaded) == (line.status, line.rows_read, line.rows_loaded)
    assert landing.rows(rows) == whole


@pytest.mark.integration
def test_the_reports_of_a_batch_are_read_as_reports(landing: Landing) -> None:
    """GA4's batchRunReports answers with several reports. Those of other columns are refused, with what to do."""
    report = json.loads((FIXTURES / "ga4" / "74_ga4_run_report.json").read_text())
    later = json.loads(json.dumps(report).replace("202501", "202502"))
    other = json.loads(json.dumps(report).replace("keyEvents", "engagedSessions"))
    landing.put(
        "ga4/one.json", json.dumps({"reports": [report, later], "kind": "analyticsData#batchRunReports"}, indent=1)
    )
    landing.put("ga4/two.json", json.dumps({"kind": "analyticsData#batchRunReports", "reports": [report, other]}))
    lines = landing.load()
    assert (lines["one.json"].status, lines["one.json"].rows_loaded) == ("loaded", 6)
    assert lines["two.json"].error.startswith("mixed_documents: ")
    found = landing.rows(
        "SELECT row_number, date FROM raw.ad_performance"
        f" WHERE load_id = {lines['one.json'].load_id} ORDER BY row_number"
    )
    assert [row[0] for row in found] == [1, 2, 3, 4, 5, 6]
    assert [row[1] for row in found[:4:3]] == ["20250101", "20250201"]
