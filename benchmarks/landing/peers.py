"""Peers, each by its documented best way: ``python peers.py WAY FILE CLICKHOUSE_URL SERVER_PID``.

Runs in an environment of its own (requirements-bench.txt on top of requirements.txt), so it imports nothing of ours
but the measuring. Prints JSON; fails where its package is missing.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.landing.measure import measured, report

CLICKHOUSE = (
    "CREATE OR REPLACE TABLE bench.peer (day Date, customer_id String, account String, campaign_id Int64, campaign String,"
    " ad_group_id Int64, ad_group String, device String, currency String, impressions Int64, clicks Int64, cost Float64,"
    " conversions Float64, value Float64) ENGINE = MergeTree ORDER BY (day, campaign_id)"
)
NAMES = [
    part.split()[0] for part in CLICKHOUSE[CLICKHOUSE.index("(") + 1 :].split(" ENGINE")[0].rstrip(")").split(", ")
]


def kind(path: Path) -> str:
    return path.name.removesuffix(".zst").rpartition(".")[2]


def clickhouse(url: str) -> Any:
    import clickhouse_connect

    parts = urlsplit(url)
    client = clickhouse_connect.get_client(
        host=parts.hostname, port=parts.port, username=parts.username, password=parts.password
    )
    client.command("CREATE DATABASE IF NOT EXISTS bench")
    client.command(CLICKHOUSE)
    return client


def pandas(path: Path, url: str) -> Callable[[], int]:
    """``read_csv`` or ``read_parquet``, then clickhouse-connect's ``insert_df``."""
    import pandas as pd

    client = clickhouse(url)

    def work() -> int:
        if kind(path) == "csv":
            frame = pd.read_csv(path, engine="pyarrow" if path.suffix == ".csv" else "c")
        else:
            frame = pd.read_parquet(path) if kind(path) == "parquet" else pd.read_json(path, lines=True)
        frame.columns = NAMES
        frame["day"] = pd.to_datetime(frame["day"])
        client.insert_df("bench.peer", frame)
        return len(frame)

    return work


def polars_frame(path: Path) -> Any:
    import polars as pl

    if kind(path) == "csv":
        return pl.read_csv(path, try_parse_dates=True)
    return pl.read_parquet(path) if kind(path) == "parquet" else pl.read_ndjson(path)


def polars_read(path: Path, url: str) -> Callable[[], int]:
    """``read_csv`` and its siblings into memory: no table."""
    import polars as pl  # noqa: F401 (its import is not measured)

    return lambda: len(polars_frame(path))


def polars_insert(path: Path, url: str) -> Callable[[], int]:
    """Read, then clickhouse-connect's ``insert_arrow``."""
    import polars as pl

    client = clickhouse(url)

    def work() -> int:
        frame = polars_frame(path)
        frame.columns = NAMES
        if frame["day"].dtype == pl.String:  # NDJSON has no dates
            frame = frame.with_columns(pl.col("day").str.to_date())
        client.insert_arrow("bench.peer", frame.to_arrow())
        return len(frame)

    return work


def duckdb(path: Path, url: str) -> Callable[[], int]:
    """``CREATE TABLE … AS FROM read_csv(…)`` into a database file, columns detected."""
    import duckdb as engine

    connection = engine.connect(str(Path(tempfile.mkdtemp(dir=path.parent)) / "bench.duckdb"))
    reader = {"csv": "read_csv", "ndjson": "read_json", "parquet": "read_parquet"}[kind(path)]

    def work() -> int:
        connection.execute(f"CREATE TABLE t AS FROM {reader}('{path}')")
        # Ignored: a count has a row.
        return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])

    return work


def dlt(path: Path, url: str) -> Callable[[], int]:
    """Arrow batches through a dlt pipeline into DuckDB."""
    import dlt as tool
    import pyarrow.csv
    import pyarrow.json
    import pyarrow.parquet

    folder = tempfile.mkdtemp(dir=path.parent)
    pipeline = tool.pipeline(
        "bench", pipelines_dir=folder, destination=tool.destinations.duckdb(f"{folder}/dlt.duckdb")
    )

    def batches() -> Iterator[Any]:
        if kind(path) == "csv":
            yield from pyarrow.csv.open_csv(path, read_options=pyarrow.csv.ReadOptions(block_size=32 * 1024 * 1024))
        elif kind(path) == "parquet":
            yield from pyarrow.parquet.ParquetFile(path).iter_batches(200_000)
        else:
            yield pyarrow.json.read_json(path)

    def work() -> int:
        pipeline.run(batches(), table_name="t", write_disposition="replace")
        with pipeline.sql_client() as client:
            return int(client.execute_sql("SELECT count(*) FROM t")[0][0])

    return work


WAYS = {"pandas": pandas, "polars_read": polars_read, "polars_insert": polars_insert, "duckdb": duckdb, "dlt": dlt}

if __name__ == "__main__":
    way, file, url, server = sys.argv[1:]
    work = WAYS[way](Path(file), url)
    with measured(*([int(server)] if way in ("pandas", "polars_insert") else [])) as cost:
        rows = work()
    report(cost[0], rows=rows)
