"""Inserts and selects through the server against chDB called directly: `python -m benchmarks.embedded.throughput`.

Both sides run the same engine with the same configuration on the same files, in processes of their own. The direct
side reads and writes files in its own process, which is as fast as the engine goes. Writes results.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.embedded.server import HTTP, ROOT, Server

INSERTS = {"CSV": "csv", "Native": "native", "RowBinary": "bin", "Parquet": "parquet", "JSONEachRow": "ndjson"}
SELECTS = ("Native", "RowBinary", "CSV", "Arrow")
COLUMNS = "id UInt64, day Date, campaign String, clicks UInt32, cost Decimal(18, 4)"
TABLE = f"({COLUMNS}) ENGINE = MergeTree ORDER BY (day, id)"
ROWS = """SELECT number, toDate('2026-01-01') + number % 30, concat('campaign ', toString(number % 5000)),
    number % 100, toDecimal64(number % 10007, 4) / 100 FROM numbers({rows})"""

Measured = dict[str, list[tuple[float, float]]]


def direct(folder: Path, rows: int, runs: int) -> Measured:
    """Measure in this process, without a server; makes the files first."""
    import chdb

    from include.warehouse.embedded.config import GIB, EngineConfig

    config = EngineConfig(folder / "direct", folder / "files", 8 * GIB, 4, "direct")
    connection = chdb.connect(f"{config.path}?config-file={config.write()}")
    query = connection.query
    query("CREATE DATABASE bench")
    query(f"CREATE TABLE bench.full {TABLE}")
    query(f"INSERT INTO bench.full {ROWS.format(rows=rows)}")
    for form, ending in INSERTS.items():
        query(f"SELECT * FROM bench.full INTO OUTFILE '{folder}/files/rows.{ending}' TRUNCATE FORMAT {form}")
    measured: Measured = {}

    def measure(name: str, work: Callable[[], object]) -> None:
        for _ in range(runs):
            query(f"CREATE OR REPLACE TABLE bench.t {TABLE}")
            started, cpu = time.perf_counter(), _cpu(os.getpid())
            work()
            measured.setdefault(name, []).append((time.perf_counter() - started, _cpu(os.getpid()) - cpu))

    for form, ending in INSERTS.items():
        insert = f"INSERT INTO bench.t SELECT * FROM file('{folder}/files/rows.{ending}', '{form}', '{COLUMNS}')"
        # Ignored: mypy infers no lambda with a default.
        measure(f"insert {form}", lambda sql=insert: query(sql))
    for form in SELECTS:
        # Ignored: mypy infers no lambda with a default.
        measure(f"select {form}", lambda form=form: query("SELECT * FROM bench.full", form).bytes())
    connection.close()
    return measured


def served(server: Server, rows: int, runs: int) -> Measured:
    """Measure through the server: its CPU, and the wall clock of a client that only counts bytes."""
    server.text("CREATE DATABASE bench")
    server.text(f"CREATE TABLE bench.full {TABLE}")
    server.text(f"INSERT INTO bench.full {ROWS.format(rows=rows)}")
    measured: Measured = {}

    def measure(name: str, work: Callable[[], object]) -> None:
        for _ in range(runs):
            server.text(f"CREATE OR REPLACE TABLE bench.t {TABLE}")
            started, cpu = time.perf_counter(), _cpu(server.process.pid)
            work()
            measured.setdefault(name, []).append((time.perf_counter() - started, _cpu(server.process.pid) - cpu))

    def push(form: str, ending: str) -> None:
        with (server.user_files / f"rows.{ending}").open("rb") as body:
            pieces = iter(lambda: body.read(1 << 20), b"")
            answer = HTTP.post(server.url, params={"query": f"INSERT INTO bench.t FORMAT {form}"}, content=pieces)
        assert answer.status_code == 200, answer.text

    def pull(form: str, **options: str) -> None:
        params = {"query": f"SELECT * FROM bench.full FORMAT {form}"} | options
        with HTTP.stream("POST", server.url, params=params, headers={"Accept-Encoding": "zstd"}) as answer:
            assert sum(len(piece) for piece in answer.iter_raw()) > rows

    for form, ending in INSERTS.items():
        # Ignored: mypy infers no lambda with a default.
        measure(f"insert {form}", lambda f=form, e=ending: push(f, e))
        sql = f"INSERT INTO bench.t SELECT * FROM file('rows.{ending}', '{form}', '{COLUMNS}')"
        # Ignored: mypy infers no lambda with a default.
        measure(f"insert {form} by file()", lambda sql=sql: server.text(sql))
    for form in SELECTS:
        # Ignored: mypy infers no lambda with a default.
        measure(f"select {form}", lambda form=form: pull(form))
    measure("select Native, zstd", lambda: pull("Native", enable_http_compression="1"))
    measure("select Native, compress=1", lambda: pull("Native", compress="1"))
    return measured


def small_inserts(server: Server, count: int) -> dict[str, float]:
    """Measure inserts of one row after the other, with and without fsync: milliseconds each."""
    found = {}
    settings = {"as configured (fsync)": "", "without fsync": "fsync_after_insert = 0, fsync_part_directory = 0"}
    for name, text in settings.items():
        server.text(
            f"CREATE OR REPLACE TABLE bench.small (a Int64) ENGINE = MergeTree ORDER BY a {text and 'SETTINGS ' + text}"
        )
        started = time.perf_counter()
        for number in range(count):
            server.text(f"INSERT INTO bench.small VALUES ({number})")
        found[name] = (time.perf_counter() - started) / count * 1000
    return found


def report(
    alone: Measured, through: Measured, small: dict[str, float], rows: int, megabytes: dict[str, float]
) -> Iterator[str]:
    """Yield the lines of the report."""
    yield "# The embedded server against chDB called directly\n"
    yield f"{rows:,} rows of five columns, medians, {os.cpu_count()} cores. CPU is of the process that holds the engine."
    yield "Made by `python -m benchmarks.embedded.throughput`.\n"
    yield "| what | MB | server, wall s | CPU s | direct, wall s | CPU s | wall × | CPU × |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, runs in through.items():
        kind = " ".join(name.split()[:2]).rstrip(",")
        wall, cpu = _median(runs)
        base_wall, base_cpu = _median(alone[kind])
        size = megabytes.get(kind.split()[1])
        times = f"{wall / base_wall:.2f} | {cpu / base_cpu:.2f}"
        yield f"| {name} | {f'{size:.0f}' if size else ''} | {wall:.2f} | {cpu:.2f} | {base_wall:.2f} | {base_cpu:.2f} | {times} |"
    yield "\n| inserts of one row, one after the other | ms each |\n|---|---|"
    for name, milliseconds in small.items():
        yield f"| {name} | {milliseconds:.1f} |"


def _median(runs: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(wall for wall, _ in runs), statistics.median(cpu for _, cpu in runs)


def _cpu(pid: int) -> float:
    if pid == os.getpid():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure both sides and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--report", type=Path, default=Path(__file__).with_name("results.md"))
    parser.add_argument("--direct", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.direct:
        print(json.dumps(direct(arguments.direct, arguments.rows, arguments.runs)))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "files").mkdir()
        (folder / "direct").mkdir()
        command = [sys.executable, "-m", "benchmarks.embedded.throughput", "--direct", name]
        options = ["--rows", str(arguments.rows), "--runs", str(arguments.runs)]
        done = subprocess.run([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        alone = json.loads(done.stdout)
        megabytes = {form: (folder / "files" / f"rows.{end}").stat().st_size / 1e6 for form, end in INSERTS.items()}
        server = Server(folder / "served", folder / "files", "--max-memory-gb", "8")
        try:
            through = served(server, arguments.rows, arguments.runs)
            small = small_inserts(server, 300)
        finally:
            server.stop()
    text = "\n".join(report(alone, through, small, arguments.rows, megabytes)) + "\n"
    arguments.report.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
