"""Versions, conditional requests, kept answers, tables to take away, limits."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from clickhouse_connect.driver.client import Client
from fastapi.testclient import TestClient

from include.api import tables
from include.api.analytics.measures import MEASURES, MONEY
from include.api.answers import Answers
from include.api.app import create_app
from include.api.backends import Backends
from include.api.scope import Caller
from include.api.versions import Versions
from include.settings import Settings
from tests.api.conftest import LogIn
from tests.support.marts import DAY, add, add_platforms, forget, sums
from tests.support.processes import wait_until

pytestmark = pytest.mark.integration
ROI = "/api/v1/analytics/roi?group_by=campaign&date_from=2026-06-01&date_to=2026-06-30"


@pytest.fixture
def asked(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every query to ClickHouse from here on."""
    queries: list[str] = []
    backends: Backends = api.app.state.backends  # type: ignore[attr-defined]  # typed as any ASGI app
    original: Callable[..., Any] = backends.query
    monkeypatch.setattr(backends, "query", lambda query, given: (queries.append(query), original(query, given))[1])
    return queries


def test_a_version_changes_with_every_write_and_with_no_merge(site: Settings, warehouse: Client) -> None:
    table, caller = "marts.version_of", Caller.of("ana", {"demo": "viewer"})

    def version() -> str:
        return Versions(Backends(site)).now([table], caller)

    seen = [version()]
    for write in (
        f"CREATE TABLE {table} (d Date, n Int64, m Int64) ENGINE = MergeTree PARTITION BY d ORDER BY n",
        f"INSERT INTO {table} VALUES ('2026-06-30', 1, 1)",
        f"INSERT INTO {table} VALUES ('2026-06-30', 2, 1)",
        f"INSERT INTO {table} VALUES ('2026-06-29', 1, 1)",
        f"ALTER TABLE {table} UPDATE m = 5 WHERE n = 2 SETTINGS mutations_sync = 1",
        f"ALTER TABLE {table} DROP PARTITION '2026-06-29'",
        f"INSERT INTO {table} VALUES ('2026-06-29', 7, 1)",
        f"ALTER TABLE {table} REPLACE PARTITION '2026-06-30' FROM {table}",
    ):
        warehouse.command(write)
        seen.append(version())
    assert len(set(seen[1:])) == len(seen[1:])
    warehouse.command(f"OPTIMIZE TABLE {table} FINAL")
    assert version() == seen[-1]
    # Another table of the same name and rows is another version, though its blocks have the same numbers.
    made_again = []
    for number in (7, 8):
        warehouse.command(f"CREATE OR REPLACE TABLE {table} (n Int64) ENGINE = MergeTree ORDER BY n")
        warehouse.command(f"INSERT INTO {table} VALUES ({number})")
        made_again.append(version())
    warehouse.command(f"DROP TABLE {table}")
    assert made_again[0] != made_again[1]


def test_an_unchanged_mart_costs_no_query(api: TestClient, log_in: LogIn, asked: list[str], warehouse: Client) -> None:
    first = api.get(ROI, headers=log_in("ana"))
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    asked.clear()
    again = api.get(ROI, headers=log_in("ana"))
    unchanged = api.get(ROI, headers=log_in("ana") | {"If-None-Match": f'"x", W/{etag}'})
    assert (again.content, again.headers["etag"]) == (first.content, etag)
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", etag)
    assert [query for query in asked if "system.parts" not in query] == []
    # A write, whoever made it, is a new version within api_fresh_seconds.
    campaign = {"platform": "meta_ads", "account_id": "1", "campaign_id": "c9", "campaign_name": "New"}
    add(warehouse, "mart_campaign_daily", sums(DAY, 5, 5, **campaign))
    try:
        changed = wait_until(
            lambda: (a := api.get(ROI, headers=log_in("ana"))).headers["etag"] != etag and a, 10, "a new version"
        )
        assert "c9" in changed.text
    finally:
        warehouse.command(
            "ALTER TABLE marts.mart_campaign_daily DELETE WHERE campaign_id = 'c9' SETTINGS mutations_sync = 2"
        )


def test_insights_change_with_what_a_person_sets(api: TestClient, log_in: LogIn) -> None:
    url = "/api/v1/insights"
    etag = api.get(url, headers=log_in("ana")).headers["etag"]
    others = api.get(url, headers=log_in("otto")).headers["etag"]
    assert etag != others
    assert api.get(url, headers=log_in("ana") | {"If-None-Match": etag}).status_code == 304
    item = api.get(url, headers=log_in("ana")).json()["items"][0]
    api.patch(f"{url}/{item['id']}", headers=log_in("ana"), json={"status": "acknowledged"})
    changed = api.get(url, headers=log_in("ana") | {"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.json()["items"][0]["status"] == "acknowledged"
    assert api.get(url, headers=log_in("otto")).headers["etag"] == others
    api.patch(f"{url}/{item['id']}", headers=log_in("ana"), json={"status": "open"})


def test_an_answer_is_never_another_s(api: TestClient, log_in: LogIn) -> None:
    texts = {name: api.get(ROI, headers=log_in(name)).text for name in ("ana", "otto", "ana", "vic")}
    assert texts["ana"] != texts["otto"]
    assert "demo" not in texts["otto"]


def test_what_is_kept_is_bounded(site: Settings) -> None:
    small = site.model_copy(update={"api_cache_mb": 1})
    answers = Answers(Backends(small), None)  # type: ignore[arg-type]  # versions are not asked for here
    for number in range(100):
        answers.keep(str(number), "v", b"x" * 50_000)
    answers.keep("large", "v", b"x" * 900_000)
    assert answers.size <= 1024 * 1024
    assert answers.find("99", "v") is not None
    assert answers.find("99", "w") is answers.find("0", "v") is answers.find("large", "v") is None


PATHS = [
    "/api/v1/analytics/roi?group_by=campaign&group_by=date", "/api/v1/analytics/anomalies", "/api/v1/data/files",
    "/api/v1/data/rejects", "/api/v1/data/restatements", "/api/v1/insights",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_tables_are_whole_as_csv_and_parquet(api: TestClient, log_in: LogIn, path: str) -> None:
    page = api.get(path, headers=log_in("ana"), params={}).json()["items"]
    limited = path + ("&" if "?" in path else "?") + "limit=1"
    answer = api.get(limited, headers=log_in("ana") | {"Accept": "text/csv"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].endswith('.csv"')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == len(page)
    assert {row["workspace"] for row in rows if "workspace" in row} <= {"demo"}
    as_parquet = api.get(limited, headers=log_in("ana") | {"Accept": "application/vnd.apache.parquet"})
    table = pq.read_table(io.BytesIO(as_parquet.content))
    assert (table.num_rows, table.column_names) == (len(page), list(rows[0]))
    again = {"Accept": "text/csv", "If-None-Match": answer.headers["etag"]}
    assert api.get(limited, headers=log_in("ana") | again).status_code == 304
    assert answer.headers["etag"] != as_parquet.headers["etag"]


def test_cells_of_csv_are_no_formulas_and_null_is_empty(api: TestClient, log_in: LogIn) -> None:
    rejects = api.get("/api/v1/data/rejects", headers=log_in("ana") | {"Accept": "text/csv"}).text
    assert "'=cmd|' /C calc'!A0" in [row["raw_text"] for row in csv.DictReader(io.StringIO(rejects))]
    restated = api.get("/api/v1/data/restatements", headers=log_in("ana") | {"Accept": "text/csv"}).text
    assert [row["after"] for row in csv.DictReader(io.StringIO(restated))] == ["5", ""]
    assert [tables.harmless(text) for text in ("=1", "-2", "@x", "\tx", "plain", -3)] == [
        "'=1", "'-2", "'@x", "'\tx", "plain", -3,
    ]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_times_of_csv_say_their_zone(api: TestClient, log_in: LogIn, path: str) -> None:
    text = api.get(path, headers=log_in("ana") | {"Accept": "text/csv"}).text
    times = [cell for row in csv.DictReader(io.StringIO(text)) for name, cell in row.items() if name.endswith("_at")]
    assert any(times) or not path.endswith(("files", "insights"))
    assert [cell for cell in times if cell and datetime.fromisoformat(cell).utcoffset() != timedelta(0)] == []


def test_another_form_is_not_acceptable(api: TestClient, log_in: LogIn) -> None:
    answer = api.get(ROI, headers=log_in("ana") | {"Accept": "application/xml"})
    assert (answer.status_code, answer.headers["content-type"]) == (406, "application/problem+json")
    both = "text/html, application/json;q=0.9, text/csv;q=0.5, */*;q=0.1"
    assert api.get(ROI, headers=log_in("ana") | {"Accept": both}).headers["content-type"] == "application/json"


def test_requests_are_limited_by_caller(site: Settings, log_in: LogIn) -> None:
    strict = site.model_copy(update={"api_rate_limit": "3/minute"})
    with TestClient(create_app(strict)) as client:
        answers = [client.get("/api/v1/auth/me", headers=log_in("ana")) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].headers["content-type"] == "application/problem+json"
        assert int(answers[-1].headers["retry-after"]) > 0
        assert client.get("/api/v1/auth/me", headers=log_in("vic")).status_code == 200
        assert client.get("/healthz").status_code == 200


def test_what_is_kept_is_in_the_metrics(api: TestClient, log_in: LogIn) -> None:
    api.get(ROI, headers=log_in("ana"))
    text = api.get("/metrics").text
    assert 'insightflow_answers_total{made="kept"}' in text
    assert "insightflow_answers_bytes" in text


def test_a_table_says_its_currency_and_its_days(api: TestClient, log_in: LogIn) -> None:
    text = api.get(ROI, headers=log_in("ana") | {"Accept": "text/csv"}).text
    for row in csv.DictReader(io.StringIO(text)):
        assert (row["currency"], row["date_from"], row["date_to"]) == ("USD", "2026-06-01", "2026-06-30")
    whole = api.get(ROI, headers=log_in("ana") | {"Accept": tables.PARQUET}).content
    assert set(pq.read_table(io.BytesIO(whole)).column("currency").to_pylist()) == {"USD"}


@pytest.fixture
def two_weeks(site: Settings, warehouse: Client) -> Iterator[dict[str, str]]:
    """Parameters of a week, beside one before it that has less, nothing, or other rates."""
    last = DAY - timedelta(days=310)
    before = last - timedelta(days=7)
    pounds = {"currency": "GBP", "cost": 70, "conversion_value": 90}

    def of(campaign: str) -> dict[str, str]:
        return {"account_id": "1", "campaign_id": campaign, "campaign_name": f"=Campaign {campaign}"}

    rows = [
        sums(last, 90.5, 300.25, **of("both"), impressions=900, clicks=33, conversions=7),
        sums(before, 60.1, 0, **of("both"), impressions=1000, clicks=40, conversions=0),
        sums(last, 10, 20, **of("new")),
        sums(before, 10, 20, **of("gone")),
        sums(last, -5, None, **of("credit"), conversions=None),
        sums(before, -10, 10, **of("credit"), impressions=0, clicks=0),
        sums(last, None, None, **of("unrated")) | pounds,
        sums(before, 55, 80, **of("unrated")),
    ]
    add(warehouse, "mart_campaign_daily", *rows)
    named = ("account_id", "campaign_id", "campaign_name")
    add_platforms(warehouse, *({k: v for k, v in row.items() if k not in named} for row in rows))
    yield {"date_from": (last - timedelta(days=6)).isoformat(), "date_to": last.isoformat()}
    forget(warehouse, f"date IN ('{last}', '{before}')")
    warehouse.command(f"DELETE FROM marts.mart_campaign_daily WHERE date IN ('{last}', '{before}')")


@pytest.mark.parametrize("group_by", [["campaign"], ["platform"], ["date", "campaign"], ["month"]])
def test_a_compared_table_has_each_cell_of_the_page(
    api: TestClient, log_in: LogIn, two_weeks: dict[str, str], group_by: list[str]
) -> None:
    asked = two_weeks | {"compare": "previous_period", "group_by": group_by}
    url = "/api/v1/analytics/roi"
    page = api.get(url, headers=log_in("ana"), params=asked).json()
    expected = []
    for item in page["items"]:
        row = {"previous_date_from": page["previous"]["date_from"], "previous_date_to": page["previous"]["date_to"]}
        for name in MEASURES:
            now, before, change = item[name], item["previous"][name], item["change"][name]
            if change is not None or name not in MONEY:  # money of other rates has none
                assert change == (None if now is None or not before else pytest.approx((now - before) / abs(before)))
            row |= {name: now, f"{name}_previous": before, f"{name}_change": change}
        expected.append(row)
    cells = [cell for row in expected for cell in row.values()]
    assert None in cells
    assert sum(row["clicks_change"] is not None for row in expected) > 0

    def plain(row: dict[str, Any]) -> dict[str, Any]:
        shown = {name: row[name] for name in expected[0]}
        dates = {name: str(shown[name]) for name in shown if "date" in name}
        return {n: None if v in ("", None) else float(v) for n, v in shown.items() if n not in dates} | dates

    whole = asked | {"limit": 1}
    text = api.get(url, headers=log_in("ana") | {"Accept": "text/csv"}, params=whole).text
    assert [plain(row) for row in csv.DictReader(io.StringIO(text))] == expected
    content = api.get(url, headers=log_in("ana") | {"Accept": tables.PARQUET}, params=whole).content
    assert [plain(row) for row in pq.read_table(io.BytesIO(content)).to_pylist()] == expected
    header = text.splitlines()[0]
    assert '"cost","cost_previous","cost_change","conversion_value"' in header, "in the order of the comparison marts"
    alone = api.get(url, headers=log_in("ana") | {"Accept": "text/csv"}, params=asked | {"compare": "none"}).text
    assert not [name for name in alone.splitlines()[0].split(",") if "_previous" in name or "_change" in name]


def test_money_whose_rates_moved_has_no_change_in_a_table(
    api: TestClient, log_in: LogIn, two_weeks: dict[str, str]
) -> None:
    asked = two_weeks | {"compare": "previous_period", "group_by": "platform"}
    text = api.get("/api/v1/analytics/roi", headers=log_in("ana") | {"Accept": "text/csv"}, params=asked).text
    [row] = csv.DictReader(io.StringIO(text))
    assert (row["cost_previous"], row["cost_change"], bool(row["clicks_change"])) == ("115.1", "", True)


def test_a_table_of_insights_has_what_the_page_has(api: TestClient, log_in: LogIn) -> None:
    url = "/api/v1/insights"
    items = api.get(url, headers=log_in("ana")).json()["items"]
    rows = list(csv.DictReader(io.StringIO(api.get(url, headers=log_in("ana") | {"Accept": "text/csv"}).text)))
    assert list(rows[0]) == list(items[0])
    assert [row["impact_meaning"] for row in rows] == [item["impact_meaning"] for item in items]
