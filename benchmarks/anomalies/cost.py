"""What a day's anomalies and insights cost: ``python -m benchmarks.anomalies.cost [--campaigns N] [--days 60 200]``.

Facts and marts are written by SQL (their own cost is in benchmarks/transform); then the layers `anomalies` and
`insights` build the last day with their data tests, as a run's tasks do, by dbt on the embedded ClickHouse. CPU seconds
of a shared machine differ by the hour, by two and more; so the same engine then runs the query that the detector grew from
(reference.sql), and the report has what that would take for the same day in the same hour.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from clickhouse_connect.driver.client import Client

from benchmarks.landing.measure import Cost, measured
from benchmarks.transform.day import Place
from include.transform import LAYERS, build
from include.warehouse.client import connect
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of

REPORT = Path(__file__).parent / "cost.md"
LAST = date(2026, 6, 30)
MEASURED = ("anomalies", "insights")
ADS = 3  # ads of each campaign that has any
WITH_ADS = 5  # every fifth campaign, in the columns that have ads at all
AD_DAYS = 57  # as many as a score looks at
REFERENCE_CAMPAIGNS, REFERENCE_DAYS = 300, 420  # what reference.sql is timed on
REFERENCE_HISTORY = 112  # days that it reads to judge one

# A campaign's day. `z` are standard normal numbers out of hashes, so that every run has the same rows. One campaign
# in a hundred has a problem on each of the last three days: twice the volume, no rows, no conversions.
CAMPAIGN_DAYS = """
WITH
    number % {campaigns} AS n,
    toDate('{first}') + intDiv(number, {campaigns}) AS day,
    n % 500 AS account,
    arrayMap(
        i -> sqrt(-2 * log((cityHash64(n, day, i) % 1000003 + 1) / 1000004)) * cos(2 * pi() * (cityHash64(n, day, i + 9) % 1000003) / 1000003),
        [1, 2, 3]
    ) AS z,
    if(day > toDate('{last}') - 3 AND cityHash64(n, 7) % 100 = 0, 1 + (n % 3), 0) AS problem,
    exp(log(10000) * (cityHash64(n, 1) % 10007) / 10007) AS level,
    level * [1.05, 1.1, 1.05, 1, 0.95, 0.8, 0.9][toDayOfWeek(day)] * exp(0.1 * z[1]) * if(problem = 1, 2.2, 1) AS e,
    toInt64(greatest(round(e + sqrt(e) * z[2]), 0)) AS clicks_,
    toInt64(greatest(round(clicks_ * 0.03 + sqrt(clicks_ * 0.03) * z[3]), 0)) * (problem != 3) AS conversions_
SELECT
    'bench' AS workspace, ['google_ads', 'meta_ads', 'tiktok_ads'][account % 3 + 1] AS platform,
    concat('a', toString(account)) AS account_id, concat('Account ', toString(account)) AS account_name,
    concat('c', toString(n)) AS campaign_id, concat('Campaign ', toString(n), ' of the year') AS campaign_name,
    day AS date, clicks_ * 30 AS impressions, clicks_ AS clicks,
    toDecimal64(clicks_ * (0.4 + n % 17 / 10), 6) AS cost, toDecimal64(conversions_, 6) AS conversions,
    toDecimal64(conversions_ * (20 + n % 90), 6) AS conversion_value, 'USD' AS currency, cost AS cost_reporting,
    conversion_value AS conversion_value_reporting, 'USD' AS reporting_currency,
    day > toDate('{last}') - 3 AS is_provisional, toDateTime64(least(day + 7, toDate('{last}') + 1), 3) AS last_exported_at
FROM numbers_mt({campaigns} * {days})
WHERE problem != 2
"""
SUMS = ("impressions", "clicks", "cost", "conversions", "conversion_value", "cost_reporting", "conversion_value_reporting")  # fmt: skip
SAME = "any(currency) AS currency, any(reporting_currency) AS reporting_currency, max(is_provisional) AS is_provisional"
# CPU of a node's statements, by the comment that dbt writes into each.
NODES = """
SELECT extract(query, '"node_id": "[a-z]+\\\\.insightflow\\\\.([^"]+)"') AS node,
    sum(ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds']) / 1e6 AS cpu
FROM system.query_log WHERE type = 'QueryFinish' AND event_time_microseconds >= {since:DateTime64(6)} AND node != ''
GROUP BY node HAVING cpu >= 0.05 ORDER BY cpu DESC
"""


@dataclass
class Day:
    """The cost of the last day at one length of history, of campaigns alone or with ads besides."""

    days: int
    ads: int
    layers: dict[str, Cost]
    nodes: list[tuple[str, float]]
    anomalies: int
    insights: int
    speed: float  # series-days a CPU second of reference.sql, right after

    @property
    def cpu(self) -> float:
        """Of both layers."""
        return sum(cost.cpu for cost in self.layers.values())


def fill(client: Client, campaigns: int, first: date, last: date, with_ads: bool) -> None:
    """Facts and the marts above them, for every campaign and day; ads for every fifth campaign and eight weeks, or none."""
    days = (last - first).days + 1
    rows = CAMPAIGN_DAYS.format(campaigns=campaigns, days=days, first=first, last=LAST)
    columns = "workspace, platform, account_id, account_name, campaign_id, campaign_name, date, currency,"
    columns += f" reporting_currency, is_provisional, last_exported_at, {', '.join(SUMS)}"
    fact = "marts.fct_ad_performance_daily"
    settings = {"max_partitions_per_insert_block": 0, "max_execution_time": 0}
    client.command(
        f"INSERT INTO {fact} ({columns}, grain) SELECT {columns}, 'campaign' FROM ({rows})", settings=settings
    )
    to = columns.replace("last_exported_at, ", "")
    client.command(
        f"INSERT INTO marts.mart_campaign_daily ({to}) SELECT {to} FROM {fact} WHERE date >= '{first}'",
        settings=settings,
    )
    added = ", ".join(f"sum({name}) AS {name}" for name in SUMS)
    for table, keys in (
        ("mart_account_daily", "workspace, platform, account_id, account_name, date"),
        ("mart_platform_daily", "workspace, platform, date"),
    ):
        names = f"{keys}, currency, reporting_currency, is_provisional, {', '.join(SUMS)}"
        client.command(
            f"INSERT INTO marts.{table} ({names}) SELECT {keys}, {SAME}, {added} FROM marts.mart_campaign_daily"
            f" WHERE date >= '{first}' GROUP BY {keys}",
            settings=settings,
        )
    client.command(  # every day was exported for eight days on, as far as it is old enough
        "INSERT INTO marts.int_export_conversions (workspace, platform, grain, account_id, date, age, loads, clicks,"
        " conversions) SELECT workspace, platform, 'campaign', assumeNotNull(account_id), date, age,"
        " cityHash64(account_id, date, age), clicks, conversions * [0.6, 0.8, 0.9, 0.95, 1, 1, 1, 1, 1][age + 1]"
        f" FROM marts.mart_account_daily ARRAY JOIN range(9) AS age WHERE date + age <= toDate('{LAST}')",
        settings=settings,
    )
    if not with_ads:
        return
    share = ", ".join(
        f"intDiv({name}, {ADS})" if name in ("impressions", "clicks") else f"{name} / {ADS}" for name in SUMS
    )
    keys = "workspace, platform, account_id, account_name, campaign_id, campaign_name, date, currency, reporting_currency, is_provisional"
    client.command(
        f"INSERT INTO marts.mart_ad_daily ({keys}, ad_id, ad_name, {', '.join(SUMS)})"
        f" SELECT {keys}, concat(campaign_id, '-', toString(ad)) AS ad_id, ad_id, {share}"
        f" FROM marts.mart_campaign_daily ARRAY JOIN range({ADS}) AS ad"
        f" WHERE date >= '{first}' AND date > toDate('{LAST}') - {AD_DAYS} AND cityHash64(campaign_id) % {WITH_ADS} = 0",
        settings=settings,
    )


def reference_speed(made: Place) -> float:
    """Series-days a CPU second of the query that the detector grew from: all its tests, in the same engine."""
    first = LAST - timedelta(REFERENCE_DAYS - 1)
    rows = CAMPAIGN_DAYS.format(campaigns=REFERENCE_CAMPAIGNS, days=REFERENCE_DAYS, first=first, last=LAST)
    names = ", ".join(
        f"toFloat64({of}) AS {name}" for name, of in {**{n: n for n in SUMS[:4]}, "revenue": "conversion_value"}.items()
    )
    made.client.command(
        "CREATE TABLE daily ENGINE = MergeTree ORDER BY (campaign_id, d)"
        f" AS SELECT campaign_id, date AS d, {names} FROM ({rows})"
    )
    count = int(made.client.query("SELECT count() FROM daily").result_rows[0][0])
    query = (Path(__file__).parent / "reference.sql").read_text()
    speeds = []
    for _ in range(5):
        with measured(made.server) as cost:
            made.client.query(f"SELECT count(), countIf(is_anomaly) FROM ({query})")
        speeds.append(count / cost[0].cpu)
    made.client.command("DROP TABLE daily")
    return statistics.median(speeds)


def measure(campaigns: int, days: int, with_ads: bool) -> Day:
    """Make a workspace of that many campaigns and days, build its last days, and measure the last."""
    with tempfile.TemporaryDirectory(prefix="insightflow-bench-") as home:
        settings = settings_of(Path(home))
        with migrated_postgres(settings), migrated_clickhouse(settings):
            client = connect(settings)
            for layer in LAYERS:  # every table, empty
                build(layer, [], "empty", True, settings, tests=False)
            made = Place(settings, client, settings.home, campaigns, days)
            for first, back in ((days - 1, 2), (1, 1), (0, 0)):  # day by day, as runs do; dbt is warm by the last
                fill(client, campaigns, LAST - timedelta(first), LAST - timedelta(back), with_ads)
                if back == 2:
                    client.command("DROP TABLE staging.int_anomaly_series")  # this build makes all of it
                for layer in MEASURED if back else ():
                    made.build(layer, [LAST - timedelta(back)], tests=False)
            since = client.query("SELECT now64(6)").result_rows[0][0]
            layers = {layer: made.build(layer, [LAST]) for layer in MEASURED}
            speed = reference_speed(made)
            client.command("SYSTEM FLUSH LOGS")
            nodes = [(str(n), float(c)) for n, c in client.query(NODES, parameters={"since": since}).result_rows]
            told = client.query(
                f"SELECT (SELECT count() FROM marts.anomaly_daily WHERE date = '{LAST}'),"
                f" (SELECT count() FROM marts.insight_feed WHERE date_end = '{LAST}'),"
                f" (SELECT count() FROM marts.mart_ad_daily WHERE date = '{LAST}')"
            ).result_rows[0]
            client.close()
    return Day(days, int(told[2]), layers, nodes, int(told[0]), int(told[1]), speed)


def text(campaigns: int, found: list[Day]) -> str:
    """The report."""
    head = " | ".join(
        f"{day.days} days of history" + (f", {day.ads:,} ads besides" if day.ads else "") for day in found
    )
    lines = [
        f"# A day's anomalies and insights of {campaigns:,} campaigns",
        "",
        f"`.venv/bin/python -m benchmarks.anomalies.cost` on {os.cpu_count()} cores, Python {platform.python_version()}."
        " CPU seconds of dbt's process and of the engine together, data tests included; the machine was shared.",
        "",
        f"| | {head} |",
        "|---" * (len(found) + 1) + "|",
        *(
            f"| {layer}, CPU s | " + " | ".join(f"{d.layers[layer].cpu:.1f}" for d in found) + " |"
            for layer in MEASURED
        ),
        "| **together, CPU s** | " + " | ".join(f"**{d.cpu:.1f}**" for d in found) + " |",
        "| series-days a CPU s of reference.sql, right after | " + " | ".join(f"{d.speed:,.0f}" for d in found) + " |",
        f"| the day's campaigns by it, with the {REFERENCE_HISTORY} days that it reads, CPU s | "
        + " | ".join(f"{campaigns * REFERENCE_HISTORY / d.speed:.0f}" for d in found)
        + " |",
        "| wall s | " + " | ".join(f"{sum(c.wall for c in d.layers.values()):.1f}" for d in found) + " |",
        "| rows of anomaly_daily, of insight_feed | "
        + " | ".join(f"{d.anomalies:,}, {d.insights}" for d in found)
        + " |",
        "",
        "CPU seconds of the engine by model or test, the largest:",
        "",
        f"| | {head} |",
        "|---" * (len(found) + 1) + "|",
    ]
    by_node = [dict(day.nodes) for day in found]
    for node in sorted(by_node[-1], key=lambda n: -by_node[-1][n])[:14]:
        lines.append(f"| {node} | " + " | ".join(f"{nodes.get(node, 0):.2f}" for nodes in by_node) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and keep the report unless it was a quick one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=50_000)
    parser.add_argument("--days", type=int, nargs="+", default=[60, 200])
    parser.add_argument("--quick", action="store_true", help="small, and no report: shows that all works")
    options = parser.parse_args()
    campaigns, days = (500, [60]) if options.quick else (options.campaigns, options.days)
    found: list[Day] = []
    for with_ads in (False, True):
        for count in days:
            found.append(measure(campaigns, count, with_ads))
            print(report := text(campaigns, found), flush=True)
    if not options.quick:
        REPORT.write_text(report)


if __name__ == "__main__":
    main()
