"""A first import of years, and what it costs: ``python -m benchmarks.transform.first [--days 730] [--campaigns 300]``.

Monthly campaign reports of Google Ads, landed and built through every layer with its data tests. Wall time, CPU and the
engine's peak by layer, then the models that took most; ``--again`` builds all the dates a second time, into tables that
are there. It writes no report: the figures are in ``docs/transform.md``.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from pathlib import Path

from benchmarks.landing.measure import Cost, cpu_seconds, measured, peak_mb
from benchmarks.transform.data import days
from benchmarks.transform.day import Place
from include.transform import LAYERS, build
from include.transform.report import BuildReport
from include.warehouse.client import connect
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of

HEADER = "Day,Customer ID,Account,Campaign ID,Campaign,Campaign state,Currency code,Cost,Impr.,Clicks,Conversions,Conv. value"
MEMORY = """
SELECT extract(query, '`([a-z_]+?)(?:__dbt_[a-z0-9_]+)?`[\\s(]') AS made, max(memory_usage) / 1048576, count()
FROM system.query_log
WHERE type != 'QueryStart' AND query_kind = 'Insert' AND event_time >= {since:DateTime}
GROUP BY made ORDER BY made
"""


def write_month(folder: Path, dates: Sequence[date], campaigns: int, accounts: int = 3) -> None:
    """The report of a month: a row for each campaign and day, some days of some campaigns left out."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"campaigns_{dates[0]:%Y_%m}.csv").open("w", newline="") as file:
        file.write(f'Campaign report\n"{dates[0]:%B} {dates[0].day}, {dates[0].year} - {dates[-1]:%B} {dates[-1].day}, {dates[-1].year}"\n')  # fmt: skip
        file.write(HEADER + "\n")
        writer = csv.writer(file, lineterminator="\n")
        for day in dates:
            for campaign in range(campaigns):
                noise = (campaign * 7919 + day.toordinal() * 104729) % 997
                if noise < 5:
                    continue
                impressions = 800 + noise * 4
                clicks = impressions // 28
                account = campaign % accounts
                writer.writerow([
                    day, f"100-000-000{account}", f"Shop {account}", 20_000_000_000 + campaign, f"Search | Product {campaign}",
                    "Enabled", "USD", f"{clicks * (50 + campaign % 90) / 100:.2f}", impressions, clicks,
                    f"{clicks / 20:.2f}", f"{clicks * 3.5:.2f}",
                ])  # fmt: skip


def main() -> None:
    """Import, and say what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--campaigns", type=int, default=300)
    parser.add_argument("--layers", nargs="*", default=list(LAYERS), choices=LAYERS)
    parser.add_argument("--again", action="store_true", help="build all dates a second time")
    parser.add_argument("--no-tests", action="store_true", help="leave out the data tests")
    parser.add_argument("--keep", type=Path, help="a folder for the rows of each mart, to compare two versions by")
    options = parser.parse_args()
    dates = days(options.days)
    with tempfile.TemporaryDirectory(prefix="insightflow-bench-") as home:
        settings = settings_of(Path(home))
        with migrated_postgres(settings), migrated_clickhouse(settings):
            client = connect(settings)
            folder = settings.home / "landing" / "bench" / "google_ads"
            for _, month in groupby(dates, lambda day: (day.year, day.month)):
                write_month(folder, list(month), options.campaigns)
            place = Place(settings, client, folder, options.campaigns, options.days)
            with measured(place.server) as cost:
                place.load()
            show("landing", cost[0], place.server)
            for turn in ("first", "again") if options.again else ("first",):
                [(since,)] = client.query("SELECT toString(now())").result_rows
                reports = []
                for layer in options.layers:
                    with measured(place.server) as cost:
                        before = cpu_seconds(place.server)
                        reports.append(build(layer, dates, turn, False, settings, tests=not options.no_tests))
                    show(f"{turn} {layer}", cost[0], place.server, cpu_seconds(place.server) - before)
                client.command("SYSTEM FLUSH LOGS")
                memory = {row[0]: row[1] for row in client.query(MEMORY, parameters={"since": since}).result_rows}
                show_models(reports, memory)
            for layer in options.layers:
                with measured(place.server) as cost:
                    before = cpu_seconds(place.server)
                    build(layer, dates[-1:], "day", False, settings, tests=not options.no_tests)
                show(f"then a day, {layer}", cost[0], place.server, cpu_seconds(place.server) - before)
            if options.keep:
                keep(place, options.keep)
            client.close()


def show(what: str, cost: Cost, server: int, engine: float = 0.0) -> None:
    """A line of what was done."""
    print(
        f"{what:22} {cost.wall:7.1f} s  CPU {cost.cpu:7.1f} s (engine {engine:6.1f})  engine's peak {peak_mb(server):6.0f} MB",
        flush=True,
    )


def show_models(reports: list[BuildReport], memory: dict[str, float]) -> None:
    """The twenty nodes that took longest, with the most that a query of theirs held."""
    nodes = sorted((node for report in reports for node in report.nodes), key=lambda node: -node.seconds)
    for node in nodes[:24]:
        held = memory.get(node.node)
        print(f"    {node.node[:60]:60} {node.seconds:7.1f} s  {f'{held:6.0f} MB' if held else ''}", flush=True)
    for name, held in sorted(memory.items(), key=lambda item: -item[1])[:8]:
        print(f"    held most: {name:50} {held:6.0f} MB", flush=True)


def keep(place: Place, folder: Path) -> None:
    """Number of rows of each table and a hash of them, whatever their order."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = place.client.query(
        "SELECT name FROM system.tables WHERE database = 'marts' AND engine LIKE '%MergeTree' ORDER BY name"
    ).result_rows
    lines = []
    for (name,) in tables:
        [found] = place.client.query(
            f"SELECT count(), sum(sipHash64(toString(tuple(*)))) FROM marts.{name}"
        ).result_rows
        lines.append(f"{name} {found[0]} {found[1]}")
    (folder / "marts.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
