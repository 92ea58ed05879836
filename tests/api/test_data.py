"""What came in and whether it can be trusted; what stands behind an insight."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from fastapi.testclient import TestClient

from include.api import store
from include.api.backends import Backends
from include.api.scope import Caller
from include.settings import Settings
from include.warehouse.client import connect
from tests.api.conftest import LogIn
from tests.support.marts import DAY, add, add_platforms, forget, sums

pytestmark = pytest.mark.integration
URL = "/api/v1/data"


def get(api: TestClient, headers: dict[str, str], path: str, **params: Any) -> dict[str, Any]:
    answer = api.get(path if path.startswith("/") else f"{URL}/{path}", headers=headers, params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_rejects_name_file_line_reason_and_text(api: TestClient, log_in: LogIn) -> None:
    page = get(api, log_in("ana"), "rejects")
    assert [(r["uri"], r["row_number"], r["reason"]) for r in page["items"]] == [
        ("landing/demo/google_ads/a.csv", 7, "bad_date"),
        ("landing/demo/google_ads/a.csv", 9, "bad_number"),
    ]
    assert page["reasons"] == {"bad_date": 1, "bad_number": 1}
    only = get(api, log_in("ana"), "rejects", reason="bad_date", file_id="f1", source="google_ads")
    assert [r["row_number"] for r in only["items"]] == [7]
    assert get(api, log_in("ana"), "rejects", file_id="f3")["items"] == []


def test_restatements_say_before_and_after(api: TestClient, log_in: LogIn) -> None:
    page = get(api, log_in("ana"), "restatements")
    assert [(r["metric"], r["before"], r["after"]) for r in page["items"]] == [("conversions", 4, 5), ("cost", 4, None)]
    assert len(get(api, log_in("ana"), "restatements", metric="cost", date_from="2026-06-30")["items"]) == 1
    assert get(api, log_in("ana"), "restatements", date_from="2026-07-01")["items"] == []


def test_coverage_shows_the_missing_days_of_each_source(api: TestClient, log_in: LogIn) -> None:
    found = get(api, log_in("ana"), "coverage")
    [source] = found["items"]
    assert (source["source"], source["days_loaded"], source["days_missing"]) == ("google_ads", 2, 2)
    assert [(d["date"], d["state"], d["rows"]) for d in source["days"]] == [
        ("2026-06-27", "loaded", 5), ("2026-06-28", "missing", 0), ("2026-06-29", "missing", 0),
        ("2026-06-30", "loaded", 5),
    ]  # fmt: skip
    some = get(api, log_in("ana"), "coverage", date_from="2026-06-29", date_to="2026-06-29")
    assert [d["state"] for d in some["items"][0]["days"]] == ["missing"]


def test_quality_shows_failures_first_and_values_only_to_who_sees_all(api: TestClient, log_in: LogIn) -> None:
    hushed = get(api, log_in("ana"), "quality")
    assert (hushed["state"], hushed["run_id"]) == ("warning", "run")
    assert [(c["expectation"], c["success"], c["detail"]) for c in hushed["items"]] == [
        ("b", False, "b does not hold"),
        ("a", True, "a holds"),
    ]
    assert get(api, log_in("admin"), "quality")["items"][0]["detail"] == "b: some rows have no cost"


def test_freshness_by_source(api: TestClient, log_in: LogIn) -> None:
    found = get(api, log_in("ana"), "freshness")
    assert [(s["source"], s["last_date"], s["days_behind"], s["state"]) for s in found["items"]] == [
        ("google_ads", "2026-06-30", 0, "stale")
    ]
    assert found["last_published_at"] is not None


def test_a_publication_is_of_its_days_and_the_later_ones(api: TestClient) -> None:
    """One of days after those of a workspace has not looked at them: of it nothing was published."""
    backends: Backends = api.app.state.backends  # type: ignore[attr-defined]  # typed as any ASGI app
    with backends.postgres(Caller.of("ana", {"demo": "viewer"})) as connection:
        found = [store.last_published(connection, day) for day in (DAY - timedelta(400), DAY, DAY + timedelta(1), None)]
    assert [when is None for when in found] == [True, False, False, True]


@pytest.mark.parametrize("path", ["files", "rejects", "restatements"])
def test_lists_page_and_keep_to_the_workspace(api: TestClient, log_in: LogIn, path: str) -> None:
    for name in ("ana", "otto", "admin"):
        whole = get(api, log_in(name), path)["items"]
        assert whole
        if name != "admin":
            assert {item["workspace"] for item in whole} == {"demo" if name == "ana" else "other"}
        seen: list[Any] = []
        cursor: dict[str, str] = {}
        for _ in range(len(whole)):
            page = get(api, log_in(name), path, limit=1, **cursor)
            seen += page["items"]
            cursor = {"cursor": page["next_cursor"]}
        assert (seen, page["next_cursor"]) == (whole, None)


def test_an_insight_leads_to_its_series_and_its_rows(api: TestClient, log_in: LogIn) -> None:
    insight = get(api, log_in("ana"), "/api/v1/insights", kind="cpc_jump")["items"][0]
    chart = get(api, log_in("ana"), f"/api/v1/insights/{insight['id']}/evidence")
    assert (chart["metric"], chart["entity_type"]) == ("cost", "campaign")
    last = chart["points"][-1]
    assert (last["date"], last["values"]["cost"], last["band"]["cost"]["expected"]) == ("2026-06-30", 40, 100)
    rows = get(api, log_in("ana"), f"/api/v1/insights/{insight['id']}/rows")
    assert rows["total"] == 2
    assert [(r["cost"], r["uri"], r["row_number"]) for r in rows["items"]] == [
        (30, "landing/demo/google_ads/a.csv", 3),
        (10, "landing/demo/google_ads/a.csv", 2),
    ]
    for part in ("evidence", "rows"):
        assert api.get(f"/api/v1/insights/{insight['id']}/{part}", headers=log_in("otto")).status_code == 404


@pytest.fixture
def changed(api: TestClient, log_in: LogIn, site: Settings) -> Iterator[Callable[..., dict[str, Any]]]:
    """The evidence of an insight that has these columns for a while."""
    insight = get(api, log_in("ana"), "/api/v1/insights", kind="cpc_jump")["items"][0]

    def update(columns: dict[str, Any]) -> None:
        with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
            named = ", ".join(f"{name} = %s" for name in columns)
            cursor.execute(f"UPDATE insights SET {named} WHERE id = %s", [*columns.values(), insight["id"]])
        time.sleep(0.6)  # answers are that old at most

    before: dict[str, Any] = {}

    def evidence(**columns: Any) -> dict[str, Any]:
        before.update({name: insight[name] for name in columns})
        update(columns)
        return get(api, log_in("ana"), f"/api/v1/insights/{insight['id']}/evidence")

    yield evidence
    update(before)


@pytest.mark.parametrize("day", ["1999-11-01", "2000-01-03", "2099-12-30"])
def test_days_at_the_ends_of_the_calendar_have_evidence(changed: Callable[..., dict[str, Any]], day: str) -> None:
    assert changed(date_start=day, date_end=day)["date_start"] == day


@pytest.mark.parametrize(
    ("kind", "entity_type", "table", "values"),
    [
        # The money of another account has a rate: what lacks one is drawn all the same.
        ("missing_rate", "workspace", "mart_account_daily", [70, 80]),
        ("budget_overrun", "account", "mart_account_daily", [70, 80]),
        ("spend_spike", "campaign", "mart_campaign_daily", [70, 80]),
    ],
)
def test_money_without_a_rate_is_drawn_in_account_currency(
    changed: Callable[..., dict[str, Any]], site: Settings, kind: str, entity_type: str, table: str, values: list[int]
) -> None:
    ids = {"account_id": "gbp"} | ({"campaign_id": "pounds"} if entity_type == "campaign" else {})
    last = DAY - timedelta(days=500)
    client = connect(site)
    for number, day in enumerate((last - timedelta(days=1), last)):
        row = sums(day, None, None, **ids) | {"cost": 70 + 10 * number, "currency": "GBP"}
        add(client, table, row)
        add_platforms(client, sums(day, 5, 5, platform="meta_ads"))
    entity = {"workspace": "demo", "account": "gbp", "campaign": "pounds"}[entity_type]
    try:
        chart = changed(
            kind=kind, entity_type=entity_type, entity_id=entity, date_start=last, date_end=last, impact_currency="GBP",
            account_id=None if entity_type == "workspace" else "gbp",
            platform=None if entity_type == "workspace" else "google_ads",
        )  # fmt: skip
    finally:
        client.command(f"DELETE FROM marts.{table} WHERE date <= '{last}'")
        forget(client, f"date <= '{last}'")
        client.close()
    assert chart["currency"] == "GBP"
    assert [point["values"]["cost"] for point in chart["points"][-2:]] == values
