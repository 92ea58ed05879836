"""The API under load, beside its databases asked directly: ``python -m benchmarks.api.main [--quick] [--rows N]
[--rate N] [--seconds N] [--workers N] [--out FILE]``. Needs ``wrk`` (``apt-get install wrk``). Loopback only."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.api.load import Result, http, pgbench
from benchmarks.api.site import Site, api, site
from include.services.postgres import binaries

HERE = Path(__file__).parent
ANALYTICS = [
    "analytics/roi?group_by=platform&date_from=2026-06-01&date_to=2026-06-30&compare=previous_period",
    "analytics/roi?group_by=campaign&date_from=2026-06-01&date_to=2026-06-30&limit=50",
    "analytics/trends?date_from=2026-04-01&date_to=2026-06-30&compare=previous_period",
    "analytics/trends?date_from=2026-06-01&date_to=2026-06-30&split=platform&metrics=cost",
    "analytics/anomalies?date_from=2026-06-01&date_to=2026-06-30&limit=50",
]
# What analysts ask when each asks something else: periods, levels, filters and orders.
MANY = [
    f"analytics/{path}&date_from=2026-{month:02}-{day:02}&date_to=2026-{month:02}-{day + length:02}{platform}"
    for month in range(1, 7)
    for day, length in ((1, 6), (8, 6), (15, 6), (1, 27))
    for platform in ("", "&platform=google_ads", "&platform=meta_ads", "&platform=tiktok_ads")
    for path in (
        "roi?group_by=platform&compare=previous_period",
        "roi?group_by=campaign&limit=50",
        "roi?group_by=account&order_by=roas",
        "trends?metrics=cost&metrics=roas&compare=previous_week",
        "anomalies?limit=50",
    )
]
INSIGHTS = [
    "insights?status=open&limit=20",
    "insights?status=open&severity=critical&limit=20",
    "insights/4",
    "insights?order=date&limit=20",
    "insights?status=open&order=priority&limit=7",
]
# What the routes ask, written by hand: the fewest queries that give the same numbers.
_SUMS = "sum(impressions), sum(clicks), sum(conversions), sum(cost_reporting), sum(conversion_value_reporting)"
_JUNE = "workspace = 'w0' AND date BETWEEN '2026-06-01' AND '2026-06-30'"
SQL = [
    f"SELECT platform, {_SUMS} FROM marts.mart_platform_daily WHERE {_JUNE} GROUP BY platform",
    f"SELECT platform, account_id, campaign_id, {_SUMS}, sum(cost_reporting) AS c FROM marts.mart_campaign_daily WHERE {_JUNE} GROUP BY platform, account_id, campaign_id ORDER BY c DESC LIMIT 50",
    f"SELECT date, {_SUMS} FROM marts.mart_platform_daily WHERE workspace = 'w0' AND date BETWEEN '2026-01-01' AND '2026-06-30' GROUP BY date ORDER BY date",
    f"SELECT date, platform, sum(cost_reporting) FROM marts.mart_platform_daily WHERE {_JUNE} GROUP BY date, platform",
    f"SELECT * FROM marts.anomaly_daily WHERE {_JUNE} ORDER BY impact_reporting DESC LIMIT 50",
]
PLAIN = "SELECT * FROM insights WHERE workspace = 'w0' AND status = 'open' ORDER BY impact_amount DESC NULLS LAST, id DESC LIMIT 20"


def measure(found: Site, rate: int, seconds: int, folder: Path) -> dict[str, Result]:
    """Each load in turn, after a short one that nobody counts."""
    settings = found.settings
    bearer = {"Authorization": f"Bearer {found.token}"}
    routes = {
        "analytics": [f"{found.url}/api/v1/{path}" for path in ANALYTICS],
        "insights": [f"{found.url}/api/v1/{path}" for path in INSIGHTS],
    }
    login = {
        "X-ClickHouse-User": settings.clickhouse_reader,
        "X-ClickHouse-Key": settings.clickhouse_reader_password.get_secret_value(),
    }
    asked = [f"{settings.clickhouse_url}/?{urlencode({'query': text + ' FORMAT JSONCompact'})}" for text in SQL]
    ours = [f"include.api.app:app --host 127.0.0.1 --port {found.url.rpartition(':')[2]}"]
    clickhouse, postgres = [f"--port {settings.clickhouse_port} "], [f"port={settings.postgres_port}"]
    loads = {}
    for name, urls in routes.items():
        http(urls, bearer, rate, 2, folder)
        loads[f"{name}: API"] = http(urls, bearer, rate, seconds, folder, [*ours, *clickhouse, *postgres])
    many = [f"{found.url}/api/v1/{path}" for path in MANY]
    load = http(many, bearer, rate, seconds, folder, [*ours, *clickhouse, *postgres])
    loads[f"analytics: API, {len(MANY)} questions, none asked before"] = load
    loads["insights: PostgreSQL directly"] = pgbench(
        binaries() / "pgbench", settings.postgres_dsn(), PLAIN, folder, rate, seconds, postgres
    )
    http(asked, login, rate // 4, 2, folder)
    loads["analytics: ClickHouse directly"] = http(asked, login, rate, seconds, folder, clickhouse)
    return loads


def uncached(found: Site, rate: int, seconds: int, folder: Path) -> Result:
    """Analytics whose every answer has to be worked out, at a rate that two cores can work out."""
    urls = [f"{found.url}/api/v1/{path}" for path in ANALYTICS]
    marks = [f"include.api.app:app --host 127.0.0.1 --port {found.url.rpartition(':')[2]}"]
    marks += [f"--port {found.settings.clickhouse_port} ", f"port={found.settings.postgres_port}"]
    return http(urls, {"Authorization": f"Bearer {found.token}"}, rate, seconds, folder, marks)


def table(loads: dict[str, Result]) -> str:
    """As Markdown."""
    lines = [
        "| load | requests | a second | p50 ms | p95 ms | p99 ms | worst ms | failed | CPU ms a request | machine busy |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, r in loads.items():
        lines.append(
            f"| {name} | {r.requests:,} | {r.rate} | {r.p50} | {r.p95} | {r.p99} | {r.worst} | {r.failed} | {r.cpu} | {r.busy:.0%} |"
        )
    for part, direct in (
        ("analytics", "analytics: ClickHouse directly"),
        ("insights", "insights: PostgreSQL directly"),
    ):
        ours, theirs = loads[f"{part}: API"], loads[direct]
        if theirs.p99 and theirs.p50:
            lines.append(
                f"\n{part}, API / database directly: p50 {ours.p50 / theirs.p50:.2f}, p99 {ours.p99 / theirs.p99:.2f}"
            )
    return "\n".join(lines)


def main() -> int:
    """Measure and report; 2 where the load generator is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short: shows that all works, not how fast")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--insights", type=int, default=50_000)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "results.md")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("the load generator wrk is missing: apt-get install wrk", file=sys.stderr)
        return 2
    if options.quick:
        options.rows, options.insights, options.seconds, options.out = 20_000, 500, 3, Path(os.devnull)
    with tempfile.TemporaryDirectory(prefix="insightflow-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with site(home / "home", options.rows, options.insights, options.workers, 64) as found:
            loads = measure(found, options.rate, options.seconds, home)
            with api(found.settings, 1, 0) as bare:
                loads["analytics: API, nothing kept, 20 a second"] = uncached(bare, 20, options.seconds, home)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    text = (
        f"{options.rows:,} rows in marts.mart_campaign_daily, {options.insights:,} insights, {options.rate} requests a second"
        f" for {options.seconds} s over {len(ANALYTICS)} and {len(INSIGHTS)} questions, {options.workers} worker(s);"
        f" {os.cpu_count()} cores, {memory} GB, {platform.machine()}, load average {os.getloadavg()[0]:.0f} at the end.\n\n"
        f"{table(loads)}\n"
    )
    print(text)
    if options.out != Path(os.devnull):
        # What is said below the tables, by hand and by first_view, stays.
        said = options.out.read_text().partition("\nGoals at ") if options.out.exists() else ("", "", "")
        options.out.write_text(f"# The API under load\n\n{text}{said[1]}{said[2]}")
    return 1 if any(result.failed for name, result in loads.items() if "API" in name) else 0


if __name__ == "__main__":
    sys.exit(main())
