"""Which built dates a changed `budgets.csv` touches: pacing is made by month, and a month whose files are all built is not
built again for itself."""

from __future__ import annotations

import csv
import logging
from datetime import date
from decimal import Decimal
from pathlib import Path

from clickhouse_connect.driver.client import Client

log = logging.getLogger(__name__)

Budget = tuple[str, str, str, str, str, Decimal, str]


def dates_touched(client: Client, file: Path) -> list[date]:
    """The last built date of each month of which the file's budgets are not those that the warehouse has.

    Empty where the warehouse has none yet, or where the file cannot be read as dbt would: dbt says then what is wrong.
    """
    if not client.query("EXISTS TABLE staging.budgets").first_row[0]:
        return []
    try:
        wanted = _of_file(file)
    except (OSError, ValueError, ArithmeticError, KeyError, AttributeError):
        return []
    months = {date.fromisoformat(budget[4]) for budget in wanted ^ _of_warehouse(client)}
    rows = client.query(
        "SELECT max(date) FROM ops.built_dates FINAL WHERE toStartOfMonth(date) IN {months:Array(Date)} AND fingerprint != 0"
        " GROUP BY toStartOfMonth(date) ORDER BY 1",
        parameters={"months": sorted(months)},
    ).result_rows
    return [row[0] for row in rows]


def make_wait(client: Client, dates: list[date], run_id: str) -> None:
    """Let built dates wait for another build, as those of which other loads stand."""
    if dates:
        client.insert(
            "ops.built_dates",
            [[day, 0, "", run_id] for day in dates],
            column_names=["date", "fingerprint", "version", "run_id"],
        )
        log.info("budgets have changed: %s will be built again", ", ".join(map(str, dates)))


def _of_file(file: Path) -> set[Budget]:
    with file.open(newline="", encoding="utf-8") as lines:
        return {
            (
                row["workspace"].strip(),
                row["platform"].strip(),
                row["account_id"].strip(),
                row["campaign_id"].strip(),
                date.fromisoformat(row["month"].strip()).replace(day=1).isoformat(),
                Decimal(row["budget"].strip()).normalize(),
                row["currency"].strip().upper(),
            )
            for row in csv.DictReader(lines)
        }


def _of_warehouse(client: Client) -> set[Budget]:
    rows = client.query(
        "SELECT workspace, platform, account_id, campaign_id, toString(toStartOfMonth(month)), budget,"
        " upper(trimBoth(toString(currency))) FROM staging.budgets WHERE budget IS NOT NULL"
    ).result_rows
    return {
        (
            str(workspace),
            str(platform),
            str(account),
            str(campaign),
            str(month),
            Decimal(amount).normalize(),
            str(currency),
        )
        for workspace, platform, account, campaign, month, amount, currency in rows
    }
