"""What grows with its dates is made in slices: none of them shows in the rows, and memory is that of a slice."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.conftest import Project, failures

pytestmark = pytest.mark.integration

MART, SCORES = "mart_campaign_comparison_daily", "int_anomaly_scores"
# 32,700 rows: more than a slice (dbt_project/macros/filling.sql), fewer than two.
LAST, DAYS, CAMPAIGNS = date(2026, 6, 30), 60, 600
# Of the comparison. Measured: 420 MB; in one statement, with sets of currencies and tuples for names, 760 MB.
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


def of_day(project: Project, table: str, day: date) -> list[str]:
    found = project.query(f"SELECT toString(tuple(*)) FROM marts.{table} WHERE date = '{day}'")
    return sorted(row for (row,) in found)


def held(project: Project, table: str, since: str) -> list[int]:
    """The most that each statement held which filled a table."""
    found = project.query(
        f"SELECT memory_usage FROM system.query_log WHERE type = 'QueryFinish' AND query_kind = 'Insert'"
        f" AND event_time >= '{since}' AND query LIKE '%insert into `marts`.`{table}`%'"
    )
    return [bytes_ for (bytes_,) in found]


def build(project: Project) -> None:
    outcome = project.dbt("run", "--select", f"+{MART}", "+anomaly_daily", "--exclude", "path:models/staging")
    assert outcome.success, failures(outcome)


def test_slices_show_only_in_the_memory(project: Project) -> None:
    project.stage(rows())
    [(before,)] = project.query("SELECT toString(now())")
    build(project)
    project.client.command("SYSTEM FLUSH LOGS")
    for table in (MART, SCORES):
        assert len(held(project, table, before)) == 2, f"{table}: one statement a slice"
    assert max(held(project, MART, before)) < MOST_BYTES

    # 545 rows of the mart a day and 600 series: the borders are within the last twenty days. Built by themselves they are
    # one statement.
    last_days = [LAST - timedelta(days=back) for back in range(20)]
    sliced = {(table, day): of_day(project, table, day) for table in (MART, SCORES) for day in last_days}
    assert all(len(found) > CAMPAIGNS for found in sliced.values())
    for table in (MART, SCORES):
        project.client.command(f"TRUNCATE TABLE marts.{table}")
    project.request(last_days)
    build(project)
    for (table, day), found in sliced.items():
        assert of_day(project, table, day) == found, (table, day)
