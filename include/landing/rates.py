"""Exchange rates of files: from raw to ``ops.fx_rates``, and which built dates they change."""

from __future__ import annotations

import logging
from datetime import date

from clickhouse_connect.driver.client import Client

from include.landing.specs import sources

log = logging.getLogger(__name__)

BUILT = "marts.int_fx_rates_daily"
PACING_DAYS = 28


def is_of_rates(source: str) -> bool:
    """Whether a source brings exchange rates. They cover no dates of ads."""
    return source in sources() and sources()[source].kind == "exchange_rates"


def apply_rates(client: Client) -> int:
    """Take the rates of committed loads over into ``ops.fx_rates``; return how many loads were new.

    Done again after a crash it writes the same rows under the same keys and versions. For a workspace, currency, base
    and day the newest export counts, then the later load; within a file the last row. Rates of files that were taken back
    go, and those that they stood before come again.
    """
    names = [name for name in sources() if is_of_rates(name)]
    _forget_removed(client, names)
    rows = client.query(
        "SELECT load_id FROM ops.current_loads WHERE source IN {sources:Array(String)} AND rows_loaded > 0"
        " AND load_id NOT IN (SELECT load_id FROM ops.fx_loads) ORDER BY load_id",
        parameters={"sources": names},
    ).result_rows
    loads = [int(row[0]) for row in rows]
    for load_id in loads:
        client.command(_TAKE_OVER, parameters={"load": load_id})
        client.insert("ops.fx_loads", [[load_id]], column_names=["load_id"])
    if loads:
        log.info("took over the exchange rates of %d files", len(loads))
    return len(loads)


def _forget_removed(client: Client, names: list[str]) -> None:
    """Delete the rates of files that no longer stand, and let the workspace's others be taken over anew: the engine's merges
    may have dropped what lay below them. In this order a repeat after a crash finds what is left to do."""
    rows = client.query(
        "SELECT DISTINCT workspace, file_id FROM ops.file_ledger WHERE status = 'removed' AND source IN {sources:Array(String)}"
        " AND file_id NOT IN (SELECT file_id FROM ops.current_loads)"
        " AND file_id IN (SELECT DISTINCT file_id FROM ops.fx_rates)",
        parameters={"sources": names},
    ).result_rows
    if not rows:
        return
    gone = {"workspaces": sorted({row[0] for row in rows}), "files": [row[1] for row in rows]}
    client.command(
        "DELETE FROM ops.fx_loads WHERE load_id IN (SELECT load_id FROM ops.current_loads"
        " WHERE workspace IN {workspaces:Array(String)})",
        parameters=gone,
    )
    client.command("DELETE FROM ops.fx_rates WHERE file_id IN {files:Array(String)}", parameters=gone)


# Wide shapes have a column a currency in `extra`; long ones a currency, a base in `segments`, and the rate in `extra`.
_TAKE_OVER = """
INSERT INTO ops.fx_rates (workspace, currency, base, date, rate, file_id, row_number, version)
SELECT
    workspace, pair.1 AS code, pair.2 AS base_code, event_date, argMax(assumeNotNull(pair.3), n), any(file),
    max(n), any(toUInt128(version))
FROM (
    SELECT
        r.workspace AS workspace, r.event_date AS event_date, r.row_number AS n, CAST(r.file_id AS String) AS file,
        bitOr(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(l.export_order)), 64), toUInt128(l.load_id)) AS version,
        arrayJoin(if(
            mapContains(l.column_map, 'rate'),
            [(upper(trimBoth(r.currency)), upper(trimBoth(if(r.segments['base'] = '', 'EUR', r.segments['base']))),
                insightflow_rate(r.extra[l.column_map['rate']]))],
            arrayMap((k, v) -> (upper(k), 'EUR', insightflow_rate(v)),
                arrayFilter(k -> match(k, '^[A-Za-z]{3}$'), mapKeys(r.extra)),
                arrayFilter((v, k) -> match(k, '^[A-Za-z]{3}$'), mapValues(r.extra), mapKeys(r.extra)))
        )) AS pair
    FROM raw.ad_performance AS r
    INNER JOIN ops.current_loads AS l ON r.load_id = l.load_id
    WHERE r.load_id = {load:UInt64} AND r.disposition = 'loaded'
)
WHERE pair.3 IS NOT NULL AND code != base_code
GROUP BY workspace, code, base_code, event_date
"""


def stale_rate_dates(client: Client) -> set[date]:
    """Built dates on which another rate is in effect now than when they were built, or whose workspace reports in
    another currency now (the seed `workspaces`), or that have no rate yet of a currency that a budget is in (`budgets`).

    Exact, not by file: a file of the whole history changes only the dates (and the days carried after them) whose
    rates of a currency in use differ from before.
    """
    if not client.query(f"EXISTS TABLE {BUILT}").first_row[0]:
        return set()
    reported = client.query(
        f"SELECT DISTINCT b.date FROM {BUILT} AS b LEFT JOIN staging.workspaces AS w ON b.workspace = w.workspace"
        " WHERE b.reporting_currency != coalesce(nullIf(upper(trimBoth(toString(w.reporting_currency))), ''), 'USD')"
    ).result_rows
    # Days of a budget's month, and those before it that pacing looks at (the macro pacing_days).
    budgeted = client.query(
        f"""
        SELECT DISTINCT b.date
        FROM (SELECT DISTINCT workspace, date FROM {BUILT}) AS b
        INNER JOIN staging.budgets AS g ON b.workspace = g.workspace
        WHERE b.date BETWEEN toStartOfMonth(g.month) - {PACING_DAYS} AND toLastDayOfMonth(g.month) AND g.currency != ''
            AND (b.workspace, b.date, upper(trimBoth(toString(g.currency)))) NOT IN (SELECT workspace, date, currency FROM {BUILT})
        """
    ).result_rows
    rows = client.query(
        f"""
        WITH built AS (
            SELECT workspace, date, currency, reporting_currency, max_age_days, own_rates, leg
            FROM {BUILT} ARRAY JOIN [currency, reporting_currency] AS leg
            WHERE currency != reporting_currency
        ),
        now AS (
            SELECT b.workspace AS workspace, b.date AS date, b.currency AS currency, b.leg AS leg, e.base AS base,
                argMin((e.rate, e.rate_date), e.age) AS found
            FROM built AS b
            INNER JOIN (
                SELECT * FROM ops.fx_rates_in_effect
                WHERE (workspace, currency) IN (SELECT workspace, leg FROM built)
                    AND on_date BETWEEN (SELECT min(date) FROM built) AND (SELECT max(date) FROM built)
            ) AS e ON e.workspace = b.workspace AND e.currency = b.leg AND e.on_date = b.date
            WHERE e.age <= b.max_age_days
            GROUP BY ALL
        ),
        standing AS (
            SELECT n.*
            FROM now AS n
            LEFT JOIN (
                SELECT currency, 'EUR' AS base, date + age AS on_date, max(date) AS rate_date
                FROM staging.fx_rates ARRAY JOIN range(32) AS age
                WHERE currency IN (SELECT leg FROM built) AND units_per_eur > 0
                GROUP BY ALL
            ) AS s ON s.currency = n.leg AND s.base = n.base AND s.on_date = n.date
            WHERE s.rate_date <= n.found.2
        )
        SELECT DISTINCT b.date
        FROM (SELECT DISTINCT workspace, date, currency, own_rates FROM built) AS b
        LEFT JOIN (
            SELECT workspace, date, currency, groupBitXor(cityHash64(leg, base, toString(found.1), found.2)) AS own_rates
            FROM standing GROUP BY ALL
        ) AS n ON n.workspace = b.workspace AND n.date = b.date AND n.currency = b.currency
        WHERE b.own_rates != n.own_rates
        """
    ).result_rows
    return {row[0] for row in [*reported, *budgeted, *rows]}
