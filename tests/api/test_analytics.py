"""Totals, series, anomalies, budgets: numbers exactly, pages, filters, and what is not there yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from include.settings import Settings
from include.warehouse.client import connect
from tests.api.conftest import LogIn
from tests.support.marts import DAY, add, add_platforms, forget, sums

pytestmark = pytest.mark.integration
URL = "/api/v1/analytics"


def get(api: TestClient, headers: dict[str, str], path: str, **params: Any) -> dict[str, Any]:
    answer = api.get(f"{URL}/{path}", headers=headers, params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_totals_are_sums_and_ratios_of_sums(api: TestClient, log_in: LogIn) -> None:
    page = get(api, log_in("ana"), "roi", date_from="2026-06-30", date_to="2026-06-30", compare="previous_period")
    assert (page["workspace"], page["currency"]) == ("demo", "USD")
    totals = page["totals"]
    assert {k: totals[k] for k in ("cost", "conversion_value", "impressions", "clicks", "conversions", "profit")} == {
        "cost": 160, "conversion_value": 360, "impressions": 4000, "clicks": 100, "conversions": 8, "profit": 200,
    }  # fmt: skip
    assert (totals["roas"], totals["roi"], totals["cpa"], totals["ctr"]) == (2.25, 1.25, 20, 0.025)
    # The 20 clicks of the platform without a rate have no cost beside them.
    assert (totals["cpc"], totals["unpriced_rows"]) == (2, 1)
    assert totals["previous"]["roas"] == 5
    assert totals["change"]["roas"] == -0.55
    assert page["previous"]["date_from"] == "2026-06-29"
    assert [(row["platform"], row["cost"]) for row in page["items"]] == [
        ("google_ads", 100), ("meta_ads", 60), ("affiliate", None),
    ]  # fmt: skip
    assert "no exchange rate" in page["notes"][0]


def test_value_without_its_cost_is_in_no_return(api: TestClient, log_in: LogIn, site: Settings) -> None:
    """Of a row whose cost wants a rate the value is left out too, and the other way round; what was never recorded is not."""
    day = DAY - timedelta(days=300)
    several = {"currency": None, "cost": None, "conversion_value": None}
    client = connect(site)
    add_platforms(
        client,
        sums(day, 100, 300),
        sums(day, None, 50, platform="meta_ads", cost=70, currency="GBP"),
        sums(day, None, 40, platform="x_ads") | several,
        sums(day, 80, None, platform="dv360", conversion_value=500, currency="GBP"),
        sums(day, 60, None, platform="reddit_ads"),
        sums(day, 40, None, platform="pinterest_ads") | several,
    )
    try:
        asked = {"date_from": day.isoformat(), "date_to": day.isoformat()}
        totals = get(api, log_in("ana"), "roi", **asked)["totals"]
    finally:
        forget(client, f"date = '{day}'")
        client.close()
    assert (totals["cost"], totals["conversion_value"]) == (280, 390)
    assert (totals["roas"], totals["roi"], totals["profit"]) == (1.5, 0.5, 100)


def test_credits_beyond_the_cost_make_no_return(api: TestClient, log_in: LogIn, site: Settings) -> None:
    day = DAY - timedelta(days=310)
    client = connect(site)
    add_platforms(client, sums(day, -60, 100))
    try:
        asked = {"date_from": day.isoformat(), "date_to": day.isoformat()}
        totals = get(api, log_in("ana"), "roi", **asked)["totals"]
        summary = api.get("/api/v1/insights/summary", headers=log_in("ana"), params=asked).json()
        said = api.get("/api/v1/insights/summary/text", headers=log_in("ana"), params=asked)
    finally:
        forget(client, f"date = '{day}'")
        client.close()
    assert (totals["cost"], totals["profit"], totals["roas"], totals["roi"]) == (-60, 160, None, None)
    assert summary["totals"]["roas"] is None
    assert "ROAS of" not in said.text


def test_totals_are_the_same_at_every_level_where_an_account_has_no_rate(
    api: TestClient, log_in: LogIn, site: Settings
) -> None:
    """The platform's own row has no money then; what its other account spent counts, and what does not is named."""
    day = DAY - timedelta(days=310)
    pounds = sums(day, None, None, clicks=20, account_id="2") | {"cost": 70, "conversion_value": 90, "currency": "GBP"}
    dollars = sums(day, 100, 300, account_id="1")
    client = connect(site)
    add(client, "mart_platform_daily", sums(day, None, None, clicks=120) | {"currency": None})
    add(client, "mart_account_daily", dollars, pounds)
    add(client, "mart_campaign_daily", *(row | {"campaign_id": "c9"} for row in (dollars, pounds)))
    asked = {"date_from": day.isoformat(), "date_to": day.isoformat()}
    try:
        pages = [
            get(api, log_in("ana"), "roi", group_by=by, **asked) for by in ("platform", "account", "campaign", "date")
        ]
        [line] = get(api, log_in("ana"), "trends", **asked)["series"]
        summary = api.get("/api/v1/insights/summary", headers=log_in("ana"), params=asked).json()
    finally:
        forget(client, f"date = '{day}'")
        client.command(f"DELETE FROM marts.mart_campaign_daily WHERE date = '{day}'")
        client.close()
    names = ("cost", "conversion_value", "roas", "cpc", "clicks", "unpriced_rows", "unpriced_currencies")
    for page in pages:
        assert [page["totals"][name] for name in names] == [100, 300, 3, 1, 120, 1, ["GBP"]], page["group_by"]
        assert page["notes"] == ["1 rows have no exchange rate to USD (GBP): their money is left out."]
        assert sum(row["cost"] or 0 for row in page["items"]) == 100
    assert line["points"][0]["values"]["cost"] == 100
    assert (summary["totals"]["spend"], summary["platforms"][0]["spend"], summary["daily"][-1]["spend"]) == (
        100,
        100,
        100,
    )
    assert (summary["freshness"]["unpriced"], summary["freshness"]["unpriced_currencies"]) == (1, ["GBP"])


def test_what_accounts_without_the_grain_brought_is_told(api: TestClient, log_in: LogIn, site: Settings) -> None:
    day = DAY - timedelta(days=230)
    fine, coarse = sums(day, 100, 300, account_id="1"), sums(day, 1234.5, 0, account_id="2")
    client = connect(site)
    add(client, "mart_platform_daily", sums(day, 1334.5, 300))
    add(client, "mart_account_daily", fine, coarse)
    add(client, "mart_campaign_daily", fine | {"campaign_id": "c9"})
    asked = {"date_from": day.isoformat(), "date_to": day.isoformat()}
    try:
        notes = [
            get(api, log_in("ana"), path, **asked, **question)["notes"]
            for path, question in (
                ("roi", {"group_by": "campaign"}), ("trends", {"split": "campaign"}),
                ("roi", {"group_by": "account"}), ("roi", {"group_by": "campaign", "campaign_id": "c9"}),
            )
        ]  # fmt: skip
    finally:
        forget(client, f"date = '{day}'")
        client.command(f"DELETE FROM marts.mart_campaign_daily WHERE date = '{day}'")
        client.close()
    told = [
        "1 account has no campaigns on 1 day: what it brought then, 1,234.50 USD of cost, is not in these numbers; those by"
        " account have it."
    ]
    assert notes == [told, told, [], []]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"group_by": "campaign"}, [("c2", 60), ("c3", 60), ("c1", 40)]),
        ({"group_by": "campaign", "order_by": "roas"}, [("c1", 40), ("c2", 60), ("c3", 60)]),
        ({"group_by": "campaign", "order_by": "roas", "descending": False}, [("c3", 60), ("c2", 60), ("c1", 40)]),
        ({"group_by": "campaign", "order_by": "name"}, [("c1", 40), ("c2", 60), ("c3", 60)]),
        ({"group_by": "campaign", "platform": "meta_ads"}, [("c3", 60)]),
        ({"group_by": "campaign", "campaign_id": ["c1", "c2"], "min_cost": 50}, [("c2", 60)]),
        ({"group_by": "campaign", "campaign": "BRAND"}, [("c1", 40)]),
        ({"group_by": "campaign", "account_id": "2"}, []),
        ({"group_by": "campaign", "date_to": "2026-06-01", "date_from": "2026-06-01"}, []),
    ],
)
def test_filters_and_orders(api: TestClient, log_in: LogIn, params: dict[str, Any], expected: list[Any]) -> None:
    page = get(api, log_in("ana"), "roi", **params)
    assert [(row["campaign_id"], row["cost"]) for row in page["items"]] == expected


def test_days_weeks_and_months(api: TestClient, log_in: LogIn) -> None:
    days = get(api, log_in("ana"), "roi", group_by="date")["items"]
    assert [(row["date"], row["cost"]) for row in days] == [("2026-06-29", 80), ("2026-06-30", 160)]
    [week] = get(api, log_in("ana"), "roi", group_by="week")["items"]
    assert (week["week"], week["cost"], week["is_provisional"]) == ("2026-06-29", 240, True)
    both = get(api, log_in("ana"), "roi", group_by=["month", "platform"])["items"]
    assert [(row["month"], row["platform"], row["cost"]) for row in both] == [
        ("2026-06-01", "google_ads", 180), ("2026-06-01", "meta_ads", 60), ("2026-06-01", "affiliate", None),
    ]  # fmt: skip


@pytest.mark.parametrize("order", ["cost", "roas", "conversions", "name"])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_join_to_the_whole(api: TestClient, log_in: LogIn, order: str, descending: bool) -> None:
    params: dict[str, Any] = {"group_by": ["date", "platform"], "order_by": order, "descending": descending}
    if order == "name":
        params["group_by"] = "campaign"
    whole = get(api, log_in("ana"), "roi", **params)["items"]
    assert len(whole) >= 3
    seen: list[Any] = []
    cursor = None
    while True:
        page = get(api, log_in("ana"), "roi", **params, limit=1, **({"cursor": cursor} if cursor else {}))
        seen += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == whole


def test_a_cursor_of_another_question_is_refused(api: TestClient, log_in: LogIn) -> None:
    page = get(api, log_in("ana"), "roi", group_by="campaign", limit=1)
    for params in ({"order_by": "roas"}, {"cursor": "nonsense"}, {"cursor": "WzEsMl0"}):
        asked = {"group_by": "campaign", "limit": 1, "cursor": page["next_cursor"]} | params
        answer = api.get(f"{URL}/roi", headers=log_in("ana"), params=asked)
        assert answer.status_code == 400, answer.text


def test_series_have_every_day_and_the_period_before(api: TestClient, log_in: LogIn) -> None:
    params: dict[str, Any] = {"date_from": "2026-06-29", "date_to": "2026-06-30", "metrics": ["cost", "roas"]}
    trends = get(api, log_in("ana"), "trends", **params)
    [line] = trends["series"]
    assert [(p["date"], p["values"]) for p in line["points"]] == [
        ("2026-06-29", {"cost": 80, "roas": 5}),
        ("2026-06-30", {"cost": 160, "roas": 2.25}),
    ]
    assert [p["is_provisional"] for p in line["points"]] == [False, True]
    split = get(api, log_in("ana"), "trends", **params, split="platform")["series"]
    assert [s["name"] for s in split] == ["google_ads", "meta_ads", "affiliate"]
    assert split[1]["points"][0] | {"date": ""} == {
        "date": "", "days": 1, "days_with_data": 0, "previous_date": None, "is_provisional": False, "has_data": False, "unpriced_rows": 0,
        "values": {"cost": None, "roas": None}, "previous": None, "band": {}, "anomalies": [],
    }  # fmt: skip
    one = params | {"date_from": "2026-06-30", "compare": "previous_period", "platform": "google_ads"}
    [point] = get(api, log_in("ana"), "trends", **one)["series"][0]["points"]
    assert (point["previous_date"], point["previous"]) == ("2026-06-29", {"cost": 80, "roas": 5})


def test_parts_of_weeks_and_months_say_so(api: TestClient, log_in: LogIn) -> None:
    def points(**params: Any) -> list[tuple[Any, ...]]:
        found = get(api, log_in("ana"), "trends", metrics="cost", **params)
        names = ("date", "days", "days_with_data", "previous_date")
        return [tuple(point[name] for name in names) for point in found["series"][0]["points"]]

    weeks = points(interval="week", date_from="2026-06-20", date_to="2026-06-30")
    assert weeks == [("2026-06-15", 2, 0, None), ("2026-06-22", 7, 0, None), ("2026-06-29", 2, 2, None)]
    months = points(interval="month", date_from="2026-05-15", date_to="2026-06-10", compare="previous_period")
    assert months == [("2026-05-01", 17, 0, "2026-04-18"), ("2026-06-01", 10, 0, "2026-05-05")]
    assert points(interval="day", date_from="2026-06-30", date_to="2026-06-30") == [("2026-06-30", 1, 1, None)]


def test_anomalies_stand_on_their_line_with_the_band(api: TestClient, log_in: LogIn) -> None:
    params = {"date_from": "2026-06-30", "date_to": "2026-06-30", "metrics": ["cost"], "campaign_id": "c1"}
    [point] = get(api, log_in("ana"), "trends", **params)["series"][0]["points"]
    assert [(a["kind"], a["entity_id"]) for a in point["anomalies"]] == [("spend_stop", "c1")]
    assert point["band"] == {"cost": {"expected": 100, "lower": 80, "upper": 120}}


@pytest.fixture
def twins(site: Settings) -> Iterator[dict[str, Any]]:
    """Two accounts that have a campaign of the same id each, and one without ids; what the detector says of one of each."""
    day = DAY - timedelta(days=400)
    client = connect(site)
    named = {"campaign_id": None, "campaign_name": "Spots"}
    add(
        client,
        "mart_campaign_daily",
        *(sums(day, spend, 5, account_id=account, campaign_id="twin", campaign_name="Twin")
          for account, spend in (("1", 10), ("2", 20))),
        sums(day, 5, 5, account_id="1", **named),
        sums(day, 4, 4, account_id="2", **named),
    )  # fmt: skip
    judged: dict[str, Any] = {"workspace": "demo", "platform": "google_ads", "entity_type": "campaign", "date": day,
                              "metric": "cost", "kind": "spend_spike", "severity": "high", "direction": "up"}  # fmt: skip
    scores = [
        judged | {"account_id": account, "entity_id": entity, "entity_name": entity, "expected": expected}
        for account, entity, expected in (("1", "twin", 11), ("2", "twin", 22), ("1", "Spots", 6), ("2", "Spots", 3))
    ]
    add(client, "int_anomaly_scores", *scores)
    add(client, "anomaly_daily", scores[1], scores[2])
    yield {"date_from": day.isoformat(), "date_to": day.isoformat(), "metrics": "cost"}
    for table in ("mart_campaign_daily", "int_anomaly_scores", "anomaly_daily"):
        client.command(f"DELETE FROM marts.{table} WHERE date = '{day}'")
    client.close()


@pytest.mark.parametrize(
    ("entity", "account", "expected", "marks"),
    [
        ("twin", "1", 11, 0), ("twin", "2", 22, 1), ("Spots", "1", 6, 1), ("Spots", "2", 3, 0), ("twin", None, None, 1),
    ],
)  # fmt: skip
def test_the_band_is_of_the_account_s_own_campaign(
    api: TestClient,
    log_in: LogIn,
    twins: dict[str, Any],
    entity: str,
    account: str | None,
    expected: int | None,
    marks: int,
) -> None:
    asked = twins | {"campaign_id": entity} | ({"account_id": account} if account else {})
    [point] = get(api, log_in("ana"), "trends", **asked)["series"][0]["points"]
    assert (point["band"].get("cost") or {}).get("expected") == expected
    assert [mark["account_id"] for mark in point["anomalies"]] == [account or "2"] * marks


def test_anomalies_stand_on_the_line_of_their_account(api: TestClient, log_in: LogIn, twins: dict[str, Any]) -> None:
    found = get(api, log_in("ana"), "trends", **twins, split="campaign")["series"]
    lines = [(line["key"]["account_id"], line["name"], len(line["points"][0]["anomalies"])) for line in found]
    assert lines == [("2", "Twin", 1), ("1", "Twin", 0), ("1", "Spots", 1), ("2", "Spots", 0)]
    [part] = get(api, log_in("ana"), "trends", **twins, split="account", campaign_id="twin", account_id="2")["series"]
    assert part["points"][0]["anomalies"] == [], "those of the account are not of a campaign in it"


def test_too_many_points_are_refused_with_a_sentence(api: TestClient, log_in: LogIn) -> None:
    params = {"date_from": "2000-01-01", "date_to": "2030-01-01"}
    answer = api.get(f"{URL}/trends", headers=log_in("ana"), params=params)
    assert answer.status_code == 422
    assert "points" in answer.json()["detail"]
    assert len(get(api, log_in("ana"), "trends", **params, interval="month")["series"][0]["points"]) == 361


def test_anomalies_filter_order_and_page(api: TestClient, log_in: LogIn) -> None:
    everything = get(api, log_in("ana"), "anomalies")
    assert [(a["entity_id"], a["metric"]) for a in everything["items"]] == [
        ("c3", "cpc"), ("c1", "cost"), ("c2", "cost"), ("c1", "clicks"),
    ]  # fmt: skip
    assert [a["metric"] for a in get(api, log_in("ana"), "anomalies", kind="cpc_jump")["items"]] == ["cpc"]
    assert get(api, log_in("ana"), "anomalies", date_to="2026-06-29")["items"] == []
    first = get(api, log_in("ana"), "anomalies", limit=3)
    rest = get(api, log_in("ana"), "anomalies", limit=3, cursor=first["next_cursor"])
    assert first["items"] + rest["items"] == everything["items"]
    assert rest["next_cursor"] is None
    assert {a["workspace"] for a in get(api, log_in("admin"), "anomalies")["items"]} == {"demo", "other"}


def test_what_is_not_built_yet_is_said_not_an_error(api: TestClient, log_in: LogIn) -> None:
    pacing = get(api, log_in("ana"), "pacing")
    assert pacing["items"] == []
    assert "no budgets yet" in pacing["notes"][0]
    for form in ("text/csv", "application/vnd.apache.parquet"):
        whole = api.get(f"{URL}/pacing", headers=log_in("ana") | {"Accept": form})
        assert (whole.status_code, whole.json()["detail"]) == (404, "There are no numbers yet for this table."), form
    parsed = get(api, log_in("ana"), "roi", group_by="market")
    assert parsed["items"] == []
    assert "not parsed" in parsed["notes"][0]


def test_a_workspace_without_numbers_is_an_empty_table_in_every_form(api: TestClient, log_in: LogIn) -> None:
    asked = {"workspace": "nothing_yet", "group_by": "campaign"}
    assert get(api, log_in("admin"), "roi", **asked)["items"] == []
    whole = api.get(f"{URL}/roi", headers=log_in("admin") | {"Accept": "text/csv"}, params=asked)
    assert whole.status_code == 200, whole.text
    [header] = whole.text.splitlines()
    assert '"campaign_name"' in header and '"cost"' in header


@pytest.mark.parametrize(
    "params",
    [
        {"group_by": "colour"}, {"limit": 0}, {"date_from": "2026-07-01", "date_to": "2026-06-01"},
        {"date_from": "0001-01-01"}, {"platfrom": "meta_ads"}, {"order_by": "cost; DROP TABLE x"}, {"min_cost": "nan"},
    ],
)  # fmt: skip
def test_wrong_parameters_are_named(api: TestClient, log_in: LogIn, params: dict[str, Any]) -> None:
    answer = api.get(f"{URL}/roi", headers=log_in("ana"), params=params)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["roi", "trends", "anomalies", "pacing"])
def test_another_workspace_is_not_there(api: TestClient, log_in: LogIn, path: str) -> None:
    assert api.get(f"{URL}/{path}", headers=log_in("otto"), params={"workspace": "demo"}).status_code == 404
    assert "demo" not in api.get(f"{URL}/{path}", headers=log_in("otto")).text


@pytest.mark.parametrize("path", ["roi", "trends", "anomalies", "pacing"])
@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_an_unknown_platform_is_not_an_empty_answer(api: TestClient, log_in: LogIn, path: str, accept: str) -> None:
    headers = log_in("ana") | {"Accept": accept}
    answer = api.get(f"{URL}/{path}", headers=headers, params={"platform": ["google", "meta_ads"]})
    assert answer.status_code == 422, answer.text
    assert (
        "no platform google here; did you mean google_ads? known are affiliate, amazon_ads" in answer.json()["detail"]
    )


def test_a_platform_that_only_the_data_know_is_known(api: TestClient, log_in: LogIn) -> None:
    assert [row["platform"] for row in get(api, log_in("ana"), "roi", platform="affiliate")["items"]] == ["affiliate"]
    stranger = api.get(f"{URL}/roi", headers=log_in("otto"), params={"platform": "affiliate"})
    assert stranger.status_code == 422, "what only the data of others know is not told"


def test_google_s_spelling_of_an_account_finds_it(api: TestClient, log_in: LogIn, site: Settings) -> None:
    row = sums(DAY, 7, 9, platform="google_ads", account_id="4175520931")
    client = connect(site)
    add(client, "mart_account_daily", row)
    client.close()
    for spelling in ("4175520931", "417-552-0931"):
        page = get(api, log_in("ana"), "roi", group_by="account", account_id=spelling)
        assert [(item["account_id"], item["cost"]) for item in page["items"]] == [("4175520931", 7)], spelling
        trend = get(api, log_in("ana"), "trends", account_id=spelling, metrics="cost")
        assert trend["series"][0]["points"][-1]["values"]["cost"] == 7
    assert get(api, log_in("ana"), "roi", group_by="account", account_id="417-552-0932")["items"] == []
