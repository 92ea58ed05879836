"""dbt-duckdb on the same files, and the questions on its tables: ``python peer.py WORK FILES DATES``; JSON out.

Runs in an environment of its own (requirements-bench.txt), so it imports nothing of the project.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent / "duckdb_project"


def dbt(work: Path, files: str, dates: str = "", *options: str) -> dict[str, float]:
    """One ``dbt run``; its CPU and wall, start and parsing included, and without them."""
    environment = os.environ | {"BENCH_DUCKDB": str(work / "peer.duckdb"), "BENCH_FILES": files, "BENCH_DATES": dates}
    places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(work / "target")]
    command = [str(Path(sys.executable).with_name("dbt")), "run", *places, "--log-path", str(work / "logs"), *options]
    before, started = os.times(), time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    after = os.times()
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    nodes = sum(
        result["execution_time"] for result in json.loads((work / "target/run_results.json").read_text())["results"]
    )
    return {"wall": time.monotonic() - started, "cpu": cpu, "nodes": nodes}


def questions(work: Path, asked: dict[str, str], times: int) -> dict[str, float]:
    """Median milliseconds of each question, after one run that warms up."""
    import duckdb

    connection = duckdb.connect(str(work / "peer.duckdb"), read_only=True)
    found = {}
    for name, sql in asked.items():
        connection.execute(sql).fetchall()
        taken = []
        for _ in range(times):
            started = time.perf_counter()
            connection.execute(sql).fetchall()
            taken.append(1000 * (time.perf_counter() - started))
        found[name] = statistics.median(taken)
    return found


def storage(work: Path) -> dict[str, float]:
    """Bytes of the whole database by row of the facts: DuckDB keeps one file."""
    import duckdb

    connection = duckdb.connect(str(work / "peer.duckdb"))
    connection.execute("CHECKPOINT")
    rows = connection.execute("SELECT count(*) FROM fct_ad_performance_daily").fetchall()[0][0]
    copy = work / "facts.duckdb"
    connection.execute(f"ATTACH '{copy}' AS c")
    connection.execute("CREATE TABLE c.facts AS SELECT * FROM fct_ad_performance_daily ORDER BY date, ad_id")
    connection.execute("DETACH c")
    return {"rows": rows, "fact_bytes": copy.stat().st_size}


def main() -> None:
    """Full build, a day, the questions."""
    spec: dict[str, Any] = json.loads(sys.stdin.read())
    work = Path(spec["work"])
    answer: dict[str, Any] = {"full": dbt(work, spec["files"], "", "--full-refresh")}
    answer["day"] = dbt(work, spec["files"], spec["day"])
    answer["questions"] = questions(work, spec["questions"], spec["times"])
    answer["storage"] = storage(work)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
