"""Memory of landing by size of file: ``python -m benchmarks.landing.memory [--rows N…] [--cases NAME…] [--limit MB]
[--out FILE]``.

Each file is landed by a server and a loader that have just started, in a control group of so much memory, where the
kernel has such: a path that held more of a large file than of a small one would be killed there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.landing import data
from benchmarks.landing.limits import enter, limited, peaks, times_full
from benchmarks.landing.measure import in_process, report
from benchmarks.landing.ours import ours

HERE = Path(__file__).parent
CASES = ("csv", "ndjson")
SIZES = (1_000_000, 4_000_000, 16_000_000)
LIMIT = 2048
HEAD = """# Landing: memory by size of file

Bucket to typed staging, a server and a loader of their own for each file. **Own**: the most memory that the two held of
their own at any time (`RssAnon`), which grows by what a file needs. **Pages**: pages of files that they mapped, the
file's own among them (`RssFile`), which the kernel takes back when it wants to. **Statement**: the most that the engine
counts for one statement.

"""
COLUMNS = """| case | rows | file MB | CPU s | own MB | × the smallest | pages MB | statement MB | limit met |
|---|--:|--:|--:|--:|--:|--:|--:|--:|
"""


def write(case: str, rows: int, folder: Path) -> Path:
    """The same seeded rows as in ``main``, as one file."""
    made = data.table(rows)
    path = folder / f"report.{case}"
    if case == "quirky":
        path = folder / "report.quirky.csv"
        data.write_quirky(made, path)
    elif case == "ndjson":
        data.write_ndjson(data.as_api(made), path)
    elif case in ("parquet", "zstd.parquet"):
        data.write_parquet(data.as_api(made), path, "zstd" if case == "zstd.parquet" else "none")
    else:
        data.write_csv(made, folder / "report.csv")
        if case == "csv.zst":
            data.compress(folder / "report.csv", path)
    return path


def forget_pages(path: Path) -> None:
    """Let the kernel give up what it holds of a file: who reads it next is charged for it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def land(path: Path, group: Path | None) -> None:
    """Land a file in this process's own engine, in a group; print what it took."""
    if group:
        enter(group)
    with ours(path.parent / "home") as engine:
        with peaks(engine.server, os.getpid()) as most:
            landing, staging, _ = engine.land(path)
        [(used,)] = engine.client.query("SELECT max(memory_usage) FROM system.query_log").result_rows
    report(landing + staging, own=most.anonymous, pages=most.of_files, statement=used / 1e6)


def measure(case: str, rows: int, limit: int) -> dict[str, Any]:
    """One file of so many rows, in processes of its own. Raises ``RuntimeError`` where they did not live."""
    with tempfile.TemporaryDirectory(prefix="insightflow-bench-") as folder, limited(limit) as group:
        subprocess.run([*_this("--write", case, str(rows)), folder], check=True)
        [path] = Path(folder).glob(f"report.{'quirky.csv' if case == 'quirky' else case}")
        forget_pages(path)
        found = in_process([*_this("--land", str(path)), str(group or "")])
        if "missing" in found:
            raise RuntimeError(f"{case} of {rows} rows: {found['missing']}")
        full = str(times_full(group)) if group else ""
        return {**found, "size": path.stat().st_size / 1e6, "full": full, "whole": _held_whole(path, group)}


def _held_whole(path: Path, group: Path | None) -> bool:
    """Whether a process that reads the file into memory lives in the group."""
    enter_and_read = (
        "import sys, pathlib; sys.argv[2] and pathlib.Path(sys.argv[2], 'cgroup.procs').write_text('0');"
        " pathlib.Path(sys.argv[1]).read_bytes()"
    )
    return subprocess.run([sys.executable, "-c", enter_and_read, str(path), str(group or "")]).returncode == 0


def _this(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.landing.memory", *arguments]


def main() -> None:
    """Measure, print, write the report after each size: what is cut off has measured something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=SIZES)
    parser.add_argument("--cases", nargs="*", default=CASES)
    parser.add_argument("--limit", type=int, default=LIMIT, help="megabytes of the control group")
    parser.add_argument("--out", type=Path, default=HERE / "memory.md")
    options = parser.parse_args()
    table: list[str] = []
    killed: list[str] = []
    for case in options.cases:
        smallest = 0.0
        for rows in options.rows:
            it = measure(case, rows, options.limit)
            smallest = smallest or it["own"]
            table.append(
                f"| {case} | {rows:,} | {it['size']:.0f} | {it['cpu']:.2f} | {it['own']:.0f} | {it['own'] / smallest:.2f}"
                f" | {it['pages']:.0f} | {it['statement']:.0f} | {it['full']} |"
            )
            print(table[-1], flush=True)
            killed += [] if it["whole"] else [f"{case} of {rows:,} rows ({it['size']:.0f} MB)"]
            options.out.write_text(
                HEAD + _limit_said(options.limit, it["full"], killed) + COLUMNS + "\n".join(table) + "\n"
            )


def _limit_said(limit: int, full: str, killed: list[str]) -> str:
    if not full:
        return "This kernel has no control group of memory for us: nothing limited these runs.\n\n"
    said = (
        f"Server and loader ran together in a control group of {limit:,} MB, page cache included, without swap: beyond it\n"
        "the kernel takes pages of files back (how often it met the limit: last column), and kills what holds more of its\n"
        "own. All loads below ended, every row counted."
    )
    if killed:
        said += f" A process that reads the file whole was killed in the same group: {', '.join(killed)}."
    return said + "\n\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--land"]:
        land(Path(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3] else None)
    elif sys.argv[1:2] == ["--write"]:
        write(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
