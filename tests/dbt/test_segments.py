"""Keywords, search terms and landing pages: grains of their own, never in the totals."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.conftest import Project, failures

pytestmark = pytest.mark.integration

DAY = date(2026, 6, 30)
SELECTED = (
    "fct_ad_performance_segment_daily",
    "mart_keyword_daily",
    "mart_search_term_daily",
    "mart_landing_page_daily",
)


def row(n: int, cost: str, grain: str = "keyword", **more: Any) -> dict[str, Any]:
    """A staging row of one ad group."""
    return {
        "grain": grain, "campaign_id": "c1", "campaign_name": "Brand & Co", "ad_group_id": "g1", "date": DAY,
        "impressions": 100, "clicks": 10, "cost": Decimal(cost), "conversions": Decimal(1),
        "conversion_value": Decimal(30), "row_number": n,
    } | more  # fmt: skip


def rows() -> list[dict[str, Any]]:
    """A day with every grain: the same 20 of the campaign, looked at five ways."""
    shoes = {"keyword_id": "k1", "keyword": "running shoes", "match_type": "EXACT"}
    return [
        row(1, "20", "campaign", ad_group_id=None),
        row(2, "5", segments=shoes | {"device": "mobile"}),
        row(3, "7", segments=shoes | {"device": "desktop"}),
        row(4, "3", segments={"keyword": "boots", "bid_match_type": "Broad"}),
        row(5, "2", "search_term", segments={"search_term": "red shoes", "keyword": "running shoes"}),
        row(6, "4", "search_term", segments={"search_term": "blue shoes", "keyword": "running shoes"}),
        row(7, "9", "ad", ad_id="x1", ad_name="One", segments={
            "landing_page": '["https://Shop.Example.com/sale/?UTM_Source=google&utm_campaign={campaignid}&gclid=1#top"]',
        }),
        row(8, "8", "ad", ad_id="x2", ad_name="Two", segments={
            "landing_page": "shop.example.com/new",
            "url_parameters": "utm_source=fb&utm_medium=paid+social&utm_campaign={{campaign.name}}&utm_content=a%26b",
        }),
        row(9, "1", "ad", ad_id="x3", ad_name="No page"),
    ]  # fmt: skip


MARTS = [f"mart_{name}_daily" for name in (
    "platform", "account", "campaign", "ad_group", "ad", "keyword", "search_term", "landing_page"
)]  # fmt: skip


def test_each_grain_has_its_mart_and_the_campaign_its_own_rows(project: Project) -> None:
    project.stage(rows())
    project.run(marts=MARTS)
    assert project.query("SELECT campaign_id, cost FROM marts.mart_campaign_daily") == [("c1", Decimal(20))]
    assert project.query("SELECT sum(cost) FROM marts.mart_platform_daily") == [(Decimal(20),)]
    assert project.query("SELECT sum(cost) FROM marts.mart_ad_group_daily") == [(Decimal(18),)]
    assert project.query(
        "SELECT keyword_id, keyword, match_type, impressions, cost, cpc, roas FROM marts.mart_keyword_daily ORDER BY keyword"
    ) == [
        (None, "boots", "Broad", 100, Decimal(3), 0.3, 10.0),
        ("k1", "running shoes", "EXACT", 200, Decimal(12), 0.6, 5.0),
    ]
    assert project.query("SELECT search_term, keyword, cost FROM marts.mart_search_term_daily ORDER BY cost") == [
        ("red shoes", "running shoes", Decimal(2)),
        ("blue shoes", "running shoes", Decimal(4)),
    ]
    assert project.query(
        "SELECT landing_page, url_host, url_path, utm_source, utm_medium, utm_campaign, utm_content, cost"
        " FROM marts.mart_landing_page_daily ORDER BY landing_page"
    ) == [
        ("https://shop.example.com/new", "shop.example.com", "/new", "fb", "paid social", "Brand & Co", "a&b", Decimal(8)),
        ("https://shop.example.com/sale/", "shop.example.com", "/sale/", "google", None, "c1", None, Decimal(9)),
    ]  # fmt: skip


def test_an_account_with_keywords_alone_has_no_totals(project: Project) -> None:
    project.stage([row(1, "5", segments={"keyword": "boots"})])
    project.run(marts=MARTS)
    assert project.query("SELECT count() FROM marts.mart_campaign_daily") == [(0,)]
    assert project.query("SELECT sum(cost) FROM marts.mart_keyword_daily") == [(Decimal(5),)]


BREAKS = {
    "fct_ad_performance_segment_daily_sums_agree": "fct_ad_performance_segment_daily UPDATE cost = 1 WHERE keyword = 'boots'",
    "mart_keyword_daily_sums_agree_with_facts": "mart_keyword_daily DELETE WHERE keyword = 'boots'",
    "mart_search_term_daily_sums_agree_with_facts": "mart_search_term_daily UPDATE clicks = 0 WHERE 1",
    "mart_landing_page_daily_sums_agree_with_facts": "mart_landing_page_daily UPDATE cost = 99 WHERE 1",
    "mart_keyword_daily_ratio_is_of_sums": "mart_keyword_daily UPDATE roas = 7 WHERE keyword_id = 'k1'",
}


def test_the_data_tests_hold_and_each_can_fail(project: Project) -> None:
    project.stage(rows())
    project.run(marts=MARTS)
    outcome = project.dbt("test", "--select", *SELECTED, "--exclude", "test_type:unit")
    assert outcome.success, failures(outcome)
    for change in BREAKS.values():
        project.client.command(f"ALTER TABLE marts.{change} SETTINGS mutations_sync = 1")
    outcome = project.dbt("test", "--select", *BREAKS)
    assert {node["node"]: node["status"] for node in outcome.nodes} == dict.fromkeys(BREAKS, "fail")
