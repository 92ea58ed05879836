"""The inbox: ranked by money and how sure it is, with the reason and the evidence, and what a person decides."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.api.dashboard.conftest import Site
from tests.support.browser import Visitor, pick

pytestmark = pytest.mark.integration


def stakes(page: Page) -> list[float]:
    return [float(re.sub(r"[^0-9.]", "", text)) for text in page.locator(".card .stake .money").all_inner_texts()]


def test_most_money_and_surest_first_and_the_filters_hold(ana: Visitor, demo_site: Site) -> None:
    items = demo_site.get("insights", status="open", limit=200)["items"]
    weighed = sorted(items, key=lambda one: one["impact_amount"] * one["confidence"], reverse=True)
    page = ana.open("/?view=inbox")
    assert len(stakes(page)) >= 4
    assert stakes(page) == [round(one["impact_amount"]) for one in weighed[:20]]
    page.get_by_label("Kind").select_option("tracking_break")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card")).to_contain_text("records no conversions")
    assert "kind=tracking_break" in page.url


def test_evidence_is_a_chart_figures_and_the_rows_of_the_file(ana: Visitor) -> None:
    page = ana.open("/?view=inbox&kind=tracking_break")
    button = page.get_by_role("button", name="Evidence")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.click()
    expect(page.locator(".plot canvas")).to_be_visible()
    figures = page.get_by_role("region", name="What left its expected band")
    expect(figures).to_contain_text("Conversions")
    expect(figures).to_contain_text("σ")
    page.get_by_role("link", name="Rows behind this").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rows behind the numbers")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("Brand, exact | US")
    expect(row).to_contain_text(re.compile(r"google_ads_us_campaigns_\S+\.csv\s*line \d+"))
    row.get_by_role("link").click()
    expect(page.get_by_label("File name")).to_have_value(re.compile("google_ads_us_campaigns"))
    expect(page.locator("tbody tr").first).to_contain_text("Loaded")


def test_what_a_person_decides_moves_the_insight(ana: Visitor, demo_site: Site) -> None:
    page = ana.open("/?view=inbox")
    title = page.locator(".card h2").first.inner_text()
    card = page.locator(".card").filter(has=page.get_by_role("heading", name=title, exact=True))
    before = int(page.locator(".badge").inner_text().split(":")[-1])
    page.get_by_role("button", name=f"Acknowledge: {title}").click()
    expect(page.get_by_role("status").filter(has_text=f"{title}: acknowledged")).to_be_attached()
    expect(page.locator(".badge")).to_contain_text(str(before - 1))
    expect(card).to_have_count(0)
    pick(page, "Acknowledged")
    expect(card).to_contain_text("Acknowledged by ana")
    page.get_by_role("button", name=f"Resolve: {title}").click()
    expect(card).to_have_count(0)
    pick(page, "Resolved")
    page.get_by_role("button", name=f"Reopen: {title}").click()
    expect(page.locator(".badge")).to_contain_text(str(before))
    assert title in [item["title"] for item in demo_site.get("insights", status="open")["items"]]


def test_the_keyboard_goes_on_at_the_next_card(ana: Visitor, demo_site: Site) -> None:
    page = ana.open("/?view=inbox")
    titles = page.locator(".card h2").all_inner_texts()
    page.get_by_role("button", name=f"Acknowledge: {titles[1]}").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".card h2").nth(1)).to_have_text(titles[2])
    expect(page.locator(".card").nth(1).get_by_role("button", name="Evidence")).to_be_focused()
    # The last one of a list leaves the heading.
    page.goto(ana.url + "/?view=inbox&status=acknowledged")
    button = page.get_by_role("button", name=f"Reopen: {titles[1]}")
    expect(page.locator(".card")).to_have_count(1)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(0)
    expect(page.locator("#title")).to_be_focused()


def test_a_viewer_looks_only(vic: Visitor) -> None:
    page = vic.open("/?view=inbox")
    expect(page.get_by_role("button", name="Evidence").first).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Acknowledge|Resolve"))).to_have_count(0)


def test_one_insight_has_a_link_of_its_own(ana: Visitor, demo_site: Site) -> None:
    insight = demo_site.get("insights", kind="tracking_break")["items"][0]
    page = ana.open(f"/?view=inbox&id={insight['id']}")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card h2")).to_have_text(insight["title"])
    expect(page.locator(".plot canvas")).to_be_visible()
