"""Peak memory of landing by size of file: ``python -m benchmarks.landing.memory [--rows N…] [--cases NAME…] [--out FILE]``.

Each size is landed by a server that has just started; its peak and the loader's growth are those of the whole path.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.landing import data
from benchmarks.landing.measure import Cost
from benchmarks.landing.ours import ours

HERE = Path(__file__).parent
CASES = ("csv", "csv.zst", "ndjson", "quirky")
SIZES = (500_000, 1_000_000, 4_000_000)


def write(case: str, rows: int, folder: Path) -> Path:
    """The same seeded rows as in ``main``, as one file."""
    made = data.table(rows)
    path = folder / f"report.{case}"
    if case == "quirky":
        path = folder / "report.quirky.csv"
        data.write_quirky(made, path)
    elif case == "ndjson":
        data.write_ndjson(data.as_api(made), path)
    elif case == "parquet":
        data.write_parquet(data.as_api(made), path, "none")
    else:
        data.write_csv(made, folder / "report.csv")
        if case == "csv.zst":
            data.compress(folder / "report.csv", path)
    return path


def land(case: str, rows: int, folder: Path) -> tuple[Cost, float, float]:
    """Cost of the whole path (``peak_mb``: the server and what the loader takes), and megabytes of the file and of the
    statement that took most memory."""
    path = write(case, rows, folder)
    with ours(folder / "home") as engine:
        landing, staging, _ = engine.land(path)
        [(used,)] = engine.client.query("SELECT max(memory_usage) FROM system.query_log").result_rows
    return landing + staging, path.stat().st_size / 1e6, used / 1e6


def main() -> None:
    """Measure, print, write the report after each size: what is cut off has measured something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=SIZES)
    parser.add_argument("--cases", nargs="*", default=CASES)
    parser.add_argument("--out", type=Path, default=HERE / "memory.md")
    options = parser.parse_args()
    lines = [
        "# Landing: peak memory by size of file",
        "",
        "Peak: resident memory of the server plus what the loader takes, bucket to typed staging; a server of its own each. It",
        "holds the pages of the file, which the engine maps and the system takes back, and what merges beside the load need.",
        "Statement: the most that the engine counts for one statement of the load, the measure of what a larger file needs.",
        "",
        "| case | rows | file MB | CPU s | peak MB | × the smallest | statement MB |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for case in options.cases:
        smallest = 0.0
        for rows in options.rows:
            with tempfile.TemporaryDirectory(prefix="insightflow-bench-") as folder:
                cost, size, used = land(case, rows, Path(folder))
            smallest = smallest or cost.peak_mb
            ratio = cost.peak_mb / smallest
            lines.append(
                f"| {case} | {rows:,} | {size:.0f} | {cost.cpu:.2f} | {cost.peak_mb:.0f} | {ratio:.2f} | {used:.0f} |"
            )
            print(lines[-1], flush=True)
            options.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
