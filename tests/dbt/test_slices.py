"""The comparison of many dates is made in slices: none of them shows in the rows, and memory is that of a slice."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.conftest import Project, failures

pytestmark = pytest.mark.integration

MART = "mart_campaign_comparison_daily"
# 36,000 rows: more than a slice (dbt_project/macros/filling.sql), fewer than two.
LAST, DAYS, CAMPAIGNS = date(2026, 6, 30), 60, 600
# Measured: 420 MB; in one statement, with sets of currencies and tuples for names, 760 MB.
MOST_BYTES = 600 * 1024**2


def rows() -> list[dict[str, Any]]:
    """Campaigns of two currencies, some days of some missing, numbers by day and campaign."""
    found = []
    for back in range(DAYS):
        day = LAST - timedelta(days=back)
        for number in range(CAMPAIGNS):
            if (number + back) % 11 == 0:
                continue
            found.append({
                "account_id": f"a{number % 2}",
                "campaign_id": f"c{number}",
                "campaign_name": f"Campaign {number} {'old' if back > 30 and number % 5 == 0 else ''}".strip(),
                "date": day,
                "impressions": 1000 + number + back,
                "clicks": 50 + (number * back) % 17,
                "cost": Decimal(number % 40 + back) / 4,
                "conversions": Decimal(number % 3),
                "currency": "GBP" if number % 2 else "USD",
            })  # fmt: skip
    return found


def of_day(project: Project, day: date) -> list[str]:
    found = project.query(f"SELECT toString(tuple(*)) FROM marts.{MART} WHERE date = '{day}'")
    return sorted(row for (row,) in found)


def test_slices_show_only_in_the_memory(project: Project) -> None:
    project.stage(rows())
    [(before,)] = project.query("SELECT toString(now())")
    outcome = project.dbt("run", "--select", f"+{MART}", "mart_account_daily", "--exclude", "path:models/staging")
    assert outcome.success, failures(outcome)

    project.client.command("SYSTEM FLUSH LOGS")
    held = project.query(
        f"SELECT memory_usage FROM system.query_log WHERE type = 'QueryFinish' AND query_kind = 'Insert'"
        f" AND event_time >= '{before}' AND query LIKE '%insert into `marts`.`{MART}`%'"
    )
    assert len(held) == 2, "one statement a slice"
    assert max(bytes_ for (bytes_,) in held) < MOST_BYTES

    # 545 rows a day: the border is within the last ten days. Built by themselves they are one statement.
    last_days = [LAST - timedelta(days=back) for back in range(10)]
    sliced = {day: of_day(project, day) for day in last_days}
    assert all(len(found) > CAMPAIGNS for found in sliced.values())
    project.client.command(f"TRUNCATE TABLE marts.{MART}")
    project.request(last_days)
    outcome = project.dbt("run", "--select", MART)
    assert outcome.success, failures(outcome)
    for day, found in sliced.items():
        assert of_day(project, day) == found, day
