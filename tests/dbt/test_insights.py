"""Insights beyond anomalies, on hand-made histories, by real dbt on the embedded ClickHouse."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from tests.dbt.campaigns import BUDGET_COLUMNS, BUDGETS, EMPTY, MAY, NAN, rows
from tests.dbt.conftest import Project
from tests.dbt.evidence import ANOMALY_KINDS, assert_proven, kinds_of_contract
from tests.dbt.refused import LAST, refuse_rows
from tests.dbt.test_anomalies import build, failures

pytestmark = pytest.mark.integration

KINDS = {
    "waste", "top_performer", "worst_performer", "budget_shift", "creative_fatigue", "concentration_risk", "missing_rate",
    "rows_rejected", "budget_overrun", "budget_underspend",
}  # fmt: skip


@pytest.fixture(scope="module")
def told(dbt_warehouse: Project) -> Iterator[Project]:
    """The histories, built once."""
    dbt_warehouse.clear()
    dbt_warehouse.stage(rows())
    refuse_rows(dbt_warehouse)
    dbt_warehouse.client.insert("staging.budgets", BUDGETS, column_names=BUDGET_COLUMNS)
    build(dbt_warehouse, full_refresh=True)
    yield dbt_warehouse
    for table in ("ops.file_ledger", "ops.load_coverage", "ops.load_rejects", "raw.ad_performance_rows"):
        dbt_warehouse.client.command(f"TRUNCATE TABLE {table}")
    assert dbt_warehouse.dbt("seed", "--select", "budgets", "--full-refresh").success
    dbt_warehouse.clear()


SPENT = "campaign_id LIKE 'It%'"


def feed(project: Project, kind: str, day: date = LAST) -> list[dict[str, Any]]:
    """Insights of a kind that are told on a day, as dicts with the evidence read."""
    columns = (
        "workspace, insight_key, entity_name, platform, title, body, next_step, impact_basis,"
        " toFloat64(impact_amount) AS amount, impact_currency, confidence, evidence, date_start"
    )
    found = project.client.query(
        f"SELECT {columns} FROM marts.insight_feed WHERE kind = {{kind:String}} AND date_end = {{day:Date}} ORDER BY rank",
        parameters={"kind": kind, "day": day},
    )
    return [row | {"evidence": json.loads(row["evidence"])} for row in found.named_results()]


def test_budget_moves_from_the_weakest_to_the_strongest_that_can_take_it(told: Project) -> None:
    first, *_ = feed(told, "budget_shift")
    giver, receiver = first["evidence"]["giver"], first["evidence"]["receiver"]
    assert (giver["campaign_id"], receiver["campaign_id"]) == ("Display", "Search, non-brand"), "brand is full"
    assert 0 < first["evidence"]["gain_low"] < first["amount"] < first["evidence"]["gain_high"]
    assert 0.85 < first["confidence"] <= 0.9, "the arithmetic does not know everything"

    # the arithmetic, by hand
    elasticity, moved = 0.7, min(0.2 * giver["cost"], 0.3 * receiver["cost"]) / 4
    won = receiver["roas"] * receiver["cost"] / 4 * ((1 + moved / (receiver["cost"] / 4)) ** elasticity - 1)
    lost = giver["roas"] * giver["cost"] / 4 * (1 - (1 - moved / (giver["cost"] / 4)) ** elasticity)
    assert first["amount"] == pytest.approx(won - lost, abs=0.01)
    assert giver["roas"] == pytest.approx(0.04 * 14, rel=0.2)

    rows = told.query(first["evidence"]["sql"])
    assert [row[1] for row in rows] == ["Display", "Search, non-brand"]
    assert float(rows[0][2]) == giver["cost"]


def test_a_shift_waits_for_no_account_s_newest_file(told: Project) -> None:
    """Or the day's first file would take it back, and the last one bring it again."""
    shifts = {
        day: {(row["evidence"]["giver"]["campaign_id"], row["evidence"]["receiver"]["campaign_id"])}
        for day in (LAST - timedelta(1), LAST)
        for row in feed(told, "budget_shift", day)
        if row["workspace"] == "late"
    }
    assert shifts == {day: {("Display", "Search, non-brand")} for day in (LAST - timedelta(1), LAST)}


def test_what_a_shift_says_is_not_said_again_as_best_and_worst(told: Project) -> None:
    moved = {
        campaign
        for shift in feed(told, "budget_shift")
        for campaign in (shift["evidence"]["giver"]["campaign_id"], shift["evidence"]["receiver"]["campaign_id"])
    }
    performers = {row["entity_name"] for kind in ("top_performer", "worst_performer") for row in feed(told, kind)}
    assert performers
    assert not performers & moved


def gains_of(project: Project, workspace: str, days: int) -> dict[str, float]:
    """What a fifth of a day's budget brings more or less in each campaign than in the average one of the last 7 days."""
    weeks = project.query(
        "SELECT campaign_id, toFloat64(sum(cost_reporting)) AS cost, toFloat64(sum(conversion_value_reporting))"
        f" FROM marts.mart_campaign_daily WHERE workspace = '{workspace}' AND date > '{LAST}'::Date - 7 GROUP BY 1"
    )
    measure = [row for row in weeks if not row[0].startswith("Brand")]  # searches for a brand take no more
    usual = sum(value for *_, value in measure) / sum(cost for _, cost, _ in measure)
    return {name: 0.2 * cost / days * (value / cost - usual) for name, cost, value in weeks}


def test_best_and_worst_deviate_by_most_money_from_the_usual_return(told: Project) -> None:
    gains = gains_of(told, "shop", days=7)
    for kind, sign, names in (("top_performer", 1, ["Video"]), ("worst_performer", -1, ["Shopping"])):
        found = [row for row in feed(told, kind) if row["workspace"] == "shop"]
        assert sorted(row["entity_name"] for row in found) == names
        for row in found:
            assert row["amount"] == pytest.approx(sign * gains[row["entity_name"]], abs=0.01)
            assert 1 / 3 < row["confidence"] < 1


def test_what_broke_or_takes_no_more_is_no_part_of_what_is_usual(told: Project) -> None:
    """And a name may be any word: those of numbers that are none are no fault of the insight."""
    day = LAST  # the third without conversions
    found = [row for row in feed(told, "worst_performer", day) if row["workspace"] == "untracked"]
    assert [row["entity_name"] for row in found] == [NAN]
    spent, value = told.query(
        "SELECT toFloat64(sum(cost_reporting)), toFloat64(sum(conversion_value_reporting)) FROM marts.mart_campaign_daily"
        f" WHERE workspace = 'untracked' AND campaign_id NOT IN ('Silent', 'Brand | sound') AND date BETWEEN '{day}'::Date - 6 AND '{day}'"
    )[0]
    assert found[0]["evidence"]["usual_roi"] == pytest.approx(value / spent - 1, abs=1e-6)
    assert "whose conversions are counted" in found[0]["impact_basis"]


@pytest.mark.parametrize("kind", ["waste", "top_performer", "worst_performer"])
def test_a_performer_that_goes_on_is_one_insight_over_the_end_of_a_week(told: Project, kind: str) -> None:
    sunday = LAST - timedelta(7)
    assert sunday.weekday() == 6
    sunday_s, monday_s = (
        {(row["workspace"], row["entity_name"]): row["insight_key"] for row in feed(told, kind, day)}
        for day in (sunday, sunday + timedelta(1))
    )
    both = sunday_s.keys() & monday_s.keys()
    assert both
    assert {key: sunday_s[key] for key in both} == {key: monday_s[key] for key in both}
    assert all(key.endswith(f"|{MAY}") for key in monday_s.values())


def test_a_campaign_younger_than_a_week_is_judged_by_its_own_days(told: Project) -> None:
    gains = gains_of(told, "young", days=5)
    [best] = [row for row in feed(told, "top_performer") if row["workspace"] == "young"]
    assert best["entity_name"] == "Five days", "two days say nothing"
    assert best["date_start"] == LAST - timedelta(4), "no day before its first"
    assert best["amount"] == pytest.approx(gains["Five days"], abs=0.01)
    assert len(told.query(best["evidence"]["sql"])) == 5


def test_no_more_budget_is_asked_for_where_something_is_wrong_or_no_more_is_to_be_had(told: Project) -> None:
    problems = {
        row["entity_name"]: kind
        for kind in ("ctr_collapse", "spend_stop")
        for row in feed(told, kind)
        if row["workspace"] == "ailing"
    }
    assert problems == {"Fallen": "ctr_collapse", "Stopped": "spend_stop"}
    offered = {row["entity_name"] for row in feed(told, "top_performer")}
    offered |= {row["evidence"]["receiver"]["campaign_id"] for row in feed(told, "budget_shift")}
    assert offered and not offered & {*problems, "Brand | exact"}


def test_spend_without_a_conversion_is_waste_where_its_peers_had_some(told: Project) -> None:
    [waste] = feed(told, "waste")
    assert (waste["workspace"], waste["entity_name"]) == ("wasteful", EMPTY), "of 12 clicks a day nothing is known"
    cost, peers, conversions = told.query(
        f"SELECT toFloat64(sumIf(cost, {SPENT})), toFloat64(sumIf(cost, NOT {SPENT})), toFloat64(sumIf(conversions, NOT {SPENT}))"
        f" FROM marts.mart_campaign_daily WHERE workspace = 'wasteful' AND date > '{LAST}'::Date - 7"
    )[0]
    assert waste["amount"] == pytest.approx(cost)
    expected = cost * conversions / peers
    assert waste["evidence"]["conversions_at_peer_rate"] == pytest.approx(expected)
    assert waste["confidence"] == pytest.approx(1 - np.exp(-expected), abs=1e-4)
    assert len(told.query(waste["evidence"]["sql"])) == 7


def test_an_ad_that_wears_out_is_told_once_and_a_fall_of_all_ads_is_not(told: Project) -> None:
    [tired] = [row for row in feed(told, "creative_fatigue") if row["workspace"] == "creative"]
    assert tired["entity_name"] == "Prospecting"
    assert [ad["ad_name"] for ad in tired["evidence"]["ads"]] == ["UGC 1"], "Retargeting's ads fell together"
    [ad] = tired["evidence"]["ads"]
    assert ad["ctr_recent"] < 0.012 < 0.015 < ad["ctr_former"]
    per_click = 0.5
    assert tired["amount"] == pytest.approx((ad["expected_clicks"] - ad["clicks"]) * per_click, rel=0.01)
    keys = told.query(
        "SELECT toStartOfMonth(date_end), uniqExact(insight_key) FROM marts.insight_feed"
        " WHERE kind = 'creative_fatigue' GROUP BY 1"
    )
    assert {n for _, n in keys} == {1}, "one insight a month, seen again each day"


def test_value_that_hangs_on_one_campaign_is_a_risk(told: Project) -> None:
    [risk] = [row for row in feed(told, "concentration_risk") if row["workspace"] == "single"]
    assert risk["entity_name"] == "Hero"
    share, value = risk["evidence"]["share"], risk["evidence"]["value"]
    assert share > 0.8
    assert risk["amount"] == pytest.approx(value / 28, abs=0.01)
    assert not [
        row for row in feed(told, "concentration_risk") if row["workspace"] == "shop" and "Shopping" in row["title"]
    ]


def test_money_without_a_rate_is_told_with_currency_and_dates(told: Project) -> None:
    [gap] = feed(told, "missing_rate")
    assert (gap["workspace"], gap["impact_currency"]) == ("foreign", "XTS")
    assert "XTS" in gap["title"]
    assert gap["evidence"]["dates"] == [str(MAY + timedelta(i)) for i in range(LAST.day)], "of the whole month"
    shown = told.query(gap["evidence"]["sql"])
    assert sum(float(row[3]) for row in shown) == pytest.approx(gap["amount"])


def test_rejected_rows_of_the_export_that_stands_are_told(told: Project) -> None:
    [refused] = [row for row in feed(told, "rows_rejected") if row["workspace"] == "shop"]
    assert refused["entity_name"] == "report_2.csv", "the older export's rows count no more"
    assert "16 × bad date" in refused["body"], "4 of 20 came repaired since"
    assert "rejects -w shop --file report_2.csv --out repair.csv, correct them, then" in refused["next_step"]
    assert "then bin/insightflow load -w shop repair.csv: it adds" in refused["next_step"]
    assert (refused["amount"], refused["impact_currency"]) == (14 * 3 + 2 * 5, "USD"), "nothing of other files"
    assert "for the other 2, about USD 52." in refused["body"]
    assert len(told.query(refused["evidence"]["sql"])) == 16


def test_the_money_of_rejected_rows_is_their_own_else_the_mean_of_their_file(told: Project) -> None:
    [rate] = told.query(
        "SELECT toFloat64(sum(cost_reporting)) / toFloat64(sum(cost)) FROM marts.mart_platform_daily"
        f" WHERE workspace = 'abroad' AND date = '{LAST}'"
    )[0]
    found = {row["entity_name"]: row for row in feed(told, "rows_rejected") if row["workspace"] == "abroad"}
    own, guessed = found["file11.csv"], found["it's 12.csv"]
    [told_name] = re.findall("--file (.*) --out", guessed["next_step"])
    assert shlex.split(told_name) == ["it's 12.csv"]
    assert own["amount"] == pytest.approx(30 * rate, abs=0.01)
    assert "their own cost cells add up to USD " in own["body"]
    assert guessed["amount"] == pytest.approx(2 * 40 * rate, abs=0.01)
    assert "cannot be read" in guessed["body"] and guessed["impact_basis"].startswith("An estimate")
    assert {row["impact_currency"] for row in found.values()} == {"USD"}


def test_a_missed_budget_is_told_where_its_cause_is(told: Project) -> None:
    rows = told.client.query(
        "SELECT workspace, kind, entity_type, entity_name, toFloat64(impact_amount) AS amount, confidence, date_end,"
        " evidence, title, body FROM marts.insight_budgets ORDER BY workspace, date_start DESC"
    )
    shop, april, single = rows.named_results()
    assert (shop["kind"], shop["entity_type"], shop["entity_name"]) == ("budget_overrun", "campaign", "Display")
    assert (single["kind"], single["entity_type"]) == ("budget_underspend", "workspace"), "no part carries it alone"
    assert shop["date_end"] == LAST
    evidence = json.loads(shop["evidence"])
    assert shop["amount"] == pytest.approx(evidence["projected_spend"] - 12_000, abs=0.01)
    assert 13_000 < shop["amount"] < 18_000
    assert shop["confidence"] > 0.99
    assert len(told.query(evidence["sql"])) == 1
    assert "May will end " in shop["title"] and "at the pace of the last weeks" in shop["body"]
    assert (april["entity_name"], april["date_end"]) == ("Shopping", date(2026, 4, 30))
    assert "April ended " in april["title"] and "the month ends" not in april["body"], "what is over is not foretold"


def test_a_budget_whose_spend_has_no_rate_is_not_judged_and_says_why(told: Project) -> None:
    found = told.query(
        "SELECT workspace, insight_key, unpriced_since, reason FROM marts.insight_budgets_unpriced ORDER BY ALL"
    )
    kinds = ("budget_overrun", "budget_underspend")
    assert [row[:3] for row in found] == [("foreign", f"{kind}|||workspace|foreign|{MAY}", MAY) for kind in kinds]
    assert all("no exchange rate (XTS)" in row[3] for row in found)


def test_every_insight_says_what_to_do_and_how_its_money_was_computed(told: Project) -> None:
    bare = told.query(
        "SELECT kind, title FROM marts.insight_feed WHERE next_step = '' OR impact_basis = '' OR NOT endsWith(body, next_step)"
        " OR JSONExtractString(evidence, 'sql') = '' OR NOT JSONHas(evidence, 'dates')"
    )
    assert bare == []


def test_every_kind_shows_its_rows_by_sql(told: Project) -> None:
    assert assert_proven(told, ".") >= KINDS
    assert kinds_of_contract() == KINDS | ANOMALY_KINDS | {"slow_drift"}, "no kind is forgotten"


def test_data_tests_of_the_layer_pass(told: Project) -> None:
    outcome = told.dbt("test", "--select", "path:models/insights", "--exclude", "test_type:unit")
    assert outcome.success, failures(outcome)


# What breaks an insight, as SQL of its column.
BROKEN = {
    "kind": "'news'", "severity": "'urgent'", "entity_name": "''", "title": "''", "body": "''", "next_step": "''",
    "date_start": "date_end + 1", "confidence": "1.5", "impact_amount": "toDecimal64(-1, 2)", "impact_currency": "''",
    "account_id": "''", "evidence": "'[1]'",
}  # fmt: skip


def test_each_fault_of_an_insight_fails_a_data_test(told: Project) -> None:
    for column, sql in BROKEN.items():
        told.client.command(
            f"INSERT INTO marts.insight_feed SELECT * REPLACE ('broken|{column}' AS insight_key, toUInt32(900) AS rank,"
            f" {sql} AS {column}) FROM (SELECT * FROM marts.insight_feed ORDER BY date_end, insight_key LIMIT 1)"
        )
    try:
        outcome = told.dbt("test", "--select", "insight_feed_is_sound", "insight_feed_unique_rank")
    finally:
        told.client.command(
            "ALTER TABLE marts.insight_feed DELETE WHERE insight_key LIKE 'broken|%' SETTINGS mutations_sync = 1"
        )
    text = " ".join(failures(outcome))
    assert not outcome.success
    assert f"Got {len(BROKEN)} results" in text, text
    assert "Got 1 result" in text, text  # the rank that all of them have


def test_building_days_again_changes_nothing(told: Project) -> None:
    before = told.query("SELECT * FROM marts.insight_feed ORDER BY ALL")
    build(told, LAST - timedelta(2), LAST)
    assert told.query("SELECT * FROM marts.insight_feed ORDER BY ALL") == before
