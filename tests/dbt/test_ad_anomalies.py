"""Ads and ad groups beside their campaign: their ratios are judged where the volume allows, and one cause is told once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.dbt.conftest import Project, failures
from tests.dbt.test_anomalies import DAYS, WEEK, build, day

pytestmark = pytest.mark.integration

CTR, CPC, CVR = 0.03, 0.8, 0.04
Factors = tuple[float, float, float, float]  # of volume, CTR, CPC, CVR

# campaign, ad group, ad, clicks a day at the usual CTR, its own CTR over that
ADS = [
    ("Prospecting", "Broad", "Video", 320, 1.0),
    ("Prospecting", "Broad", "Carousel", 300, 1.0),
    ("Prospecting", "Lookalike", "Story", 340, 1.0),
    ("Prospecting", "Lookalike", "Leftover", 8, 1.0),
    ("Solo", "Only group", "Only ad", 400, 1.0),
    ("Mixed", "All", "Cold", 800, 0.25),
    ("Mixed", "All", "Warm", 800, 1.75),
    ("Mixed", "All", "Fresh", 800, 2.2),
]
FIRST = {"Fresh": 94}
CHANGES: dict[str, dict[int, Factors]] = {
    "Video": {70: (1, 0.3, 1, 1), 76: (1, 1, 1, 0), 77: (1, 1, 1, 0), 88: (0.4, 1, 1, 1)},
    "Carousel": {76: (1, 1, 1, 0), 77: (1, 1, 1, 0), 88: (1.8, 1, 1, 1)},
    "Story": {76: (1, 1, 1, 0), 77: (1, 1, 1, 0), 82: (1, 1, 2.5, 1)},
    "Leftover": {84: (1, 0.1, 6, 1)},
    # Mixed: on one day its better ad has nearly all of it, then a new one that is better still has most of it
    "Cold": {91: (0.3, 1, 1, 1), 94: (0.3, 1, 1, 1)},
    "Warm": {91: (1.7, 1, 1, 1), 94: (0.7, 1, 1, 1)},
    "Fresh": {95: (0, 1, 1, 1), 96: (0, 1, 1, 1), 97: (0, 1, 1, 1), 98: (0, 1, 1, 1), 99: (0, 1, 1, 1)},
}


def ad_rows() -> Iterator[Mapping[str, Any]]:
    rng = np.random.default_rng(11)
    usual: Factors = (1, 1, 1, 1)
    for number, (campaign, group, ad, clicks, own_ctr) in enumerate(ADS):
        for index in range(DAYS):
            volume, ctr, cpc, cvr = CHANGES.get(ad, {}).get(index, usual)
            if volume == 0 or index < FIRST.get(ad, 0):
                continue  # platforms omit what was not shown
            ctr *= own_ctr
            impressions = int(rng.poisson(clicks / CTR * WEEK[day(index).weekday()] * volume * rng.gamma(150, 1 / 150)))
            clicked = int(rng.binomial(impressions, CTR * ctr * np.exp(rng.normal(0, 0.02))))
            conversions = int(rng.binomial(clicked, CVR * cvr))
            exported = datetime.combine(day(index), datetime.min.time(), UTC) + timedelta(30)
            yield {
                "workspace": "parts", "platform": "meta_ads", "grain": "ad", "account_id": "p-1", "account_name": "Shop",
                "campaign_id": f"c-{campaign}", "campaign_name": campaign, "ad_group_id": f"g-{group}",
                "ad_group_name": group, "ad_id": f"a-{ad}", "ad_name": ad, "date": day(index), "row_number": number,
                "exported_at": exported, "currency": "USD", "impressions": impressions, "clicks": clicked,
                "cost": round(clicked * CPC * cpc * float(np.exp(rng.normal(0, 0.03))), 2),
                "conversions": conversions, "conversion_value": round(60.0 * conversions, 2),
            }  # fmt: skip


@pytest.fixture(scope="module")
def parts(dbt_warehouse: Project) -> Iterator[Project]:
    dbt_warehouse.clear()
    rows = list(ad_rows())
    for number in range(0, DAYS, 50):
        wanted = {day(i) for i in range(number, number + 50)}
        dbt_warehouse.stage(r for r in rows if r["date"] in wanted)
    build(dbt_warehouse, full_refresh=True)
    yield dbt_warehouse
    dbt_warehouse.clear()


def told(project: Project, index: int) -> dict[tuple[str, str], tuple[str, bool]]:
    """Kind and whether it is the cause, by type and name, of a day."""
    rows = project.query(
        "SELECT entity_type, entity_name, kind, is_cause FROM marts.int_anomaly_events"
        f" WHERE workspace = 'parts' AND date = '{day(index)}'"
    )
    return {(kind, name): (what, bool(cause)) for kind, name, what, cause in rows}


def test_an_ad_whose_clicks_collapse_is_told(parts: Project) -> None:
    found = told(parts, 70)
    assert found[("ad", "Video")] == ("ctr_collapse", True)
    assert [entity for entity, (_, is_cause) in found.items() if is_cause] == [("ad", "Video")]


def test_what_all_ads_share_is_told_of_their_campaign(parts: Project) -> None:
    found = told(parts, 77)
    assert found[("campaign", "Prospecting")][0] == "tracking_break"
    causes = [entity for entity, (_, is_cause) in found.items() if is_cause]
    assert len(causes) == 1
    assert causes[0][0] in ("campaign", "account", "platform"), causes
    assert {("ad", "Video"), ("ad", "Story")} <= set(found), "they are its evidence"


def test_a_click_that_costs_more_is_told_of_the_ad(parts: Project) -> None:
    found = told(parts, 82)
    assert found[("ad", "Story")] == ("cpc_jump", True)
    assert found[("ad_group", "Lookalike")] == ("cpc_jump", False), "its group says the same"
    assert sum(is_cause for _, is_cause in found.values()) == 1


def test_volume_that_moves_between_ads_is_no_news(parts: Project) -> None:
    assert not told(parts, 88)


def test_a_mix_that_moves_is_no_news_of_the_campaign(parts: Project) -> None:
    told_of = parts.query(
        "SELECT date, is_flagged FROM marts.int_anomaly_scores WHERE workspace = 'parts'"
        " AND entity_type = 'campaign' AND entity_name = 'Mixed' AND metric = 'ctr'"
        f" AND date IN ('{day(91)}', '{day(94)}') ORDER BY date"
    )
    assert told_of == [(day(i), False) for i in (91, 94)]
    ((moved, new, usual),) = parts.query(
        "SELECT sumIf(clicks, date = '{0}') / sumIf(impressions, date = '{0}'),"
        " sumIf(clicks, date = '{1}') / sumIf(impressions, date = '{1}'),"
        " sumIf(clicks, date < '{0}') / sumIf(impressions, date < '{0}')"
        " FROM marts.mart_campaign_daily WHERE workspace = 'parts' AND campaign_name = 'Mixed'".format(day(91), day(94))
    )
    assert moved > 1.3 * usual, "which would be told of a campaign whose ads nobody knows"
    assert new > 1.3 * usual


def test_small_ads_and_only_ads_are_not_judged(parts: Project) -> None:
    judged = parts.query(
        "SELECT DISTINCT entity_name FROM marts.int_anomaly_scores WHERE workspace = 'parts' AND entity_type IN ('ad', 'ad_group')"
    )
    assert {name for (name,) in judged} == {"Video", "Carousel", "Story", "Broad", "Lookalike", "Cold", "Warm"}
    metrics = parts.query(
        "SELECT DISTINCT metric FROM marts.int_anomaly_scores WHERE workspace = 'parts' AND entity_type IN ('ad', 'ad_group')"
    )
    assert {name for (name,) in metrics} == {"ctr", "cpc", "cvr", "cpa", "roi"}


def test_few_other_alarms(parts: Project) -> None:
    planted = {70, 71, 76, 77, 78, 82, 83}
    others = parts.query(
        "SELECT date, entity_type, entity_name, kind FROM marts.int_anomaly_events WHERE workspace = 'parts' AND is_cause"
        f" AND date NOT IN ({', '.join(repr(str(day(i))) for i in planted)})"
    )
    assert len(others) <= 1, others


def test_the_insight_names_the_ad_with_its_campaign_and_shows_its_rows(parts: Project) -> None:
    ((title, body, amount, evidence),) = parts.query(
        "SELECT title, body, impact_amount, evidence FROM marts.insight_feed"
        f" WHERE workspace = 'parts' AND kind = 'ctr_collapse' AND date_end = '{day(70)}'"
    )
    assert "Ad “Video” of “Prospecting” (Shop, Meta Ads)" in title
    assert "USD" in body
    clicks = 320 * WEEK[day(70).weekday()]
    assert 0.5 * 0.7 * clicks * CPC < float(amount) < 2 * 0.7 * clicks * CVR * 60.0, (
        "between their cost and their value"
    )
    proof = json.loads(evidence)
    shown = parts.query(proof["sql"])
    assert [row[0] for row in shown] == [day(i) for i in range(56, 71)]


def test_the_last_days_run_again_and_data_tests_change_nothing(parts: Project) -> None:
    def rows() -> list[tuple[Any, ...]]:
        return parts.query("SELECT * FROM marts.anomaly_daily WHERE workspace = 'parts' ORDER BY ALL")

    before = rows()
    build(parts, day(69), day(70), day(71))
    assert rows() == before
    outcome = parts.dbt("test", "--select", "path:models/anomalies", "--exclude", "test_type:unit")
    assert outcome.success, failures(outcome)
