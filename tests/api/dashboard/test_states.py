"""What a reader meets besides numbers: nothing there, something wrong, hostile names, a slow machine."""

from __future__ import annotations

import os
import re
from dataclasses import replace

import pytest
from playwright.sync_api import Route, expect

from include.transform import results
from include.transform.results import NodeResult
from tests.api.dashboard.conftest import Site
from tests.support.browser import Visitor
from tests.support.demo_data import HOSTILE
from tests.support.first_view import painted, watch

pytestmark = pytest.mark.integration

EMPTY = {
    "/": "Drop an export to begin",
    "/?view=inbox": "No insights yet",
    "/?view=inbox&status=resolved": "Nothing is resolved yet",
    "/?view=trends": "No numbers yet",
    "/?view=campaigns": "No numbers yet",
    "/?view=pacing": "No budgets for this month",
    "/?view=health": "No source yet",
    "/?view=health&tab=files": "No files",
    "/?view=health&tab=rejects": "No row was rejected",
    "/?view=health&tab=restatements": "No number was restated",
}


def test_where_nothing_is_each_view_says_what_to_do(eve: Visitor) -> None:
    page = eve.open("/")
    for path, heading in EMPTY.items():
        page.goto(eve.url + path)
        state = page.locator(".state").filter(has=page.get_by_role("heading", name=heading))
        expect(state).to_be_visible()
        assert len(state.locator("p").first.inner_text()) > 15, path


def test_days_without_numbers_are_said(ana: Visitor) -> None:
    page = ana.open("/?view=campaigns&from=2020-01-01&to=2020-01-07")
    expect(page.get_by_role("heading", name="Nothing in these days")).to_be_visible()
    page.goto(ana.url + "/?view=trends&from=2020-01-01&to=2020-01-31&platform=google_ads")
    expect(page.get_by_role("heading", name="Nothing in these days")).to_be_visible()


def test_a_database_that_is_away_is_named_and_tried_again(ana: Visitor) -> None:
    ana.allowed.append("503")
    page = ana.blank()
    away = [True]

    def answer(route: Route) -> None:
        if away[0]:
            problem = '{"status": 503, "detail": "ClickHouse does not answer."}'
            route.fulfill(status=503, body=problem, content_type="application/problem+json", headers={"Retry-After": "1"})  # fmt: skip
        else:
            route.continue_()

    page.route("**/api/v1/insights/summary**", answer)
    page.goto(ana.url + "/")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("ClickHouse does not answer.")
    expect(alert).to_contain_text("bin/insightflow doctor")
    away[0] = False
    expect(page.get_by_role("heading", level=1)).to_have_text("Tuesday, 30 June 2026")


def test_a_server_that_is_gone_and_a_workspace_of_others(ana: Visitor) -> None:
    ana.allowed += ["ERR_FAILED", "404"]
    page = ana.blank()
    page.route("**/api/v1/analytics/roi**", lambda route: route.abort())
    page.goto(ana.url + "/?view=campaigns")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
    page.unroute("**/api/v1/analytics/roi**")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("main tbody tr").first).to_be_visible()
    page.goto(ana.url + "/?workspace=nothing_yet")
    expect(page.get_by_role("alert")).to_contain_text("There is no workspace nothing_yet among yours")
    page.goto(ana.url + "/?view=rows&id=999999")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("There is no insight 999999 in your workspaces.")
    expect(alert).not_to_contain_text("Choose another workspace above")
    alert.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tuesday, 30 June 2026")


def test_addresses_that_miss_something_say_what(ana: Visitor, admin: Visitor) -> None:
    page = ana.open("/?view=rows")
    expect(page.locator("main")).to_contain_text("Of which insight?")
    page.get_by_role("link", name="Choose one among the insights").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Insights")
    page.goto(ana.url + "/?view=overview&from=2026-06-30&to=2026-06-01")
    said = page.get_by_role("status").filter(has_text="the wrong way round")
    expect(said).to_contain_text("Jun 2026 is shown")
    assert [page.get_by_label(name, exact=True).input_value() for name in ("From", "to")] == [
        "2026-06-01",
        "2026-06-30",
    ]
    page = admin.open("/?view=trends&workspace=nope")
    expect(page.get_by_role("heading", name="No workspace nope has data")).to_be_visible()
    page.locator("main .state").get_by_role("link").first.click()
    expect(page.locator(".plot canvas").first).to_be_visible()


def test_what_to_do_about_a_missing_rate_stands_apart(ana: Visitor) -> None:
    page = ana.blank()

    def answer(route: Route) -> None:
        found = route.fetch().json()
        for point in found["series"][0]["points"]:
            point |= {"unpriced_rows": 1, "values": dict.fromkeys(point["values"])}
        route.fulfill(json=found)

    page.route("**/api/v1/analytics/trends**", answer)
    page.goto(ana.url + "/?view=trends&platform=google_ads")
    expect(page.locator(".state")).to_contain_text(re.compile(r" to [A-Z]{3}\. What to do about it"))


def test_a_build_that_failed_is_said_beside_the_numbers(ana: Visitor, demo_site: Site) -> None:
    node = NodeResult("mart_x", "model", "error", None, 0.5, "no", "model.insightflow.mart_x", "select 1")
    results.keep(demo_site.settings, "failing+run", "marts", [node])
    trust = ana.open("/").get_by_label("Can the numbers be trusted")
    said = trust.get_by_role("link", name="The last run failed in marts")
    expect(said).to_contain_text("; figures are of ")
    expect(said).to_have_attribute("href", "/dbt-docs/builds?run=failing%2Brun&layer=marts")
    results.keep(demo_site.settings, "mended", "marts", [replace(node, status="success")])
    expect(ana.open("/?view=health").get_by_label("Can the numbers be trusted")).not_to_contain_text("failed in marts")


def test_files_that_are_in_no_figures_are_said(ana: Visitor) -> None:
    page = ana.blank()

    def answer(route: Route) -> None:
        found = route.fetch().json()
        found["freshness"] |= {"last_loaded_at": "2026-06-30T08:00:00Z", "last_published_at": "2026-06-29T08:00:00Z"}
        route.fulfill(json=found)

    page.route("**/api/v1/insights/summary**", answer)
    page.goto(ana.url + "/")
    expect(page.get_by_label("Can the numbers be trusted")).to_contain_text(
        "What was loaded last is in no figures yet; figures are of "
    )
    page.route("**/api/v1/insights?**", lambda route: route.fulfill(json={"items": [], "next_cursor": None}))
    for path in ("/", "/?view=inbox"):
        page.goto(ana.url + path)
        expect(page.get_by_role("heading", name="Not judged yet")).to_be_visible()
    expect(page.get_by_role("heading", name="All quiet")).to_have_count(0)


def test_a_token_that_ended_leads_to_the_log_in(ana: Visitor) -> None:
    ana.allowed.append("401")
    ana.session = '{"access_token": "ended", "role": "analyst", "name": "ana"}'
    page = ana.open("/?view=health")
    expect(page.get_by_label("User name")).to_be_visible()


@pytest.mark.parametrize(
    "path",
    ["/", "/?days=28", "/?view=inbox&platform=generic", "/?view=campaigns&platform=generic", "/?view=campaigns&level=account",
     "/?view=trends&platform=generic&account=hostile&campaign=h1", "/?view=health&tab=files"],
)  # fmt: skip
def test_a_hostile_name_is_text_everywhere(ana: Visitor, path: str) -> None:
    page = ana.open(path)
    if "inbox" in path:
        card = page.locator(".card").filter(has_text="onerror").first
        card.get_by_role("button", name="Evidence").click()
        expect(card.locator(".ways")).to_contain_text(HOSTILE)
        expect(card.locator("canvas")).to_be_visible()
    elif "tab=files" not in path and "view=trends" not in path:
        expect(page.locator("main")).to_contain_text(HOSTILE)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("main script").count() == 0


def test_names_and_filters_of_a_link_are_text_too(ana: Visitor) -> None:
    page = ana.open(
        "/?view=trends&platform=generic&account=hostile&name_account=%3Cimg%20src%3Dx%20onerror%3Dhacked%3D1%3E"
    )
    expect(page.get_by_role("heading", level=1)).to_have_text("<img src=x onerror=hacked=1>")
    page.goto(ana.url + "/?view=inbox&run=%3Cimg%20src%3Dx%20onerror%3Dhacked%3D1%3E&name=javascript:alert(1)")
    expect(page.locator(".chip").first).to_contain_text("<img src=x onerror=hacked=1>")
    assert page.evaluate("window.hacked") is None


def test_the_page_itself_refuses_markup_and_foreign_code(ana: Visitor) -> None:
    ana.allowed += ["TrustedHTML", "Content Security Policy", "Trusted"]
    page = ana.open("/")
    for attempt in ("document.body.innerHTML = '<b>x</b>'", "document.createElement('script').text = 'hacked = 1'"):
        refused = page.evaluate(f"() => {{ try {{ {attempt} }} catch (error) {{ return error.name }} }}")
        assert refused == "TypeError", attempt


def test_the_first_view_is_there_within_a_second(ana: Visitor) -> None:
    # A machine that others keep busy gets time in proportion.
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    cold, warm = [], []
    for _ in range(3):
        page = ana.blank()
        watch(page.context)
        cold.append(painted(page, ana.url))
        warm.append(painted(page, ana.url))
    assert min(cold) < 1.0 * busy, (cold, busy)
    assert min(warm) < 1.0 * busy, (warm, busy)
