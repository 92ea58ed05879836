"""Facts and marts by the real dbt on the real engine: exact numbers, restatements, rebuilds, tests that can fail."""

from __future__ import annotations

import csv
import random
import shutil
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from include.transform import runner
from tests.dbt.conftest import Project, failures

pytestmark = pytest.mark.integration

SUNDAY, MONDAY, TUESDAY = date(2026, 6, 28), date(2026, 6, 29), date(2026, 6, 30)
JULY = date(2026, 7, 1)
LATER = datetime(2026, 7, 20, tzinfo=UTC)


def campaign(name: str, day: date, cost: str | None, **more: Any) -> dict[str, Any]:
    """A staging row at campaign grain: 1000 impressions, 50 clicks, 4 conversions."""
    row = {
        "campaign_id": name,
        "campaign_name": name.title(),
        "date": day,
        "impressions": 1000,
        "clicks": 50,
        "cost": cost and Decimal(cost),
        "conversions": Decimal(4),
        "conversion_value": Decimal(100),
    }
    return row | more


def rate(currency: str, day: date) -> Decimal | None:
    """Units for one EUR by the seed: of the day, else the last of the 7 days before."""
    if currency == "EUR":
        return Decimal(1)
    return next((r for age in range(8) if (r := RATES.get((currency, day - timedelta(age))))), None)


with (Path(runner.PROJECT) / "seeds" / "fx_rates.csv").open() as seed:
    RATES = {
        (row["currency"], date.fromisoformat(row["date"])): Decimal(row["units_per_eur"])
        for row in csv.DictReader(seed)
    }


def test_numbers_are_exact(project: Project) -> None:
    project.stage(
        [
            campaign("brand", TUESDAY, "12.50", segments={"device": "mobile"}),
            campaign("brand", TUESDAY, "7.50", segments={"device": "desktop"}, row_number=2),
            campaign("shoes", TUESDAY, "0", impressions=0, clicks=0, conversions=Decimal(0), row_number=3),
            campaign("brand", TUESDAY, "19", grain="ad", ad_id="x"),  # the same money again: never added
            campaign("brand", SUNDAY, "20", account_id="uk", currency="GBP", exported_at=LATER),
            campaign("odd", TUESDAY, "5", account_id="xx", currency="XYZ"),
        ]
    )
    project.run(
        marts=[f"mart_{name}" for name in ("campaign_daily", "account_daily", "platform_daily", "account_weekly")]
    )
    assert project.query(
        "SELECT account_id, campaign_id, date, impressions, clicks, cost, conversions, ctr, cpc, cpm, cpa, cvr,"
        " roas, roi, aov, is_provisional FROM marts.mart_campaign_daily ORDER BY account_id, campaign_id"
    ) == [
        ("a1", "brand", TUESDAY, 2000, 100, Decimal(20), Decimal(8), 0.05, 0.2, 10.0, 2.5, 0.08, 10.0, 9.0, 25.0, True),
        ("a1", "shoes", TUESDAY, 0, 0, Decimal(0), Decimal(0), None, None, None, None, None, None, None, None, True),
        ("uk", "brand", SUNDAY, 1000, 50, Decimal(20), Decimal(4), 0.05, 0.4, 20.0, 5.0, 0.08, 5.0, 4.0, 25.0, False),
        ("xx", "odd", TUESDAY, 1000, 50, Decimal(5), Decimal(4), 0.05, 0.1, 5.0, 1.25, 0.08, 20.0, 19.0, 25.0, True),
    ]
    pounds = rounded(Decimal(20) * RATES["USD", date(2026, 6, 26)] / RATES["GBP", date(2026, 6, 26)])
    assert project.query(
        "SELECT account_id, sum(cost_reporting), any(reporting_currency) FROM marts.mart_account_daily"
        " GROUP BY account_id ORDER BY account_id"
    ) == [("a1", Decimal(20), "USD"), ("uk", pounds, "USD"), ("xx", None, "USD")]
    # A part without a rate makes the platform's reporting money unknown, not smaller.
    assert project.query("SELECT date, cost, cost_reporting, clicks FROM marts.mart_platform_daily ORDER BY date") == [
        (SUNDAY, Decimal(20), pounds, 50),
        (TUESDAY, None, None, 150),
    ]
    weeks = "SELECT week_start, cost, days_with_data FROM marts.mart_account_weekly ORDER BY account_id"
    assert project.query(weeks) == [
        (MONDAY, Decimal(20), 1),
        (date(2026, 6, 22), Decimal(20), 1),
        (MONDAY, Decimal(5), 1),
    ]


def rounded(value: Decimal) -> Decimal:
    """To 6 places, half away from zero, as the warehouse rounds."""
    return value.quantize(Decimal("0.000001"), ROUND_HALF_UP)


def history(seed: int, days: int) -> list[dict[str, Any]]:
    """Random staging rows of several accounts, grains and currencies, with unknown cells."""
    draw = random.Random(seed)
    rows = []
    for n in range(days):
        for account, currency in (("us", "USD"), ("uk", "GBP"), ("de", "EUR"), ("xx", "XYZ"), ("unknown", None)):
            for grain in draw.sample(["account", "campaign", "ad_group", "ad"], draw.randint(1, 4)):
                for _ in range(draw.randint(1, 6)):
                    group, ad = f"g{draw.randint(1, 3)}", f"x{draw.randint(1, 4)}"
                    rows.append(
                        {
                            "platform": draw.choice(["google_ads", "meta_ads"]),
                            "grain": grain,
                            "account_id": account,
                            "campaign_id": None if grain == "account" else f"c{draw.randint(1, 3)}",
                            "campaign_name": None if grain == "account" else f"Campaign {draw.randint(1, 2)}",
                            "ad_group_id": group if grain in ("ad_group", "ad") else None,
                            "ad_id": ad if grain == "ad" else None,
                            "date": date(2026, 5, 20) + timedelta(n),
                            "impressions": draw.choice([None, 0, draw.randint(1, 10**6)]),
                            "clicks": draw.choice([None, 0, draw.randint(1, 10**4)]),
                            "cost": draw.choice([None, Decimal(0), Decimal(draw.randint(1, 10**10)).scaleb(-6)]),
                            "conversions": draw.choice([None, Decimal(draw.randint(0, 10**7)).scaleb(-6)]),
                            "conversion_value": draw.choice([None, Decimal(draw.randint(0, 10**10)).scaleb(-6)]),
                            "currency": currency,
                            "row_number": len(rows) + 1,
                        }
                    )
    return rows


def known_sum(values: list[Any]) -> Any:
    """Sum of what is known; None if nothing is."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None


def test_campaigns_equal_an_independent_calculation(project: Project) -> None:
    rows = history(seed=1, days=30)
    project.stage(rows)
    project.run(marts=["mart_campaign_daily"])
    order = ["campaign", "ad_group", "ad"]
    best: dict[tuple[Any, ...], int] = {}
    for row in rows:
        if row["grain"] in order:
            key = (row["platform"], row["account_id"], row["date"])
            best[key] = min(best.get(key, 9), order.index(row["grain"]))
    groups = defaultdict(list)
    for row in rows:
        key = (row["platform"], row["account_id"], row["date"])
        if row["grain"] in order and best[key] == order.index(row["grain"]):
            groups[*key, row["campaign_id"]].append(row)
    expected = {}
    for key, members in groups.items():
        currency, day = members[0]["currency"], members[0]["date"]
        sums = [known_sum([row[m] for row in members]) for m in ("impressions", "clicks", "cost", "conversion_value")]
        # The warehouse converts fact rows (one an entity): convert and round at that grain too.
        entities = defaultdict(list)
        for row in members:
            entities[row["ad_group_id"], row["ad_id"]].append(row["cost"])
        units, usd = rate(currency, day) if currency else None, rate("USD", day)
        converted = []
        for costs in entities.values():
            cost = known_sum(costs)
            if currency == "USD" or cost is None:
                converted.append(cost)
            else:
                converted.append(rounded(cost * usd / units) if units and usd else "no rate")
        reporting = None if "no rate" in converted else known_sum(converted)
        cost, value = sums[2], sums[3]
        roi = float(value - cost) / float(cost) if cost and value is not None else None
        shown = "USD" if currency is None and cost is None and value is None else currency
        expected[key] = (*sums, shown, reporting, roi)
    found = {
        row[:4]: row[4:]
        for row in project.query(
            "SELECT platform, account_id, date, campaign_id, impressions, clicks, cost, conversion_value,"
            " currency, cost_reporting, roi FROM marts.mart_campaign_daily"
        )
    }
    assert found == expected


def test_the_same_dates_again_change_nothing(project: Project) -> None:
    project.stage(history(seed=2, days=9))
    project.run()
    before = project.snapshot()
    empty = {table for table, rows in before.items() if not rows}
    segments = {f"mart_{what}_daily" for what in ("keyword", "landing_page", "search_term")}
    web = {"fct_web_sessions_daily", "int_utm_campaigns_daily", "mart_utm_audit_daily"}
    of_landing = {"int_export_conversions"}  # made of landed exports, and here staging is filled by hand
    assert empty <= {*segments, *web, *of_landing, "fct_ad_performance_segment_daily"}, "never staged here"
    project.run(date(2026, 5, 22), date(2026, 5, 28))
    assert project.snapshot() == before


def test_a_restatement_stands_and_touches_only_its_dates(project: Project) -> None:
    project.stage([campaign(name, day, "10") for name in ("brand", "shoes") for day in (SUNDAY, MONDAY, TUESDAY, JULY)])
    marts = [f"mart_{name}" for name in ("campaign_daily", "campaign_weekly", "account_daily", "account_monthly")]
    project.run(marts=marts)
    untouched = (
        "SELECT name FROM system.parts WHERE active AND database = 'marts' AND table = '{}' AND partition_id = '{}'"
    )
    parts = project.query(untouched.format("mart_campaign_daily", "20260628"))
    project.stage([campaign("brand", MONDAY, "11")])  # the newer export no longer lists the other campaign
    project.unstage(JULY)  # and nothing at all of this day
    project.run(MONDAY, JULY, marts=marts)
    daily = "SELECT date, campaign_id, cost FROM marts.mart_campaign_daily ORDER BY date, campaign_id"
    assert project.query(daily) == [
        (SUNDAY, "brand", Decimal(10)),
        (SUNDAY, "shoes", Decimal(10)),
        (MONDAY, "brand", Decimal(11)),
        (TUESDAY, "brand", Decimal(10)),
        (TUESDAY, "shoes", Decimal(10)),
    ]
    weekly = "SELECT week_start, sum(cost) FROM marts.mart_campaign_weekly GROUP BY ALL ORDER BY week_start"
    assert project.query(weekly) == [(date(2026, 6, 22), Decimal(20)), (MONDAY, Decimal(31))]
    monthly = "SELECT month_start, cost FROM marts.mart_account_monthly ORDER BY month_start"
    assert project.query(monthly) == [(date(2026, 6, 1), Decimal(51))]
    assert project.query(untouched.format("mart_campaign_daily", "20260628")) == parts


def test_day_by_day_in_any_order_equals_a_full_refresh(project: Project) -> None:
    final, restated = history(seed=3, days=12), history(seed=4, days=12)
    days = sorted({row["date"] for row in final})
    project.stage([row for row in restated if row["date"] in days[:6]])
    project.run()
    shuffled = random.Random(5).sample(days, len(days))
    for chunk in (shuffled[:3], shuffled[3:5], shuffled[5:]):
        project.stage([row for row in final if row["date"] in chunk])
        project.run(*chunk)
    found = project.snapshot()
    project.run(full_refresh=True)
    assert found == project.snapshot()


def test_a_request_for_no_dates_rebuilds_nothing(project: Project) -> None:
    daily = "mart_campaign_daily"
    project.stage([campaign("brand", MONDAY, "10")])
    project.run(marts=[daily])
    before = project.snapshot()
    project.stage([campaign("brand", MONDAY, "99")])
    project.request([])
    project.run(marts=[daily])
    assert project.snapshot()[daily] == before[daily]


def test_unit_tests_pass(project: Project) -> None:
    project.run()
    outcome = project.dbt("test", "--select", "test_type:unit,path:models/facts", "test_type:unit,path:models/marts")
    assert outcome.success, failures(outcome)
    assert len(outcome.nodes) >= 12


def test_data_tests_pass_and_see_only_the_build_dates(project: Project) -> None:
    project.stage(history(seed=6, days=3))
    project.run()
    project.client.command("ALTER TABLE marts.mart_ad_daily UPDATE ctr = 7 WHERE 1 SETTINGS mutations_sync = 1")
    project.request([MONDAY])
    selected = [
        "test",
        "--select",
        "path:models/marts",
        "path:models/facts",
        "test_type:singular,fct_ad_performance_daily",
    ]
    outcome = project.dbt(*selected, "--exclude", "test_type:unit", "path:models/anomalies+", "path:models/insights+")
    assert outcome.success, failures(outcome)
    project.request([date(2026, 5, 20)])
    outcome = project.dbt("test", "--select", "mart_ad_daily_ratio_is_of_sums")
    assert [node["status"] for node in outcome.nodes] == ["fail"]


def test_groups_of_two_currencies_are_no_fault_beside_groups_of_one(project: Project) -> None:
    project.stage(
        [
            campaign("a", MONDAY, "10", campaign_name="Brand | UK", currency="EUR", account_id="de"),
            campaign("b", MONDAY, "5", campaign_name="Shoes", currency="EUR", account_id="de", row_number=2),
            campaign("c", MONDAY, "7", campaign_name="Hats", currency="USD", account_id="us", row_number=3),
            campaign("d", TUESDAY, "7", campaign_name="Hats", currency="XYZ", account_id="us", row_number=4),
            campaign("e", TUESDAY, "7", campaign_name="Brand | UK", account_id="us", row_number=5),
            # cost of no currency beside value of one: the value alone has one currency, the money has two
            campaign("f", MONDAY, None, campaign_name="Socks | FR", currency="EUR", account_id="de", row_number=6),
            campaign(
                "g",
                MONDAY,
                "1",
                campaign_name="Socks | FR",
                currency=None,
                conversion_value=None,
                account_id="x",
                row_number=7,
            ),
        ]
    )
    project.run()
    unlike = "SELECT cost, conversion_value FROM marts.mart_naming_daily WHERE market = 'FR'"
    assert project.query(unlike) == [(None, None)]
    groups = "SELECT date, market, cost, cost_reporting FROM marts.mart_naming_daily WHERE ifNull(market, '') != 'FR' ORDER BY date, market"
    assert [row[2:] for row in project.query(groups)][2:] == [(Decimal(7), Decimal(7)), (Decimal(7), None)]
    assert [row[2] for row in project.query(groups)][:2] == [Decimal(10), None]
    outcome = project.dbt("test", "--select", "path:models/marts", "--exclude", "test_type:unit")
    assert outcome.success, failures(outcome)
    wrong = "ALTER TABLE marts.mart_naming_daily UPDATE cost = 8 WHERE market = 'UK' AND date = '2026-06-30'"
    project.client.command(f"{wrong} SETTINGS mutations_sync = 1")
    assert not project.dbt("test", "--select", "mart_naming_daily_sums_agree").success


PACED = (
    "mart_account_daily",
    "mart_campaign_daily",
    "mart_budget_pacing",
    "int_entity_months",
    "int_entity_years",
    "dim_account",
    "dim_campaign",
)


def test_a_budget_that_matches_no_account_is_told(project: Project) -> None:
    budgets = [
        ("demo", "generic", "de", "", MONDAY, 5, "eur"),
        ("demo", "", "", "", MONDAY, 5, "EUR"),
        ("demo", "", "ed", "", MONDAY, 5, "EUR"),
        ("demo", "meta_ads", "de", "", MONDAY, 5, "EUR"),
        ("demo", "", "", "brand", MONDAY, 5, "EUR"),
        ("demo", "", "", "bland", MONDAY, 5, "EUR"),
        ("demo", "", "ed", "", date(2026, 8, 1), 5, "EUR"),  # may come
        ("other", "", "ed", "", MONDAY, 5, "EUR"),  # of a workspace that has nothing yet
    ]
    kept = project.query("SELECT * FROM staging.budgets")
    columns = ["workspace", "platform", "account_id", "campaign_id", "month", "budget", "currency"]
    project.client.command("TRUNCATE TABLE staging.budgets")
    project.client.insert("staging.budgets", budgets, column_names=columns)
    try:
        project.stage([campaign("brand", MONDAY, "10", platform="generic", currency="EUR", account_id="de")])
        project.run(marts=PACED)
        told = project.dbt("test", "--select", "budgets_match_accounts")
        assert told.success, "it warns"
        assert [(node["status"], node["rows"]) for node in told.nodes] == [("warn", 3)]
        assert project.query("SELECT DISTINCT currency FROM marts.mart_budget_pacing") == [("EUR",)]
        seeds = project.dbt("test", "--select", "budgets_currency_codes", "workspaces_currency_codes")
        assert seeds.success, failures(seeds)
        project.client.command(
            "ALTER TABLE staging.budgets UPDATE currency = 'euro' WHERE 1 SETTINGS mutations_sync = 1"
        )
        assert not project.dbt("test", "--select", "budgets_currency_codes").success
    finally:
        project.client.command("TRUNCATE TABLE staging.budgets")
        project.client.insert("staging.budgets", kept, column_names=columns)


BREAKS = {
    "mart_campaign_daily_ratio_is_of_sums": "mart_campaign_daily UPDATE roas = 5 WHERE campaign_id = 'c1'",
    "mart_campaign_daily_non_finite_free": "mart_campaign_daily UPDATE cpc = inf WHERE 1",
    "mart_campaign_daily_sums_agree_with_facts": "mart_campaign_daily DELETE WHERE campaign_id = 'c2'",
    "mart_account_daily_sums_agree_with_facts": "mart_account_daily UPDATE cost = cost + 1 WHERE account_id = 'us'",
    "mart_ad_group_daily_sums_agree_with_facts": "mart_ad_group_daily UPDATE cost_reporting = cost WHERE currency = 'GBP'",
    "mart_ad_daily_sums_agree_with_facts": "mart_ad_daily UPDATE is_provisional = not is_provisional WHERE 1",
    "mart_account_monthly_sums_agree": "mart_account_monthly UPDATE is_provisional = not is_provisional WHERE 1",
    "mart_platform_weekly_sums_agree": "mart_platform_weekly UPDATE conversions = conversions + 1 WHERE 1",
    "mart_platform_daily_sums_agree": "mart_platform_daily UPDATE clicks = 1 WHERE 1",
    "mart_account_weekly_sums_agree": "mart_account_weekly UPDATE impressions = NULL WHERE account_id = 'uk'",
    "mart_campaign_monthly_sums_agree": "mart_campaign_monthly UPDATE cost_reporting = 1 WHERE campaign_id = 'c1'",
    "mart_campaign_daily_present": "mart_campaign_daily UPDATE campaign_name = '' WHERE campaign_id = 'c1'",
    "fct_ad_performance_daily_sums_agree": "fct_ad_performance_daily DELETE WHERE account_id = 'de'",
    "reporting_money": "fct_ad_performance_daily UPDATE cost_reporting = cost WHERE currency = 'XYZ'",
    "provisional_days": "fct_ad_performance_daily UPDATE is_provisional = not is_provisional WHERE account_id = 'us'",
    "dim_campaign_latest_name_is_in_history": "dim_campaign UPDATE names_seen = [] WHERE 1",
    "mart_campaign_comparison_daily_compared_day_agrees": "mart_campaign_comparison_daily UPDATE cost = 1 WHERE 1",
    "mart_naming_daily_sums_agree": "mart_naming_daily DELETE WHERE platform = 'meta_ads'",
    "mart_entity_lifecycle_states": "mart_entity_lifecycle UPDATE state = 'lost' WHERE entity_type = 'account'",
    "mart_budget_pacing_statuses": "mart_budget_pacing UPDATE status = 'late' WHERE 1",
}


def test_every_data_test_can_fail(project: Project) -> None:
    project.stage(history(seed=7, days=4))
    project.run()
    for change in BREAKS.values():
        project.client.command(f"ALTER TABLE marts.{change} SETTINGS mutations_sync = 1")
    project.client.command("INSERT INTO marts.mart_ad_daily SELECT * FROM marts.mart_ad_daily LIMIT 1")
    outcome = project.dbt("test", "--select", *BREAKS, "mart_ad_daily_unique_key")
    statuses = {node["node"]: node["status"] for node in outcome.nodes}
    assert statuses == dict.fromkeys([*BREAKS, "mart_ad_daily_unique_key"], "fail")


def test_the_contract_is_enforced(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project.stage([campaign("brand", MONDAY, "10")])
    project.run(marts=[])
    changed = tmp_path / "dbt_project"
    shutil.copytree(runner.PROJECT, changed, ignore=shutil.ignore_patterns("target", "logs"))
    facts = changed / "models" / "facts" / "_facts.yml"
    facts.write_text(facts.read_text().replace("clicks, data_type: Nullable(Int64)", "clicks, data_type: Int64"))
    monkeypatch.setattr(runner, "PROJECT", changed)
    outcome = project.dbt("run", "--select", "fct_ad_performance_daily")
    assert not outcome.success
    assert "contract" in failures(outcome)[0]
    assert project.query("SELECT count() FROM marts.fct_ad_performance_daily") == [(1,)]
