"""Usable by keyboard, by screen reader, on a phone, in light and dark."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.api.dashboard.conftest import Site
from tests.support.browser import Visitor

pytestmark = pytest.mark.integration

VIEWS = {
    "overview": "/?days=7",
    "inbox": "/?view=inbox",
    "trends": "/?view=trends&platform=google_ads&metric=value",
    "campaigns": "/?view=campaigns&days=28",
    "pacing": "/?view=pacing",
    "sources": "/?view=health",
    "files": "/?view=health&tab=files",
    "rejects": "/?view=health&tab=rejects",
    "checks": "/?view=health&tab=checks",
}


def serious(results: dict[str, Any]) -> list[str]:
    """Violations of weight, each with the first element that has it."""
    return [
        f"{found['id']} ({found['impact']}): {found['nodes'][0]['html'][:200]} {found['nodes'][0]['failureSummary'][:300]}"
        for found in results["violations"]
        if found["impact"] in ("serious", "critical") or found["id"] == "landmark-unique"
    ]


# In the dark only colours differ; on a phone, how a part is shown.
@pytest.mark.parametrize(
    ("scheme", "phone", "rules"), [("light", False, None), ("dark", False, ["color-contrast"]), ("light", True, None)]
)
def test_axe_finds_nothing_serious(
    ana: Visitor, demo_site: Site, scheme: str, phone: bool, rules: list[str] | None
) -> None:
    # The policy of the page would keep axe's own script out.
    page = ana.open("/", scheme=scheme, phone=phone, bypass_csp=True)
    insight = demo_site.get("insights", kind="tracking_break")["items"][0]
    paths = VIEWS | {"insight": f"/?view=inbox&id={insight['id']}", "rows": f"/?view=rows&id={insight['id']}"}
    if phone:
        paths = {name: paths[name] for name in ("overview", "inbox", "trends", "campaigns")}
    options = {"runOnly": {"type": "rule", "values": rules}} if rules else None
    found = {}
    for name, path in paths.items():
        page.goto(ana.url + path)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.querySelectorAll('main details:not(.as-table)').forEach((e) => { e.open = true })")
        if wrong := serious(Axe().run(page, options=options).response):
            found[name] = wrong
    assert not found, found


def test_axe_finds_nothing_serious_at_the_log_in(stranger: Visitor) -> None:
    for scheme in ("light", "dark"):
        page = stranger.open("/", scheme=scheme, bypass_csp=True)
        assert not serious(Axe().run(page).response), scheme


# 320: the width at which WCAG 1.4.10 asks for no scrolling sideways.
@pytest.mark.parametrize("width", [390, 320])
def test_nothing_is_wider_than_a_phone(ana: Visitor, width: int) -> None:
    page = ana.open("/", phone=True)
    page.set_viewport_size({"width": width, "height": 844})
    for name, path in VIEWS.items():
        page.goto(ana.url + path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        expect(page.get_by_role("navigation", name="Views")).to_be_in_viewport()
    small = page.evaluate(
        "() => [...document.querySelectorAll('nav.views a, main button:not(.sorter), main select')]"
        ".map((e) => e.getBoundingClientRect()).filter((r) => r.height > 0 && r.height < 32).length"
    )
    assert small == 0, "what a finger presses is large enough"


def test_what_is_printed_names_its_workspace(ana: Visitor) -> None:
    page = ana.open("/")
    printed = page.get_by_text("Workspace demo", exact=True)
    for path in VIEWS.values():
        page.goto(ana.url + path)
        page.wait_for_load_state("networkidle")
        page.emulate_media(media="screen")
        expect(printed).to_be_hidden()
        page.emulate_media(media="print")
        expect(printed).to_be_visible()


NUMBERS_OUT_OF_SIGHT = """() => [...document.querySelectorAll("main .stack tbody :is(th, td)")]
  .filter((cell) => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    const box = range.getBoundingClientRect();
    const tall = cell.matches(".end") && box.height > 40;
    return box.width && (box.right > innerWidth || box.left < 0 || tall);
  })
  .map((cell) => cell.innerText)"""


def test_no_number_is_cut_on_a_phone(ana: Visitor, demo_site: Site) -> None:
    insight = demo_site.get("insights", kind="tracking_break")["items"][0]
    paths = [path for name, path in VIEWS.items() if "health" in path]
    page = ana.open("/", phone=True)
    for path in [*paths, "/?view=health&tab=restatements", f"/?view=rows&id={insight['id']}"]:
        page.goto(ana.url + path)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.querySelectorAll('main details').forEach((e) => { e.open = true })")
        expect(page.locator("main .stack tbody tr").first).to_be_visible()
        assert page.evaluate(NUMBERS_OUT_OF_SIGHT) == [], path
    # Tables of figures alone scroll in their box, and no figure breaks.
    for path in ("/", "/?view=campaigns&days=28", "/?view=trends&platform=google_ads"):
        page.goto(ana.url + path)
        page.wait_for_load_state("networkidle")
        broken = "(cells) => cells.filter((cell) => getComputedStyle(cell).whiteSpace !== 'nowrap').length"
        assert page.locator("main .scroll:not(.stack) td.end").evaluate_all(broken) == 0, path


def test_the_keyboard_reaches_everything(ana: Visitor) -> None:
    page = ana.open("/")

    def focused() -> str:
        return page.evaluate("(document.activeElement.innerText || document.activeElement.id || '').trim()")

    page.keyboard.press("Tab")
    assert focused() == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page = ana.open("/")
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(focused())
        if "All insights" in seen:
            break
    for name in ("Overview", "Trends", "Campaigns", "Data health", "Log out", "All insights"):
        assert any(name in text for text in seen), (name, seen)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Insights")
    assert page.evaluate("document.activeElement.id") == "main", "the new view has the focus"

    page.get_by_role("button", name="Evidence").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Hide evidence")).to_have_attribute("aria-expanded", "true")
    radio = page.get_by_role("radio", name="Open")
    radio.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Acknowledged")).to_be_checked()


def test_arrow_keys_read_a_chart_day_by_day(ana: Visitor) -> None:
    page = ana.open("/?view=trends&platform=google_ads&metric=value")
    plot = page.locator(".plot")
    expect(plot.locator("canvas")).to_be_visible()
    plot.focus()
    page.keyboard.press("End")
    reading = page.locator(".reading")
    expect(reading).to_contain_text("Tue 30 Jun 2026")
    expect(reading).to_contain_text("expected USD")
    expect(reading).to_contain_text("Tracking break")
    page.keyboard.press("ArrowLeft")
    expect(reading).to_contain_text("Mon 29 Jun 2026")
    page.keyboard.press("Home")
    expect(reading).to_contain_text("Wed 3 Jun 2026")


def test_the_theme_follows_the_system_until_one_is_chosen(ana: Visitor) -> None:
    def dark() -> bool:
        return page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 21, 18)"

    page = ana.open("/", scheme="dark")
    assert dark()
    page.get_by_label("Theme").select_option("Light")
    assert not dark()
    page.reload()
    assert not dark()
    page.get_by_label("Theme").select_option("System")
    assert dark()
