"""The report of the transform: ``python -m benchmarks.transform.main [--quick] [--parts history rows ratio tables]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.landing.measure import Cost, median
from benchmarks.transform import physical
from benchmarks.transform import ratio as plain_build
from benchmarks.transform.data import LAST, days
from benchmarks.transform.day import one_day, place
from benchmarks.transform.questions import QUESTIONS
from include.transform import LAYERS
from include.warehouse.client import connect

RESULTS = Path(__file__).with_name("results.md")
COMPARED = ("staging", "facts", "marts")
ROWS_OF_HISTORY = 100


def history(quick: bool) -> str:
    """A day's build by days of history."""
    lines = []
    for count in (10, 20) if quick else (30, 300, 3000):
        with place(ROWS_OF_HISTORY, count) as made:
            one_day(made, days(count)[-2])  # parsing and first statements are paid
            lines.append([f"{count:,}", *costs(one_day(made))])
            print(lines[-1], flush=True)
    title = f"## A day by days of history ({ROWS_OF_HISTORY} rows a day, ad grain; every layer with its data tests)"
    return "\n".join([title, "", table(["days of history", *LAYERS, "all, CPU s", "all, wall s"], lines)])


def rows(quick: bool) -> str:
    """A day's build by rows a day."""
    lines = []
    for count, size in ((3, 1_000),) if quick else ((14, 10_000), (7, 100_000), (2, 1_000_000)):
        with place(size, count) as made:
            one_day(made, days(count)[-2])
            lines.append([f"{size:,}", str(count), *costs(one_day(made))])
            print(lines[-1], flush=True)
    head = ["rows a day", "days of history", *LAYERS, "all, CPU s", "all, wall s"]
    return "\n".join(["## A day by rows a day", "", table(head, lines)])


def costs(cost: dict[str, Cost]) -> list[str]:
    """CPU seconds by layer, their sum, the wall time."""
    every = list(cost.values())
    return [*(f"{c.cpu:.1f}" for c in every), f"{sum(c.cpu for c in every):.1f}", f"{sum(c.wall for c in every):.1f}"]


def tables(quick: bool) -> str:
    """Designs of the facts, the ten questions, and dbt-duckdb."""
    size, count = (500, 20) if quick else (5_000, 120)
    with place(size, count) as made:
        designs = physical.measure(made)
        marts = connect(made.settings, database="marts")
        made.client, client = marts, made.client
        asked = {name: physical.milliseconds(made, sql, 7) for name, sql in QUESTIONS.items()}
        made.client = client
        full = [made.build(layer, [], full_refresh=True, tests=False) for layer in COMPARED]
        day = [made.build(layer, [LAST], tests=False) for layer in COMPARED]
        fact = client.query(
            "SELECT sum(rows), sum(data_compressed_bytes) FROM system.parts WHERE active AND database = 'marts'"
            " AND table = 'fct_ad_performance_daily'"
        ).result_rows[0]
        each = client.query(
            "SELECT table, sum(rows), round(sum(data_compressed_bytes) / sum(rows), 1) FROM system.parts"
            " WHERE active AND database = 'marts' GROUP BY table HAVING sum(rows) > 0 ORDER BY sum(rows) DESC LIMIT 12"
        ).result_rows
        peer = of_peer(made.folder / "*.csv", made.settings.home)
    text = [
        f"## Designs of the facts ({size * count:,} rows: {count} days of {size:,})",
        "",
        table(
            [
                "design",
                "bytes a row",
                "write all, CPU s",
                "replace a day, CPU s",
                "7 days by campaign, ms",
                "a campaign, all days, ms",
            ],
            designs,
        ),
        "",
        "Bytes a row of the marts as they are: "
        + ", ".join(f"`{name}` {size} ({rows:,} rows)" for name, rows, size in each)
        + ".",
        "",
        "## The ten questions (median of 7, warm; ClickHouse over HTTP, DuckDB in process)",
        "",
        table(
            ["question", "InsightFlow, ms", "dbt-duckdb, ms"],
            [[name, f"{ms:.0f}", f"{peer['questions'][name]:.0f}" if peer else "–"] for name, ms in asked.items()],
        ),
        "",
        "## The same models by dbt-duckdb",
        "",
    ]
    if not peer:
        return "\n".join([*text, "Left out: set INSIGHTFLOW_BENCH_PYTHON to a Python with requirements-bench.txt."])
    ours_full, ours_day = sum(c.cpu for c in full), sum(c.cpu for c in day)
    text.append(
        table(
            ["", "InsightFlow", "dbt-duckdb", "ratio"],
            [
                ["every day, CPU s", f"{ours_full:.1f}", f"{peer['full']['cpu']:.1f}", ratio(ours_full, peer["full"]["cpu"])],
                ["one day, CPU s", f"{ours_day:.1f}", f"{peer['day']['cpu']:.1f}", ratio(ours_day, peer["day"]["cpu"])],
                ["one day, wall s", f"{sum(c.wall for c in day):.1f}", f"{peer['day']['wall']:.1f}", ratio(sum(c.wall for c in day), peer["day"]["wall"])],
                ["facts, bytes a row", f"{fact[1] / fact[0]:.1f}", f"{peer['storage']['fact_bytes'] / peer['storage']['rows']:.1f}", ratio(fact[1] / fact[0], peer["storage"]["fact_bytes"] / peer["storage"]["rows"])],
            ],
        )
    )  # fmt: skip
    return "\n".join(text)


def of_peer(files: Path, home: Path) -> dict[str, dict[str, float]] | None:
    """What dbt-duckdb takes; None where it is not installed."""
    python = os.environ.get("INSIGHTFLOW_BENCH_PYTHON")
    if not python:
        return None
    with tempfile.TemporaryDirectory(prefix="insightflow-peer-", dir=home) as work:
        spec = {"work": work, "files": str(files), "day": LAST.isoformat(), "questions": QUESTIONS, "times": 7}
        script = Path(__file__).with_name("peer.py")
        done = subprocess.run(
            [python, str(script)], input=json.dumps(spec), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"dbt-duckdb failed: {done.stderr[-2000:]}")
        return dict(json.loads(done.stdout))


def ratio(ours: float, theirs: float) -> str:
    """How many times theirs."""
    return f"{ours / theirs:.2f}×"


def table(head: list[str], lines: list[list[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *lines])


def demo_day(quick: bool) -> str:
    """The day's layers beside one dbt build."""
    times = 1 if quick else 3
    layers, plain = map(median, plain_build.measure(20 if quick else 120, times))
    head = ["", "CPU s", "wall s"]
    lines = [
        [
            "five layers, each a forked task, with data tests and results kept",
            f"{layers.cpu:.1f}",
            f"{layers.wall:.1f}",
        ],
        ["one `dbt build` from the command line", f"{plain.cpu:.1f}", f"{plain.wall:.1f}"],
        ["ratio", ratio(layers.cpu, plain.cpu), ratio(layers.wall, plain.wall)],
    ]
    return "\n".join(
        [f"## The last day of the demo beside one plain `dbt build` (median of {times})", "", table(head, lines)]
    )


PARTS: dict[str, Callable[[bool], str]] = {"history": history, "rows": rows, "ratio": demo_day, "tables": tables}


def main() -> None:
    """Measure the parts and write each into its place of the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small, and no report: shows that all works")
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    options = parser.parse_args()
    for name in options.parts:
        text = PARTS[name](options.quick)
        print(text, flush=True)
        if not options.quick:
            keep(name, text)


def keep(name: str, text: str) -> None:
    """Put a part into the report, between its marks."""
    whole = RESULTS.read_text() if RESULTS.exists() else head()
    block = f"<!-- {name} -->\n{text}\n<!-- /{name} -->"
    pattern = re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
    whole = pattern.sub(lambda _: block, whole) if pattern.search(whole) else f"{whole.rstrip()}\n\n{block}\n"
    RESULTS.write_text(whole)


def head() -> str:
    """How the report begins."""
    return (
        "# Transform: what a day costs\n\n"
        f"`.venv/bin/python -m benchmarks.transform.main` on {os.cpu_count()} cores, Python {platform.python_version()}."
        " CPU seconds are those of dbt's process and of the engine together; the machine was shared, so trust CPU and"
        " ratios, not wall time.\n"
    )


if __name__ == "__main__":
    main()
