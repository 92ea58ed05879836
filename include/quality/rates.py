"""Money that no exchange rate turns into reporting currency: which currency, on which days."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from include.warehouse.client import connect

log = logging.getLogger(__name__)

RATES = "marts.int_fx_rates_daily"
NAMED_DAYS = 31


def money_without_rate(client: Client, dates: Sequence[date] | None = None) -> list[dict[str, Any]]:
    """Currencies without a rate, of all built dates or of ``dates``.

    Each is ``{workspace, currency, reporting_currency, dates}``: on these days its money is NULL in reporting currency.
    """
    if not client.query(f"EXISTS TABLE {RATES}").first_row[0]:
        return []
    where = "AND date IN {dates:Array(Date)}" if dates is not None else ""
    result = client.query(
        f"SELECT workspace, currency, reporting_currency, arraySort(groupUniqArray(date)) AS dates FROM {RATES}"
        f" WHERE origin = 'none' {where} GROUP BY ALL ORDER BY workspace, currency",
        parameters={"dates": list(dates or [])},
    )
    return [dict(row) for row in result.named_results()]


def note_money_without_rate(dates: Sequence[date], run_id: str) -> list[dict[str, Any]]:
    """Warn of them, in the log and in ``ops.quality_results``; return them with their days as text."""
    client = connect()
    try:
        found = money_without_rate(client, dates)
        now = datetime.now(UTC)
        rows = []
        for row in found:
            days = in_words(row["dates"])
            log.warning(
                "no exchange rate from %s to %s in workspace %s on %s: its money is NULL in reporting currency. Drop a file "
                "of rates into %s/fx_rates/",
                row["currency"], row["reporting_currency"], row["workspace"], days, row["workspace"],
            )  # fmt: skip
            remedy = f"Drop a file of rates into {row['workspace']}/fx_rates/; the dates are rebuilt by the next run."
            rows.append(
                [run_id, now, row["workspace"], "exchange_rates", "every_currency_has_a_rate", row["currency"], "warning",
                 False, days, len(row["dates"]), f"No rate to {row['reporting_currency']}. {remedy}"]
            )  # fmt: skip
        if rows:
            client.insert(
                "ops.quality_results",
                rows,
                column_names=[
                    "run_id", "checked_at", "workspace", "suite", "expectation", "column", "severity", "success", "observed",
                    "unexpected_count", "detail",
                ],
            )  # fmt: skip
    finally:
        client.close()
    return [{**row, "dates": in_words(row["dates"])} for row in found]


def in_words(dates: Sequence[date]) -> str:
    """Days as text, ranges of neighbours joined: ``2026-06-27 to 2026-06-29, 2026-07-04``."""
    ranges: list[list[date]] = []
    for day in sorted(dates):
        if ranges and (day - ranges[-1][-1]).days == 1:
            ranges[-1] = [ranges[-1][0], day]
        else:
            ranges.append([day])
    texts = [one[0].isoformat() if len(one) == 1 else f"{one[0]} to {one[-1]}" for one in ranges]
    return ", ".join(texts[:NAMED_DAYS]) + (" …" if len(texts) > NAMED_DAYS else "")
