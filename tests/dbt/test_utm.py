"""Sessions beside spend by UTM, what cannot be joined, and goals that count each conversion once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from include.landing.specs import sources
from include.transform import runner
from tests.dbt.conftest import Project, failures

pytestmark = pytest.mark.integration

DAY = date(2026, 6, 30)
MODELS = (
    "fct_web_sessions_daily",
    "int_utm_campaigns_daily",
    "mart_utm_daily",
    "mart_utm_audit_daily",
    "mart_goal_daily",
)
BUILT = ("path:models/facts", "mart_campaign_daily", *MODELS)


def ad(campaign: str, name: str, cost: str, clicks: int, **more: Any) -> dict[str, Any]:
    """A campaign's day; it claims one conversion for every ten clicks."""
    return {
        "campaign_id": campaign, "campaign_name": name, "date": DAY, "impressions": clicks * 10, "clicks": clicks,
        "cost": Decimal(cost), "conversions": Decimal(clicks) / 10, "conversion_value": Decimal(clicks),
    } | more  # fmt: skip


def visit(source: str, medium: str, campaign: str | None, sessions: int, events: int, **more: Any) -> dict[str, Any]:
    """Sessions of a source; each key event is worth 5."""
    return {
        "source": source, "medium": medium, "campaign_name": campaign, "sessions": sessions,
        "engaged_sessions": sessions // 2, "key_events": Decimal(events), "revenue": Decimal(events * 5),
    } | more  # fmt: skip


@pytest.fixture
def shop(project: Project) -> Iterator[Project]:
    """Two workspaces with the same ads and visits; only `demo` has a goal: all key events of ga4 (its seed row)."""
    ads = [
        ad("901", "Brand", "100", 100),
        ad("902", "Shoes", "50", 60),
        ad("903", "Shoes", "20", 30),  # the same name, fewer clicks
        ad("904", "Silent", "7", 40),
        ad("77", "Spring Sale", "40", 20, platform="meta_ads"),
        ad("77", "Spring Sale", "40", 20, platform="meta_ads", grain="ad", ad_id="x",
           segments={"landing_page": "https://a.com/?utm_source=fb&utm_campaign=spring26"}),
    ]  # fmt: skip
    web = [
        visit("google", "cpc", "brand ", 90, 4),
        visit("Google", "PPC", "901", 5, 1),
        visit("google", "cpc", "Shoes", 40, 2),
        visit("fb", "paid", "spring26", 18, 1),
        visit("google", "organic", "Brand", 300, 6),  # not paid: no campaign of ads
        visit("bing", "cpc", "Lost", 9, 1),
        visit("newsletter", "email", "Spring Sale", 12, 1),
        visit("google", "cpc", "Brand", 999, 99, grain="landing_page"),  # the same visits, by page
        visit("google", "cpc", "Brand", 0, 3, grain="event", event_name="sign_up"),
    ]
    project.stage([row | {"workspace": w, "row_number": n} for w in ("demo", "plain") for n, row in enumerate(ads)])
    project.stage_web([row | {"workspace": w, "row_number": n} for w in ("demo", "plain") for n, row in enumerate(web)])
    outcome = project.dbt("run", "--select", *BUILT)
    assert outcome.success, failures(outcome)
    yield project
    project.client.command("ALTER TABLE staging.goals DELETE WHERE goal = 'test' SETTINGS mutations_sync = 1")


def test_spend_stands_once_beside_its_sessions(shop: Project) -> None:
    rows = shop.query(
        "SELECT campaign_id, match, cost, sessions, utm_combinations, sessions_per_click, web_roas_reporting"
        " FROM marts.mart_utm_daily WHERE workspace = 'demo' AND campaign_id IS NOT NULL ORDER BY campaign_id"
    )
    assert rows == [
        ("77", "matched", Decimal(40), 18, 1, 0.9, 0.125),
        ("901", "matched", Decimal(100), 95, 2, 0.95, 0.25),
        ("902", "matched", Decimal(50), 40, 1, 40 / 60, 0.2),
        ("903", "spend_only", Decimal(20), None, 0, None, None),
        ("904", "spend_only", Decimal(7), None, 0, None, None),
    ]
    others = shop.query(
        "SELECT utm_source, utm_medium, utm_campaign, platform, sessions FROM marts.mart_utm_daily"
        " WHERE workspace = 'demo' AND match = 'sessions_only' ORDER BY utm_source"
    )
    assert others == [
        ("bing", "cpc", "Lost", "microsoft_ads", 9),
        ("google", "organic", "Brand", None, 300),
        ("newsletter", "email", "Spring Sale", None, 12),
    ]


def test_the_audit_names_what_cannot_be_joined(shop: Project) -> None:
    assert shop.query(
        "SELECT kind, platform, campaign_id, utm_campaign, cost, sessions FROM marts.mart_utm_audit_daily"
        " WHERE workspace = 'plain' ORDER BY kind, campaign_id"
    ) == [
        ("spend_without_utm", "google_ads", "903", None, Decimal(20), None),
        ("spend_without_utm", "google_ads", "904", None, Decimal(7), None),
        ("utm_without_campaign", "microsoft_ads", None, "Lost", None, 9),
    ]


def test_a_conversion_is_counted_once(shop: Project) -> None:
    counted = (
        "SELECT sum(reported_conversions), sum(goal_conversions), sum(counted_conversions), sum(cost)"
        " FROM marts.mart_goal_daily WHERE workspace = '{}'"
    )
    reported, cost = Decimal(25), Decimal(217)
    assert shop.query(counted.format("demo")) == [(reported, Decimal(16), Decimal(16), cost)]
    assert shop.query(counted.format("plain")) == [(reported, None, reported, cost)]
    assert shop.query(
        "SELECT campaign_id, reported_conversions, goal_conversions, counted_roi_reporting FROM marts.mart_goal_daily"
        " WHERE workspace = 'demo' AND campaign_id IN ('901', '904') ORDER BY campaign_id"
    ) == [("901", Decimal(10), Decimal(5), -0.75), ("904", Decimal(4), Decimal(0), -1.0)]


def test_a_goal_may_be_one_event_or_a_table_of_ones_own(shop: Project) -> None:
    shop.client.command(
        "INSERT INTO staging.goals VALUES ('plain', 'test', 'ga4', 'sign_up'), ('crm', 'test', 'generic', '')"
    )
    crm = {"workspace": "crm", "platform": "generic", "account_id": "crm", "campaign_id": None}
    shop.stage(
        [
            ad("901", "Brand", "100", 100, workspace="plain"),
            ad("77", "Spring Sale", "40", 20, workspace="plain", platform="meta_ads", row_number=2),
            ad("901", "Brand", "100", 100, workspace="crm", row_number=3),
            ad("77", "Spring Sale", "40", 20, workspace="crm", platform="meta_ads", row_number=4),
            ad("", "spring sale", "0", 0, **crm, conversions=Decimal(1), conversion_value=Decimal(30), row_number=5),
            ad("", "walk-in", "0", 0, **crm, conversions=Decimal(2), conversion_value=Decimal(9), row_number=6),
        ]
    )  # fmt: skip
    outcome = shop.dbt("run", "--select", *BUILT)
    assert outcome.success, failures(outcome)
    outcome = shop.dbt("test", "--select", *MODELS, "--exclude", "test_type:unit")
    assert outcome.success, failures(outcome)
    assert shop.query(
        "SELECT workspace, campaign_id, reported_conversions, counted_conversions FROM marts.mart_goal_daily"
        " WHERE workspace IN ('plain', 'crm') ORDER BY workspace, campaign_id NULLS LAST"
    ) == [
        ("crm", "77", Decimal(2), Decimal(1)),
        ("crm", "901", Decimal(10), Decimal(0)),
        ("crm", None, None, Decimal(2)),
        ("plain", "77", Decimal(2), Decimal(0)),
        ("plain", "901", Decimal(10), Decimal(3)),
    ]


BREAKS = {
    "fct_web_sessions_daily_sums_agree": "fct_web_sessions_daily UPDATE sessions = 1 WHERE grain = 'campaign' AND source = 'google'",
    "mart_utm_daily_spend_agrees": "mart_utm_daily UPDATE cost = 1 WHERE campaign_id = '901'",
    "mart_utm_daily_sessions_agree": "mart_utm_daily DELETE WHERE utm_source = 'bing'",
    "mart_goal_daily_counts_once": "mart_goal_daily UPDATE counted_conversions = reported_conversions WHERE campaign_id = '901'",
}


def test_the_data_tests_hold_and_each_can_fail(shop: Project) -> None:
    outcome = shop.dbt("test", "--select", *MODELS, "--exclude", "test_type:unit")
    assert outcome.success, failures(outcome)
    for change in BREAKS.values():
        shop.client.command(f"ALTER TABLE marts.{change} SETTINGS mutations_sync = 1")
    outcome = shop.dbt("test", "--select", *BREAKS)
    assert {node["node"]: node["status"] for node in outcome.nodes} == dict.fromkeys(BREAKS, "fail")


def test_the_project_knows_which_sources_are_no_ads() -> None:
    of_specs = sorted(name for name, spec in sources().items() if spec.kind == "web_analytics")
    assert f"web_analytics: [{', '.join(of_specs)}]" in (runner.PROJECT / "dbt_project.yml").read_text()
