"""Landing beside its peers: ``python -m benchmarks.landing.main [--quick] [--rows N] [--repeat N] [--small FILES]
[--peers PYTHON] [--out FILE]``. What the figures mean: benchmarks/README.md."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.landing import data, peers
from benchmarks.landing.measure import Cost, in_process, median
from benchmarks.landing.ours import Ours, ours

HERE = Path(__file__).parent
PEER_WAYS = {
    "csv": ("pandas", "polars_read", "polars_insert", "duckdb", "dlt"),
    "csv.zst": ("duckdb",),
    "ndjson": ("polars_read", "polars_insert", "duckdb"),
    "ndjson.zst": ("duckdb",),
    "parquet": ("pandas", "polars_read", "polars_insert", "duckdb", "dlt"),
    "zstd.parquet": ("polars_read", "duckdb"),
}
TITLES = {
    "direct": "direct: one typed INSERT … SELECT FROM file()",
    "staged": "direct into a table like staging's",
    "landing": "InsightFlow: landing",
    "staging": "InsightFlow: staging",
    "whole": "**InsightFlow: bucket to typed staging**",
    "read": "a pass over InsightFlow's staging (sums by campaign and day)",
    "read_staged": "the same over the table like staging's",
    "pandas": "pandas + insert_df",
    "polars_read": "polars, read only",
    "polars_insert": "polars + insert_arrow",
    "duckdb": "DuckDB into a table",
    "dlt": "dlt → DuckDB",
}


def write_files(folder: Path, rows: int, small: int) -> dict[str, Path]:
    """The same rows in each form; case → file."""
    made = data.table(rows)
    cases = {name: folder / f"report.{name}" for name in PEER_WAYS}
    data.write_csv(made, cases["csv"])
    data.compress(cases["csv"], cases["csv.zst"])
    api = data.as_api(made)
    data.write_ndjson(api, cases["ndjson"])
    data.compress(cases["ndjson"], cases["ndjson.zst"])
    data.write_parquet(api, cases["parquet"], "none")
    data.write_parquet(api, cases["zstd.parquet"], "zstd")
    cases["quirky"] = folder / "report.quirky.csv"
    data.write_quirky(made, cases["quirky"])
    if small:
        cases["small"] = folder / "small"
        data.write_small(cases["small"], small, 100)
    return cases


def repeated(times: int, work: Callable[[], Cost | None]) -> Cost | None:
    """Median of some runs; None where a run cannot be made here."""
    costs = [work() for _ in range(times)]
    return None if None in costs else median([cost for cost in costs if cost])


def as_process(notes: list[str], title: str, rows: int, *command: str) -> Cost | None:
    """A way that is a process of its own."""
    answer = in_process(command)
    if "missing" in answer:
        notes.append(f"{title} is missing: {answer['missing']}")
        return None
    if answer.pop("rows") != rows:
        raise RuntimeError(f"{title}: {answer}")
    return Cost(**answer)


def measure(
    case: str, path: Path, rows: int, engine: Ours, options: argparse.Namespace, notes: list[str]
) -> dict[str, Cost]:
    """All ways of one case."""
    found: dict[str, Cost | None] = {}
    # The unit of a quirky file and of many small ones is the same table as one plain CSV.
    unit = path if case in PEER_WAYS else path.parent / "report.csv"
    if case != "small":
        for name, target in (("direct", "plain"), ("staged", "staging"), ("read_staged", "read")):
            command = (sys.executable, "-m", "benchmarks.landing.direct", str(unit), target)
            # Ignored: mypy infers no lambda with a default.
            found[name] = repeated(options.repeat, lambda c=command: as_process(notes, "chDB", rows, *c))
    landed = [engine.land(path) for _ in range(1 if case == "small" else options.repeat)]
    found["landing"] = median([landing for landing, *_ in landed])
    found["staging"] = median([staging for _, staging, _ in landed])
    found["whole"] = median([landing + staging for landing, staging, _ in landed])
    found["read"] = median([reading for *_, reading in landed])
    engine.empty()
    for way in PEER_WAYS.get(case, ()):
        command = (options.peers, str(HERE / "peers.py"), way, str(path), engine.url, str(engine.server))
        times = 1 if way in ("pandas", "dlt") else options.repeat
        # Ignored: mypy infers no lambda with a default.
        found[way] = repeated(times, lambda c=command, w=way: as_process(notes, TITLES[w], rows, *c))
    for name, cost in found.items():
        if cost:
            print(
                f"{case:14} {name:14} wall {cost.wall:7.2f}  cpu {cost.cpu:7.2f}  peak {cost.peak_mb:6.0f} MB",
                flush=True,
            )
    return {name: cost for name, cost in found.items() if cost}


def table(results: dict[str, dict[str, Cost]], sizes: dict[str, str]) -> str:
    """The report's table."""
    lines = [
        "| case | way | wall s | CPU s | × direct | × direct like staging | peak MB |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for case, found in results.items():
        for way, cost in found.items():
            ratios = [f"{cost.cpu / found[unit].cpu:.2f}" if unit in found else "" for unit in ("direct", "staged")]
            lines.append(
                f"| {case}, {sizes[case]} | {TITLES[way]} | {cost.wall:.2f} | {cost.cpu:.2f} | {ratios[0]} | {ratios[1]} | {cost.peak_mb:.0f} |"
            )
    return "\n".join(lines)


def header(rows: int, options: argparse.Namespace, engine: Ours) -> str:
    """What was measured, and on what."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("chdb", "clickhouse-connect", "dbt-core")
    )
    return (
        f"# Landing\n\n{rows:,} rows of a Google-Ads-like export (14 columns, 120 days), seed {data.SEED}; medians of "
        f"{options.repeat} (pandas, dlt and the small files once). {os.cpu_count()} cores, {memory:.0f} GB, Python "
        f"{platform.python_version()}, {versions}. The load of the machine when it began: {os.getloadavg()[0]:.1f}.\n\n"
        f"dbt's own start is not in the figures: a `dbt run` of the staging model without rows cost {engine.dbt.cpu:.1f} CPU s.\n"
    )


def main() -> None:
    """Write files, measure, write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="500,000 rows once, 500 small files, nothing written")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--small", type=int, default=10_000, help="files of 100 rows; 0 for none")
    parser.add_argument("--cases", nargs="*", help="only these")
    parser.add_argument("--peers", default=os.environ.get("INSIGHTFLOW_BENCH_PYTHON", sys.executable))
    parser.add_argument("--out", type=Path, default=HERE / "results.md")
    options = parser.parse_args()
    if not shutil.which(options.peers):
        parser.error(f"there is no interpreter {options.peers}")
    if options.quick:
        options.rows, options.repeat, options.small = min(options.rows, 500_000), 1, min(options.small, 500)
    notes: list[str] = []
    results, sizes = {}, {}
    with tempfile.TemporaryDirectory(prefix="insightflow-bench-") as folder:
        cases = write_files(Path(folder), options.rows, options.small)
        with ours(Path(folder) / "home") as engine:
            top = header(options.rows, options, engine)
            for case, path in cases.items():
                if options.cases and case not in options.cases:
                    continue
                rows = options.rows if case != "small" else options.small * 100
                size = sum(f.stat().st_size for f in ([path] if path.is_file() else path.iterdir())) / 1e6
                sizes[case] = f"{size:.0f} MB" if case != "small" else f"{options.small:,} files of 100 rows"
                results[case] = measure(case, path, rows, engine, options, notes)
                if not options.quick:  # what is cut off has measured something
                    options.out.write_text(report_of(top, results, sizes, notes, options.small))
    if options.quick:
        print(report_of(top, results, sizes, notes, options.small))


def report_of(
    top: str, results: dict[str, dict[str, Cost]], sizes: dict[str, str], notes: list[str], small: int
) -> str:
    """The report in Markdown."""
    text = f"{top}\n{table(results, sizes)}\n"
    if "small" in results:
        text += f"\nMany small files: {small / results['small']['landing'].wall:.0f} files a second.\n"
    return text + "".join(f"\n- {note}" for note in dict.fromkeys(notes)) + ("\n" if notes else "")


if __name__ == "__main__":
    assert peers.WAYS.keys() <= TITLES.keys()
    main()
