"""Accounts of several currencies: what is summed of their rows knows all of their money, or none."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.conftest import Project, failures

pytestmark = pytest.mark.integration

MONDAY, TUESDAY = date(2026, 6, 29), date(2026, 6, 30)
# The rate of both days is that of the seed; XYZ has none.
EUROS = "SELECT sum(cost_reporting) FROM marts.mart_campaign_daily WHERE currency = 'EUR' AND date = '{day}'"


def row(account: str, campaign: str, day: date, cost: str | None, currency: str | None, **more: Any) -> dict[str, Any]:
    return {
        "account_id": account, "account_name": account, "campaign_id": campaign, "campaign_name": campaign, "date": day,
        "impressions": 1000, "clicks": 50, "cost": cost and Decimal(cost), "conversions": Decimal(4), "conversion_value": None,
        "currency": currency, "row_number": ord(campaign),
    } | more  # fmt: skip


def test_what_is_summed_of_several_currencies_has_all_money_or_none(project: Project) -> None:
    project.stage(
        [
            row("net", "a", MONDAY, "50", "USD"),
            row("net", "b", MONDAY, "100", "EUR"),
            row("net", "a", TUESDAY, "100", "USD"),
            row("net", "c", TUESDAY, "90", "XYZ"),
            row("us", "d", MONDAY, "70", "USD"),
            row("us", "d", TUESDAY, "70", "USD"),
            # clicks without any money hide nobody's
            row("us", "e", TUESDAY, None, None),
        ]
    )
    project.run()
    [(euros,)] = project.query(EUROS.format(day=MONDAY))
    columns = "cost, currency, cost_reporting, cpc, cpc_reporting"
    days = project.query(f"SELECT {columns} FROM marts.mart_platform_daily ORDER BY date")
    assert days == [(None, None, 120 + euros, None, float(120 + euros) / 150), (None, None, None, None, None)]
    for period in ("weekly", "monthly"):
        accounts = project.query(f"SELECT account_id, {columns} FROM marts.mart_account_{period} ORDER BY account_id")
        if period == "weekly":
            assert accounts == [
                ("net", None, None, None, None, None),
                ("us", Decimal(140), "USD", Decimal(140), 140 / 150, 140 / 150),
            ]
        assert project.query(f"SELECT {columns} FROM marts.mart_platform_{period}") == [(None,) * 5]
        assert [account[1:4] for account in accounts] == [(None, None, None), (Decimal(140), "USD", Decimal(140))]
    compared = project.query(
        "SELECT account_id, cost, cost_reporting, cost_reporting_previous FROM marts.mart_account_comparison_daily"
        f" WHERE comparison = 'previous_7_days' AND date = '{TUESDAY}' ORDER BY account_id"
    )
    assert [found[:3] for found in compared] == [("net", None, None), ("us", Decimal(140), Decimal(140))]
    # A row without money has some currency: none is said of several.
    assert project.query("SELECT currency FROM marts.mart_campaign_daily WHERE campaign_id = 'e'") == [("USD",)]

    outcome = project.dbt("test", "--select", "path:models/marts", "--exclude", "test_type:unit")
    assert outcome.success, failures(outcome)
    for table, change in {
        "mart_platform_daily": f"cost_reporting = 70 WHERE date = '{TUESDAY}'",
        "mart_account_weekly": "cost = 50 WHERE account_id = 'net'",
    }.items():
        project.client.command(f"ALTER TABLE marts.{table} UPDATE {change} SETTINGS mutations_sync = 1")
        assert not project.dbt("test", "--select", f"{table}_sums_agree").success, table
