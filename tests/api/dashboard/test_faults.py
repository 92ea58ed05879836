"""Answers as a reader rarely meets them, told truly: money without a rate, names without ids, very long names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.api.dashboard.conftest import Site
from tests.support.browser import Visitor, pick

pytestmark = pytest.mark.integration
Edit = Callable[[dict[str, Any]], None]


def edited(page: Page, path: str, edit: Edit) -> None:
    """Let the page see the API's answers changed."""

    def answer(route: Route) -> None:
        found = route.fetch().json()
        edit(found)
        route.fulfill(json=found)

    page.route(re.compile(rf"/api/v1/{path}(\?|$)"), answer)


def shown(visitor: Visitor, path: str, **edits: Edit) -> Page:
    """A page whose answers of these routes (`analytics_roi`) are changed."""
    page = visitor.blank()
    for name, edit in edits.items():
        edited(page, name.replace("_", "/"), edit)
    page.goto(visitor.url + path)
    page.wait_for_load_state("networkidle")
    return page


def test_money_without_a_rate_is_not_called_no_numbers(ana: Visitor) -> None:
    def summary(found: dict[str, Any]) -> None:
        found["totals"] |= {"spend": None, "value": None, "roas": None, "cpa": None, "unpriced_rows": 3}
        found["freshness"]["unpriced_currencies"] = ["CHF", "GBP"]

    def trends(found: dict[str, Any]) -> None:
        for point in found["series"][0]["points"]:
            point["values"] = dict.fromkeys(point["values"])
            point["unpriced_rows"] = int("metric=ctr" not in page.url)

    page = shown(ana, "/", insights_summary=summary, analytics_trends=trends)
    lead = page.locator(".lead")
    expect(lead).to_contain_text("There are numbers, but no exchange rate for CHF, GBP to USD")
    lead.get_by_role("link", name="What to do about it").click()
    assert "kind=missing_rate" in page.url
    page.goto(ana.url + "/?view=trends")
    expect(page.locator(".panel .state")).to_contain_text("no money in them that has an exchange rate to USD")
    page.goto(ana.url + "/?view=trends&metric=ctr")
    expect(page.get_by_role("heading", name="No CTR in these days")).to_be_visible()


def test_a_change_of_rates_is_not_shown_as_one_of_money(ana: Visitor, demo_site: Site) -> None:
    def summary(found: dict[str, Any]) -> None:
        found["totals"]["priced_share"] = 0.5
        found["daily"][-2]["cpa"] = None

    page = shown(ana, "/", insights_summary=summary)
    for name in ("Spend", "Conversion value", "Return on ad spend", "Cost per conversion"):
        tile = page.get_by_role("article").filter(has=page.get_by_role("heading", name=name, exact=True))
        expect(tile.get_by_title("Exchange rates are missing for more of one period")).to_have_text("no comparison")
    assert len({day["cpa"] for day in demo_site.get("insights/summary")["daily"]}) > 20


def test_money_at_stake_stands_by_currency(ana: Visitor) -> None:
    def summary(found: dict[str, Any]) -> None:
        found["insights"] |= {"at_stake": 1200, "at_stake_unpriced": {"GBP": 340}}

    page = shown(ana, "/", insights_summary=summary)
    expect(page.locator(".lead")).to_contain_text("USD\u00a01,200 + GBP\u00a0340 at stake")
    page.get_by_role("link", name="All insights").click()
    expect(page.locator(".lead")).to_contain_text("USD\u00a01,200 + GBP\u00a0340 at stake")


def test_campaigns_without_ids_lead_to_themselves(ana: Visitor) -> None:
    def roi(found: dict[str, Any]) -> None:
        for row in found["items"]:
            row |= {"campaign_id": None, "account_name": None}

    page = shown(ana, "/?view=campaigns&days=28", analytics_roi=roi)
    row = page.locator("main tbody tr").filter(has_text="DE | Retargeting | Katalog")
    trend = row.get_by_role("link", name="Trend of").get_attribute("href") or ""
    assert "&campaign=DE+%7C+Retargeting+%7C+Katalog" in trend
    assert "&account=" in trend
    account = trend.split("&account=")[1].split("&")[0]
    expect(row.locator(".below").first).to_have_text(f"Meta Ads, {account}")


def test_campaigns_of_the_overview_open_under_their_names(ana: Visitor, demo_site: Site) -> None:
    best = demo_site.get("insights/summary")["best"][0]
    page = ana.open("/")
    page.get_by_role("region", name="Campaigns").get_by_role("link", name=best["campaign_name"], exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(best["campaign_name"])
    expect(page.get_by_role("navigation", name="Where you are")).to_contain_text(best["account_name"])


@pytest.mark.parametrize("view", ["campaigns", "inbox"])
def test_every_platform_with_numbers_can_be_picked(ana: Visitor, demo_site: Site, view: str) -> None:
    page = shown(ana, f"/?view={view}", insights_summary=lambda found: found["platforms"].clear())
    options = (
        page.get_by_role("combobox", name="Platform").locator("option").evaluate_all("all => all.map(o => o.value)")
    )
    assert options == ["", *demo_site.get("insights/summary")["known_platforms"]]


def test_the_heading_of_pacing_speaks_of_every_budget(ana: Visitor) -> None:
    states = ["over", "under", "on_track", None]

    def pacing(found: dict[str, Any]) -> None:
        found["items"] = [row | {"status": state} for row, state in zip(found["items"], states, strict=False)]

    page = shown(ana, "/?view=pacing", analytics_pacing=pacing)
    lead = "2\u00a0budgets are off pace. 1 cannot be judged."
    expect(page.locator(".lead")).to_contain_text(lead)
    pick(page, "On track")
    expect(page.locator(".budget")).to_have_count(1)
    expect(page.locator(".lead")).to_contain_text(lead)


@pytest.mark.parametrize("phone", [False, True])
def test_a_name_of_six_hundred_letters_widens_no_page(ana: Visitor, phone: bool) -> None:
    long = "Campaign" * 75

    def named(found: dict[str, Any]) -> None:
        for item in found["items"]:
            item |= {"title": f"{long} spent 10 times its usual", "entity_name": long, "campaign_name": long}
            item["body"] = f"Look at {long}."

    page = ana.blank(phone=phone)
    for path in ("insights", "analytics/roi"):
        edited(page, path, named)
    for path in (
        "/",
        "/?view=inbox",
        "/?view=campaigns",
        f"/?view=trends&platform=meta_ads&account=1&name_account={long}",
    ):
        page.goto(ana.url + path)
        page.wait_for_load_state("networkidle")
        if "inbox" in path:
            page.get_by_role("button", name="Evidence").first.click()
            expect(page.locator(".ways").first).to_be_visible()
            assert page.locator(".card h2").first.evaluate("title => title.clientHeight") < 130
        width, inside = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert width <= inside, path
        assert page.locator("table").evaluate_all("all => Math.max(0, ...all.map(t => t.scrollWidth))") < 1600, path
