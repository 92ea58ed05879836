"""Every view shows what the API says, and leads on from there."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from include.alerts.notify import news_text
from include.api.money import NOT_SUMMED, OF_A_DAY_OR_WEEK
from include.api.schemas import Insight
from tests.api.dashboard.conftest import Site
from tests.support.browser import Visitor, pick
from tests.support.demo_data import PASSWORD, RUN

pytestmark = pytest.mark.integration


def figures(page: Page, column: int) -> list[float]:
    """Numbers of a table's column, changes below them left out."""
    cells = page.locator(f"main tbody tr td:nth-child({column})").all()
    texts = [cell.inner_text().split("\n")[0] for cell in cells]
    return [float(re.sub(r"[^0-9.−-]", "", text).replace("−", "-") or "nan") for text in texts]


def tile(page: Page, name: str) -> Locator:
    """A tile of the overview."""
    return page.get_by_role("article").filter(has=page.get_by_role("heading", name=name, exact=True))


def sort_by(page: Page, name: str) -> None:
    """Press a column's heading and wait for the rows."""
    with page.expect_response(lambda answer: "analytics/roi" in answer.url):
        page.get_by_role("button", name=name).click()
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)


def test_log_in_by_the_form(stranger: Visitor) -> None:
    stranger.allowed.append("401")
    page = stranger.open("/?view=campaigns&days=7")
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("Wrong user name or password")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Campaigns")
    assert "days=7" in page.url, "the link that was opened is still the one shown"
    assert page.evaluate("Object.keys(localStorage).length") == 0, "kept for this tab only, unless asked"
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("User name")).to_be_visible()


def test_who_stays_logged_in_has_no_token_where_scripts_can_read_it(stranger: Visitor) -> None:
    page = stranger.open("/")
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Stay logged in on this device").check()
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("navigation", name="Views")).to_be_visible()
    assert page.evaluate("JSON.stringify(localStorage)") == '{"insightflow.device":"ana"}'
    assert page.evaluate("JSON.parse(sessionStorage.getItem('insightflow.session')).refresh_token") is None
    another = page.context.new_page()
    another.goto(stranger.url + "/?view=inbox")
    expect(another.get_by_role("heading", level=1)).to_have_text("Insights")
    with another.expect_response(lambda answer: "auth/logout" in answer.url):
        another.get_by_role("button", name="Log out").click()
    third = page.context.new_page()
    third.goto(stranger.url + "/")
    expect(third.get_by_label("User name")).to_be_visible()


def test_overview_says_what_happened_and_what_is_at_stake(ana: Visitor, demo_site: Site) -> None:
    summary = demo_site.get("insights/summary")
    page = ana.open("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tuesday, 30 June 2026")
    totals = summary["totals"]
    for name, value in (("Spend", f"{totals['spend']:,.0f}"), ("Conversion value", f"{totals['value']:,.0f}"),
                        ("Return on ad spend", f"{totals['roas']:.2f}"), ("Cost per conversion", f"{totals['cpa']:.2f}")):  # fmt: skip
        expect(tile(page, name).locator(".figure")).to_contain_text(value)
        expect(tile(page, name).get_by_role("img")).to_be_visible()
    expect(page.locator(".lead")).to_contain_text(f"USD\u00a0{summary['insights']['at_stake']:,.0f} at stake")
    # The money of a day or a week is no part of that sum.
    open_ones = demo_site.get("insights", status="open", limit=200)["items"]
    sums = [one["impact_amount"] or 0 for one in open_ones if one["kind"] not in NOT_SUMMED]
    assert summary["insights"]["at_stake"] == pytest.approx(sum(sums), abs=0.01)
    gains = [one for one in open_ones if one["kind"] in OF_A_DAY_OR_WEEK and one["impact_amount"] is not None]
    assert summary["insights"]["apart"] == len(gains) > 0
    expect(page.locator(".lead")).to_contain_text(
        f"Money to gain or lose by the day or week ({len(gains)}\u00a0insight"
    )
    first = demo_site.get("insights", status="open", order="priority", limit=7)["items"]
    assert {"at stake", "a week to gain"} <= {one["impact_meaning"] for one in first}
    expect(page.locator(".top .stake")).to_contain_text(
        [one["impact_meaning"] for one in first if one["impact_amount"]]
    )
    trust = page.get_by_label("Can the numbers be trusted")
    expect(trust).to_contain_text("Numbers to Tue 30 Jun 2026")
    expect(trust).to_contain_text("4\u00a0files refused")
    page.get_by_role("link", name="All insights").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Insights")


def test_overview_names_the_campaigns_that_are_not_judged(ana: Visitor, demo_site: Site) -> None:
    path = "/?from=2026-06-17&to=2026-06-30"
    summary = demo_site.get("insights/summary", date_from="2026-06-17", date_to="2026-06-30")
    [*_, one] = [c for c in summary["unjudged"] if c["fault"] == "tracking_break"]
    page = ana.open(path)
    movers = page.get_by_role("region", name="Campaigns")
    n = summary["unreliable"]
    expect(movers).to_contain_text(f"{n}\u00a0campaign{' is' if n == 1 else 's are'} not judged")
    line = movers.get_by_role("listitem").filter(has_text="its conversions are not counted").last
    line.get_by_role("link", name=one["campaign_name"]).click()
    expect(page.get_by_role("navigation", name="Where you are")).to_contain_text(one["campaign_name"])


def test_the_link_of_an_alert_opens_its_insight(ana: Visitor, demo_site: Site) -> None:
    # one that the list does not start with
    wanted = Insight.model_validate(demo_site.get("insights", status="open", order="priority", limit=20)["items"][-1])
    link = news_text([wanted], demo_site.settings).splitlines()[-1]
    page = ana.open(link.removeprefix(demo_site.settings.public_url))
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card h2")).to_have_text(wanted.title)


def test_periods_and_comparisons_change_the_numbers(ana: Visitor, demo_site: Site) -> None:
    page = ana.open("/")
    pick(page, "7 days")
    expect(page.get_by_role("heading", level=1)).to_have_text("24 – 30 Jun 2026")
    week = demo_site.get("insights/summary", date_from="2026-06-24", date_to="2026-06-30")
    spend = tile(page, "Spend")
    expect(spend).to_contain_text(f"{week['totals']['spend']:,.0f}")
    expect(spend).to_contain_text(f"from {week['previous_totals']['spend']:,.0f}")
    page.get_by_role("combobox", name="Compared with").select_option("the year before")
    expect(spend).to_contain_text("no comparison")
    assert "compare=year" in page.url and "days=7" in page.url


def test_trends_have_the_band_and_the_anomalies_also_as_a_table(ana: Visitor) -> None:
    page = ana.open("/?view=trends")
    expect(page.locator(".plot canvas")).to_be_visible()
    page.get_by_role("link", name="Google Ads").first.click()
    pick(page, "Value")
    assert "platform=google_ads" in page.url and "metric=value" in page.url
    expect(page.locator(".reading")).to_contain_text("expected band")
    page.get_by_text("Show as a table").click()
    table = page.get_by_role("region", name="Value, USD")
    last = table.locator("tbody tr").first
    expect(last).to_contain_text("Tue 30 Jun 2026")
    expect(last).to_contain_text("Tracking break")
    expect(last.locator("td").nth(3)).to_contain_text(" to ")
    # The band and the ring are drawn: their colours are on the canvas.
    page.locator(".as-table summary").first.click()
    for token in ("--critical", "--accent"):
        assert page.evaluate(PIXELS, token) > 20, token


@pytest.mark.parametrize(
    ("asked", "chosen", "first"),
    [("", "28 days", "2026-06-03"), ("&days=7", "7 days", "2026-06-24"), ("&from=2026-06-20&to=2026-06-22", None, "2026-06-20")],
)  # fmt: skip
def test_trends_show_the_days_that_the_filters_name(ana: Visitor, asked: str, chosen: str | None, first: str) -> None:
    page = ana.open("/?view=trends" + asked)
    periods = page.get_by_role("group", name="Period").get_by_role("radio")
    names = periods.evaluate_all("(radios) => radios.map((r) => [r.closest('label').innerText.trim(), r.checked])")
    assert [name for name, checked in names if checked] == ([chosen] if chosen else [])
    expect(page.get_by_label("From")).to_have_value(first)
    with page.expect_response(lambda answer: "analytics/trends" in answer.url) as asked_for:
        page.reload()
    assert f"date_from={first}" in asked_for.value.url


PIXELS = """(token) => {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(token).trim();
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  const canvas = document.querySelector(".plot canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let n = 0; n < data.length; n += 4) if (data[n] === r && data[n + 1] === g && data[n + 2] === b && data[n + 3] > 200) found += 1;
  return found;
}"""


def test_pacing_says_what_each_budget_spent_and_where_it_will_end(ana: Visitor, demo_site: Site) -> None:
    budgets = demo_site.get("analytics/pacing")["items"]
    page = ana.open("/?view=pacing")
    expect(page.get_by_role("heading", level=1)).to_have_text("Budgets of June 2026")
    cards = page.locator(".budget")
    expect(cards).to_have_count(len(budgets))
    first = budgets[0]
    expect(cards.first.get_by_role("img")).to_have_attribute("aria-label", re.compile("spent, .* expected by now"))
    expect(cards.first.locator(".spent")).to_contain_text(f"{first['spend_to_date']:,.0f}")
    expect(page.get_by_role("heading", name="Google Ads", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="All platforms", exact=True)).to_be_visible()
    pick(page, "Over")
    expect(page.locator(".budget .tag").filter(has_not_text="Over")).to_have_count(0)
    expect(page.locator(".budget").first).to_be_visible()
    assert "status=over" in page.url


def test_an_unknown_view_is_the_overview(ana: Visitor) -> None:
    page = ana.open("/?view=nonsense")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tuesday, 30 June 2026")
    expect(page.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")


def test_campaigns_sort_filter_and_lead_down_to_the_ad(ana: Visitor) -> None:
    page = ana.open("/?view=campaigns&days=28")
    spend = figures(page, 2)
    assert len(spend) > 20
    assert spend == sorted(spend, reverse=True)
    sort_by(page, "ROAS")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("ROAS")
    roas = figures(page, 4)
    assert roas == sorted(roas, reverse=True)
    sort_by(page, "ROAS")
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("ROAS")
    assert "sort=roas" in page.url and "order=up" in page.url

    page.get_by_label("Campaign name").fill("brand")
    expect(page.locator("main tbody tr")).to_have_count(3)
    assert "search=brand" in page.url
    page.get_by_label("Campaign name").fill("no such name")
    expect(page.get_by_role("heading", name="No match")).to_be_visible()
    page.get_by_label("Campaign name").fill("")

    pick(page, "Accounts")
    page.get_by_role("link", name="Northwind DE", exact=True).click()
    page.get_by_role("link", name="DE | Retargeting | Katalog", exact=True).click()
    page.get_by_role("link", name="Broad 18-65", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ads of Broad 18-65")
    trail = page.get_by_role("navigation", name="Where you are")
    expect(trail).to_contain_text("All platforms")
    expect(trail.get_by_role("link")).to_have_text(
        ["All platforms", "Meta Ads", "Northwind DE", "DE | Retargeting | Katalog"]
    )
    ads = figures(page, 2)
    assert len(ads) >= 1
    trail.get_by_role("link", name="Northwind DE").click()
    expect(page.get_by_role("link", name="DE | Retargeting | Katalog", exact=True)).to_be_visible()


def test_campaigns_come_as_a_file(ana: Visitor) -> None:
    page = ana.open("/?view=campaigns&days=7")
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download CSV").click()
    assert caught.value.suggested_filename == "campaigns_2026-06-24_2026-06-30.csv"
    text = caught.value.path().read_text()
    assert "campaign_name" in text.splitlines()[0]
    assert "Brand, exact | US" in text


def test_data_health_says_what_came_and_what_did_not(ana: Visitor) -> None:
    page = ana.open("/?view=health")
    calendar = page.get_by_role("region", name="Coverage by source and day")
    expect(calendar.get_by_role("img")).to_have_count(3)
    expect(calendar.locator("rect.loaded")).to_have_count(3 * 60)
    pick(page, "Files (4)")
    refused = page.locator("tbody tr").filter(has_text="empty_file.csv")
    expect(refused).to_contain_text("Rejected")
    expect(refused).to_contain_text("0 bytes")
    pick(page, "Rejected")
    expect(page.locator("main tbody tr")).to_have_count(4)
    pick(page, "All")
    page.locator("tbody tr").filter(has_text="two_bad_rows_of_five.csv").get_by_role("link", name="2").click()
    expect(page.locator("main tbody tr")).to_have_count(2)
    expect(page.locator("main tbody")).to_contain_text("2026-06-45")
    expect(page.locator("main tbody")).to_contain_text(re.compile(r"two_bad_rows_of_five\.csv\s*line 3"))
    pick(page, "Restatements")
    expect(page.locator("main tbody tr").filter(has_text="Spend")).to_contain_text("GBP\u00a012.50")
    expect(page.locator("main tbody tr").filter(has_text="Clicks")).to_contain_text("not listed")
    page.get_by_role("radio", name="Checks").click()
    expect(page.locator("main")).to_contain_text("passed")


def test_a_run_of_airflow_leads_to_its_insights(ana: Visitor, demo_site: Site) -> None:
    found = demo_site.get("insights", run_id=RUN)["items"]
    assert found
    page = ana.open(f"/?view=inbox&status=any&run={RUN.replace('+', '%2B')}")
    expect(page.locator(".chip")).to_contain_text(RUN)
    expect(page.locator(".card")).to_have_count(20)
    page.get_by_label(f"Remove the filter run {RUN}").click()
    expect(page.locator(".chip")).to_have_count(0)
    page.goto(f"{demo_site.url}/?view=inbox&status=any&run=another")
    expect(page.get_by_role("heading", name="None with these filters")).to_be_visible()


def test_links_and_the_back_button_show_the_same(ana: Visitor) -> None:
    page = ana.open("/?view=trends&platform=meta_ads&metric=cpa&from=2026-06-01&to=2026-06-28&compare=week")
    for _ in range(2):
        expect(page.get_by_role("heading", level=1)).to_have_text("Meta Ads")
        expect(page.get_by_label("CPA", exact=True)).to_be_checked()
        expect(page.get_by_label("From")).to_have_value("2026-06-01")
        expect(page.get_by_role("combobox", name="Compared with")).to_have_value("week")
        page.reload()
    page.get_by_role("link", name="Campaigns").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Campaigns")
    assert "from=2026-06-01" in page.url and "compare=week" in page.url, "the period goes along"
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Meta Ads")


def test_the_quality_page_opens_by_the_dashboard_s_log_in(ana: Visitor) -> None:
    page = ana.open("/quality?run=none")
    page.wait_for_url("**/quality?run=none")
    expect(page.get_by_role("heading", level=1)).to_have_text("Quality of the data")


def test_dbt_docs_open_from_the_dashboard_and_run_in_a_sandbox(ana: Visitor, demo_site: Site) -> None:
    ana.allowed.append("404")
    made = demo_site.settings.home / "dbt" / "docs" / "index.html"
    made.unlink(missing_ok=True)
    page = ana.open("/?view=docs")
    expect(page.get_by_role("heading", name="Not made yet")).to_be_visible()
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text(
        "<h1>models</h1><script>try { document.title = localStorage.length } catch { document.title = 'no storage' }"
        "</script>"
    )
    page = ana.open("/dbt-docs")
    page.wait_for_url("**/dbt-docs")
    expect(page.get_by_role("heading", name="models")).to_be_visible()
    expect(page).to_have_title("no storage")
