"""One in-process ClickHouse (chDB) that generated tables are put into and SQL is run on."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import chdb.session
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


class Engine:
    """A chDB session of its own; `close` ends it and removes its files."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="anomaly_bench_")
        self.session = chdb.session.Session(f"{self.folder.name}/data")

    def run(self, sql: str) -> None:
        """Run a statement without rows."""
        self.session.query(sql)

    def rows(self, sql: str) -> pa.Table:
        """Run a query."""
        answer = self.session.query(sql, "Arrow")
        return pa.ipc.open_file(pa.BufferReader(answer.bytes())).read_all()

    def put(self, table: str, columns: Mapping[str, Any], types: Sequence[str], order_by: str) -> None:
        """Make a table of numpy arrays and fill it."""
        path = Path(self.folder.name) / "put.parquet"
        pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), path)
        described = ", ".join(f"{name} {kind}" for name, kind in zip(columns, types, strict=True))
        names = ", ".join(columns)
        self.run(f"DROP TABLE IF EXISTS {table}")
        self.run(
            f"CREATE TABLE {table} ({described}) ENGINE = MergeTree ORDER BY {order_by} SETTINGS allow_nullable_key = 1"
        )
        self.run(f"INSERT INTO {table} ({names}) SELECT {names} FROM file('{path}', Parquet)")
        path.unlink()

    def close(self) -> None:
        """End the engine."""
        self.session.close()
        self.folder.cleanup()


def days(count: int, first: str = "2024-01-01") -> np.ndarray[Any, np.dtype[np.datetime64]]:
    """Dates in order."""
    return np.datetime64(first, "D") + np.arange(count)
