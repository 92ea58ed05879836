"""clickhouse-connect, unmodified, against the server."""

from __future__ import annotations

import datetime
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.warehouse.embedded.conftest import RunningServer

COLUMNS = """i Int64, d Decimal(18, 4), m Map(String, String), n Nullable(String), l LowCardinality(String),
    ln LowCardinality(Nullable(String)), a Array(Nullable(Int32)), dt DateTime, day Date, u UUID"""
ROW = (
    7,
    Decimal("1.2345"),
    {"a": "b"},
    None,
    "x",
    None,
    [1, None],
    datetime.datetime(2024, 1, 1, 12),
    datetime.date(2024, 1, 1),
    uuid.UUID(int=5),
)


def test_insert_and_select_of_all_our_types(server: RunningServer) -> None:
    with server.client() as client:
        client.command("CREATE DATABASE IF NOT EXISTS cc")
        client.command(f"CREATE OR REPLACE TABLE cc.types ({COLUMNS}) ENGINE = MergeTree ORDER BY i")
        summary = client.insert("cc.types", [ROW] * 1000)
        assert summary.written_rows == 1000
        assert client.query("SELECT * FROM cc.types LIMIT 1").result_rows == [ROW]
        sql = "SELECT count() FROM cc.types WHERE i = {i:Int64} AND day IN {days:Array(Date)}"
        parameters = {"i": 7, "days": [datetime.date(2024, 1, 1)]}
        assert client.query(sql, parameters=parameters).result_rows == [(1000,)]
        assert client.query("SELECT * FROM cc.types LIMIT 0").column_names[0] == "i"
        assert client.query("SELECT * FROM cc.types WHERE 0").result_rows == []


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_compression_both_ways(server: RunningServer, compress: str | bool) -> None:
    with server.client(compress=compress) as client:
        client.command("CREATE DATABASE IF NOT EXISTS cc")
        client.command("CREATE OR REPLACE TABLE cc.packed (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
        client.insert("cc.packed", [[i, str(i)] for i in range(100_000)], column_names=["a", "s"])
        assert len(client.query("SELECT * FROM cc.packed").result_rows) == 100_000


def test_frames_and_arrow(server: RunningServer) -> None:
    with server.client() as client:
        client.command("CREATE DATABASE IF NOT EXISTS cc")
        client.command("CREATE OR REPLACE TABLE cc.frames (a Int64, b String) ENGINE = MergeTree ORDER BY a")
        client.insert_df("cc.frames", pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
        client.insert_arrow("cc.frames", pa.table({"a": [3], "b": ["z"]}))
        assert client.query_df("SELECT * FROM cc.frames ORDER BY a")["b"].tolist() == ["x", "y", "z"]
        assert client.query_arrow("SELECT sum(a) AS s FROM cc.frames")["s"].to_pylist() == [6]


def test_errors_have_codes(server: RunningServer) -> None:
    with server.client() as client:
        with pytest.raises(DatabaseError) as caught:
            client.query("SELECT * FROM nowhere.at_all")
        assert caught.value.code == 81
        sql = "SELECT sleep(0.02), throwIf(number = 3000000) FROM numbers(5000000) SETTINGS max_block_size = 100000"
        with (
            pytest.raises(StreamFailureError, match="FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
            client.query_row_block_stream(sql) as blocks,
        ):
            assert sum(len(block) for block in blocks) < 0, "the stream must not come to its end"
        assert client.command("SELECT 1") == 1


def test_session_state_stays_with_the_client(server: RunningServer) -> None:
    with server.client() as one, server.client() as other:
        one.command("CREATE TEMPORARY TABLE mine (a Int32)")
        one.insert("mine", [[1], [2]], column_names=["a"])
        assert one.command("SELECT sum(a) FROM mine") == 3
        with pytest.raises(DatabaseError):
            other.command("SELECT sum(a) FROM mine")


def test_many_readers_while_a_writer_writes(server: RunningServer) -> None:
    """More clients than workers: they queue, nobody fails, and each sees whole inserts only."""
    server.text("CREATE DATABASE IF NOT EXISTS cc")
    server.text("CREATE OR REPLACE TABLE cc.busy (a Int32) ENGINE = MergeTree ORDER BY a")

    def read(_: int) -> list[int]:
        with server.client() as client:
            return [client.query("SELECT count() FROM cc.busy").result_rows[0][0] for _ in range(8)]

    def write() -> None:
        with server.client() as client:
            for _ in range(30):
                client.insert("cc.busy", [[i] for i in range(100)], column_names=["a"])

    with ThreadPoolExecutor(25) as pool:
        writing = pool.submit(write)
        counts = [count for seen in pool.map(read, range(24)) for count in seen]
        writing.result()
    assert all(count % 100 == 0 for count in counts)
    assert server.text("SELECT count() FROM cc.busy") == "3000"
