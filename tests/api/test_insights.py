"""The inbox: filters, order, pages, what a person sets, and whose rows are shown."""

from __future__ import annotations

import re
from typing import Any

import psycopg2
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from include.insights import publish
from include.settings import Settings
from tests.api.conftest import LogIn
from tests.support.marts import DAY
from tests.support.processes import wait_until

pytestmark = pytest.mark.integration
URL = "/api/v1/insights"


def titles(api: TestClient, headers: dict[str, str], **params: Any) -> list[str]:
    answer = api.get(URL, headers=headers, params=params)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


def test_most_money_comes_first_and_unknown_last(api: TestClient, log_in: LogIn) -> None:
    expected = ["demo finding 3", "demo finding 2", "demo finding 1", "demo finding 4"]
    assert titles(api, log_in("ana"), order="money") == expected


def test_priority_weighs_money_by_confidence(api: TestClient, log_in: LogIn) -> None:
    # 200 × 0.9, 300 × 0.5, 100 × 0.9, unknown.
    expected = [f"demo finding {n}" for n in (2, 3, 1, 4)]
    assert titles(api, log_in("ana"), order="priority") == expected
    assert titles(api, log_in("ana")) == expected, "the order of the dashboard is also that of the API"


@pytest.mark.parametrize("order", ["money", "priority"])
def test_money_of_another_currency_is_not_ranked_by_its_number(
    api: TestClient, log_in: LogIn, site: Settings, order: str
) -> None:
    def become(currency: str) -> None:
        with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE insights SET impact_currency = %s WHERE title = 'demo finding 2'", (currency,))

    become("JPY")
    try:
        wait_until(
            lambda: titles(api, log_in("ana"), order=order)[:2] == ["demo finding 3", "demo finding 1"], 10, "yen last"
        )
        pages = api.get(URL, headers=log_in("ana"), params={"order": order, "limit": 2}).json()
        rest = titles(api, log_in("ana"), order=order, limit=2, cursor=pages["next_cursor"])
        assert sorted(rest) == ["demo finding 2", "demo finding 4"]
    finally:
        become("USD")


def test_an_insight_has_the_contract_s_columns_and_numbers_are_numbers(api: TestClient, log_in: LogIn) -> None:
    item = api.get(URL, headers=log_in("ana"), params={"kind": "cpc_jump"}).json()["items"][0]
    contract = (
        "id workspace insight_key kind severity status entity_type entity_id entity_name platform account_id metric "
        "date_start date_end title body impact_amount impact_currency evidence first_seen_at last_seen_at "
        "resolved_at run_id"
    )
    assert set(item) >= set(contract.split())
    assert (item["impact_amount"], item["impact_currency"]) == (100.0, "USD")
    assert item["evidence"] == {"expected": 120.5, "days": ["2026-06-30"]}


@pytest.mark.parametrize("order", ["money", "priority", "date", "rank"])
def test_pages_join_to_the_whole(api: TestClient, log_in: LogIn, order: str) -> None:
    whole = titles(api, log_in("admin"), order=order)
    assert len(whole) == 7
    seen: list[str] = []
    params: dict[str, Any] = {"order": order, "limit": 2}
    while True:
        page = api.get(URL, headers=log_in("admin"), params=params).json()
        seen += [item["title"] for item in page["items"]]
        if not page["next_cursor"]:
            break
        params["cursor"] = page["next_cursor"]
    assert seen == whole


@pytest.mark.parametrize(
    ("params", "numbers"),
    [
        ({"severity": ["high", "critical"], "kind": "spend_stop"}, [2, 3, 4]),
        ({"kind": "cpc_jump"}, [1]),
        ({"min_impact": "200"}, [2, 3]),
        ({"date_from": "2026-07-01"}, []),
        ({"date_to": "2026-06-29"}, []),
        ({"date_from": "2026-06-30", "date_to": "2026-06-30", "entity_id": "c1"}, [2, 3, 1, 4]),
        ({"status": ["resolved", "acknowledged"]}, []),
        ({"platform": "meta_ads"}, []),
        ({"workspace": "demo", "order": "rank"}, [1, 2, 3, 4]),
    ],
)
def test_filters(api: TestClient, log_in: LogIn, params: dict[str, Any], numbers: list[int]) -> None:
    assert titles(api, log_in("ana"), **params) == [f"demo finding {n}" for n in numbers]


def test_every_workspace_is_all_that_one_sees(api: TestClient, log_in: LogIn) -> None:
    admin = log_in("admin")
    assert titles(api, admin, workspace="*") == titles(api, admin)
    assert api.get(URL, headers=log_in("ana"), params={"workspace": "*"}).status_code == 404


def test_a_stranger_sees_and_changes_nothing(api: TestClient, log_in: LogIn) -> None:
    mine = api.get(URL, headers=log_in("ana")).json()["items"]
    stranger = log_in("otto")
    assert all(title.startswith("other") for title in titles(api, stranger))
    for accept in ("application/json", "text/csv"):
        answer = api.get(URL, headers=stranger | {"Accept": accept}, params={"workspace": "demo"})
        assert (answer.status_code, "demo" in answer.json()["detail"]) == (404, True)
    for item in mine:
        assert api.get(f"{URL}/{item['id']}", headers=stranger).status_code == 404
        answer = api.patch(f"{URL}/{item['id']}", headers=stranger, json={"status": "resolved"})
        assert answer.status_code == 404
    # Another's cursor leads to one's own rows only.
    cursor = api.get(URL, headers=log_in("ana"), params={"limit": 1}).json()["next_cursor"]
    assert all(title.startswith("other") for title in titles(api, stranger, cursor=cursor))
    assert api.get(URL, headers=log_in("ana")).json()["items"] == mine


def test_what_a_person_sets_outlives_a_publication(api: TestClient, log_in: LogIn, site: Settings) -> None:
    [item] = api.get(URL, headers=log_in("ana"), params={"kind": "cpc_jump"}).json()["items"]
    url = f"{URL}/{item['id']}"
    for status in ("acknowledged", "resolved", "open", "acknowledged"):
        answer = api.patch(url, headers=log_in("ana"), json={"status": status})
        assert answer.status_code == 200
        changed = answer.json()
        assert (changed["status"], changed["status_by"]) == (status, "ana")
        assert (changed["resolved_at"] is not None) == (status == "resolved")
    publish([DAY], "again", site)
    assert api.get(url, headers=log_in("ana")).json()["status"] == "acknowledged"
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE insights SET status = 'open', status_by = NULL, status_at = NULL")


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("get", URL, {"params": {"limit": 0}}, 422),
        ("get", URL, {"params": {"severity": "urgent"}}, 422),
        ("get", URL, {"params": {"platform": "google"}}, 422),
        ("get", URL, {"params": {"date_from": "yesterday"}}, 422),
        ("get", URL, {"params": {"date_from": "2026-07-01", "date_to": "2026-06-01"}}, 422),
        ("get", URL, {"params": {"cursor": "nonsense"}}, 400),
        ("get", URL, {"params": {"order": "money", "cursor": "WyJtb25leSIsICJ4IiwgInkiXQ"}}, 400),
        ("get", f"{URL}/999999", {}, 404),
        ("get", f"{URL}/0", {}, 422),
        ("get", f"{URL}/summary", {"params": {"workspace": "other"}}, 404),
        ("get", "/api/v1/nothing", {}, 404),
        ("delete", f"{URL}/1", {}, 405),
        ("patch", f"{URL}/1", {"json": {"status": "closed"}}, 422),
        ("patch", f"{URL}/1", {"json": {"status": "open", "severity": "low"}}, 422),
    ],
)
def test_errors_are_problem_details(
    api: TestClient, log_in: LogIn, method: str, path: str, given: dict[str, Any], status: int
) -> None:
    headers = log_in("ana") | {"X-Request-ID": "my-request"}
    answer = api.request(method, path, headers=headers, **given)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["instance"] == path
    assert document["request_id"] == answer.headers["x-request-id"] == "my-request"
    assert document["title"]
    assert document["detail"]


def test_insights_of_a_run_are_those_of_the_days_it_published(api: TestClient, log_in: LogIn) -> None:
    found = api.get("/api/v1/insights", headers=log_in("ana"), params={"run_id": "run"})
    assert found.status_code == 200, found.text
    every = api.get("/api/v1/insights", headers=log_in("ana")).json()["items"]
    assert [item["id"] for item in found.json()["items"]] == [item["id"] for item in every]
    assert {item["workspace"] for item in every} == {"demo"}
    assert api.get("/api/v1/insights", headers=log_in("ana"), params={"run_id": "x"}).json()["items"] == []


def test_no_route_passes_over_a_parameter_that_it_does_not_have(api: TestClient, log_in: LogIn) -> None:
    tried = 0
    for route in api.app.routes:  # type: ignore[attr-defined]  # typed as any ASGI app
        if isinstance(route, APIRoute) and "GET" in route.methods and route.path.startswith("/api/v1/"):
            path = re.sub(r"\{\w+\}", "1", route.path)
            answer = api.get(path, headers=log_in("admin"), params={"bogus": "1"})
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.bogus"), path
            tried += 1
    assert tried >= 20


@pytest.mark.parametrize(
    ("path", "params", "sentence"),
    [
        ("insights", {"account_id": "bogus"}, "there is no parameter account_id here; known are cursor, date_from"),
        ("insights/summary", {"days": 7}, "there is no parameter days here; known are date_from, date_to, workspace"),
        ("analytics/roi", {"platfrom": "meta_ads"}, "did you mean platform? known are account_id, ad_group_id"),
    ],
)
def test_a_parameter_with_a_slip_is_answered_with_the_known_ones(
    api: TestClient, log_in: LogIn, path: str, params: dict[str, Any], sentence: str
) -> None:
    answer = api.get(f"/api/v1/{path}", headers=log_in("ana"), params=params)
    assert (answer.status_code, sentence in answer.json()["detail"]) == (422, True), answer.text
