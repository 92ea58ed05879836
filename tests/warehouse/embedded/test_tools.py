"""What tools send: JDBC, Go and Grafana by their requests; SQLAlchemy, asyncio and Arrow by their libraries."""

from __future__ import annotations

import asyncio
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import clickhouse_connect
import httpx
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

from include.warehouse.embedded.native import NativeDecoder
from tests.warehouse.embedded.conftest import HTTP, RunningServer


@pytest.fixture
def table(server: RunningServer) -> Iterator[str]:
    """A small table."""
    server.text("CREATE DATABASE IF NOT EXISTS tools")
    server.text("CREATE OR REPLACE TABLE tools.t (a Int64, b String) ENGINE = MergeTree ORDER BY a")
    server.text("INSERT INTO tools.t VALUES (1, 'x'), (2, 'y')")
    yield "tools.t"
    server.text("DROP TABLE tools.t")


def unpack(body: bytes) -> bytes:
    """Read compressed blocks."""
    decoder = NativeDecoder()
    data = decoder.feed(body)
    decoder.finish()
    return data


def strings(data: bytes, at: int, count: int) -> tuple[list[str], int]:
    """Read short strings of RowBinary."""
    found = []
    for _ in range(count):
        size = data[at]
        found.append(data[at + 1 : at + 1 + size].decode())
        at += 1 + size
    return found, at


def test_jdbc_connects_and_reads(server: RunningServer) -> None:
    """The Java client: format by header, LZ4 blocks both ways, its first query."""
    headers = {
        "X-ClickHouse-User": "default",
        "X-ClickHouse-Key": "",
        "X-ClickHouse-Database": "system",
        "X-ClickHouse-Format": "RowBinaryWithNamesAndTypes",
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "clickhouse-java-v2/0.9.4 (Linux; jvm:17) Apache-HttpClient/5.4.4",
    }
    params = {"compress": "1", "query_id": "", "wait_end_of_query": "1"}
    sql = "SELECT currentUser() AS user, timezone() AS timezone, version() AS version LIMIT 1"
    response = HTTP.post(server.url, params=params, content=sql, headers=headers)
    assert response.headers["X-ClickHouse-Format"] == "RowBinaryWithNamesAndTypes"
    assert response.headers["X-ClickHouse-Timezone"] == "UTC"
    data = unpack(response.content)
    assert data[0] == 3
    names, at = strings(data, 1, 3)
    types, at = strings(data, at, 3)
    values, _ = strings(data, at, 3)
    assert (names, types) == (["user", "timezone", "version"], ["String"] * 3)
    assert (values[1], values[2].split(".")[0].isdigit()) == ("UTC", True)
    for query in (
        "SELECT name, value FROM system.settings WHERE name IN ('readonly', 'max_result_rows', 'session_timezone')",
        "SELECT name, engine FROM system.databases ORDER BY name",
        "SELECT database, name, engine, comment FROM system.tables WHERE database = 'system' LIMIT 5",
        "DESCRIBE TABLE (SELECT 1 AS a, 'x' AS b)",
    ):
        assert HTTP.post(server.url, params=params, content=query, headers=headers).status_code == 200


def test_go_and_grafana_connect(server: RunningServer) -> None:
    """clickhouse-go over HTTP: Native of its protocol version, in LZ4 blocks; Grafana's plugin is built on it."""
    params = {"default_format": "Native", "client_protocol_version": "54460", "database": "default", "compress": "1"}
    headers = {"User-Agent": "clickhouse-go/2.40.3 (lv:go/1.24; os:linux)"}
    sql = "SELECT displayName(), version(), revision(), timezone()"
    response = HTTP.post(server.url, params=params, content=sql, headers=headers)
    data = unpack(response.content)
    assert data.startswith(b"\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01\x0ddisplayName()\x06String\x00")
    assert data.endswith(b"\x0atimezone()\x06String\x00\x03UTC")
    for query in ("SELECT 1", "SELECT name FROM system.databases", "SELECT name, type FROM system.columns LIMIT 3"):
        assert HTTP.post(server.url, params=params, content=query, headers=headers).status_code == 200


TYPES = """toDate('2026-01-01'), toDate32('2026-01-01'), now(), now64(6, 'Asia/Tokyo'), toTime('10:00:00'), 1.5::Float32,
    1.5::Decimal(9, 2), 1.5::Decimal(30, 2), 1.5::Decimal(76, 2), generateUUIDv4(), toIPv4('1.2.3.4'), toIPv6('::1'),
    toFixedString('abc', 5), true, NULL, [number, 2], [['a'], [], ['b', toString(number)]], toInt256(1),
    map('k', [number]), tuple(1, 'x'), tuple(1 AS a, 'x' AS b)::Tuple(a UInt8, `b c` Nullable(DateTime64(3, 'UTC'))),
    if(number % 2, NULL, number), CAST('a' AS Enum8('a' = 1, 'b, (' = 2)), toLowCardinality(toString(number % 7)),
    [toLowCardinality(toString(number % 300))], CAST(NULL AS LowCardinality(Nullable(String))), (1., 2.)::Point,
    CAST([], 'Array(LowCardinality(String))'), map(toLowCardinality('k'), tuple(toLowCardinality('v'), number)),
    [[(1., 2.), (3., 4.)]]::Polygon, toIntervalDay(3), repeat('x', number % 300), CAST([(1, 'z')], 'Nested(a Int8, b String)')"""


@pytest.mark.parametrize("rows", [1, 1000, 40_000])
def test_native_of_a_protocol_version_has_every_type(server: RunningServer, rows: int) -> None:
    sql = f"SELECT {TYPES} FROM numbers({rows}) FORMAT Native SETTINGS max_block_size = 20000, max_threads = 1"
    sql = (
        sql.replace("now()", "toDateTime(7)")
        .replace("now64(6,", "toDateTime64(7, 6,")
        .replace("generateUUIDv4()", "toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')")
    )
    plain = server.post(sql, allow_suspicious_low_cardinality_types="1")
    assert plain.status_code == 200, plain.text
    framed = server.post(sql, client_protocol_version="54460", allow_suspicious_low_cardinality_types="1")
    blocks = framed.content.count(b"\x01\x00\x02\xff\xff\xff\xff\x00")
    assert blocks == max(1, rows // 20_000)
    assert len(framed.content) == len(plain.content) + blocks * (8 + TYPES_COUNT)
    assert framed.content.endswith(plain.content[-10:])


TYPES_COUNT = 33


def test_a_type_that_cannot_be_framed_is_an_error(server: RunningServer) -> None:
    answer = server.post("SELECT sumState(1) FORMAT Native", client_protocol_version="54460")
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (501, "48")


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
def test_curl(server: RunningServer, table: str, tmp_path: Path) -> None:
    def curl(*options: str) -> str:
        command = ["curl", "-sS", "--fail-with-body", "--noproxy", "*", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout

    assert curl(server.url + "/?query=SELECT%201") == "1\n"
    assert curl(server.url, "-d", "SELECT 2") == "2\n"
    assert curl(server.url, "--compressed", "-d", "SELECT 3") == "3\n"
    assert curl(server.url, "-G", "--data-urlencode", f"query=SELECT max(b) FROM {table} FORMAT CSV") == '"y"\n'
    file = tmp_path / "rows.csv"
    file.write_text("3,z\n")
    curl(f"{server.url}/?query=INSERT+INTO+{table}+FORMAT+CSV", "--data-binary", f"@{file}")
    curl(f"{server.url}/?query=INSERT+INTO+{table}+FORMAT+CSV", "-T", str(file), "-X", "POST")
    assert server.text(f"SELECT count() FROM {table}") == "4"
    form = ("-F", "query=SELECT sum(a) FROM mine", "-F", "mine_structure=a UInt8", "-F", f"mine=@{file};filename=m")
    assert (
        curl(server.url, *form, "-F", "mine_format=CSV", "-F", "input_format_csv_allow_variable_number_of_columns=1")
        == "3\n"
    )


def test_sqlalchemy(server: RunningServer, table: str) -> None:
    engine = sa.create_engine(f"clickhousedb://default:@127.0.0.1:{server.port}/tools")
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT sum(a) FROM t WHERE a > :low"), {"low": 1}).scalar() == 2
        assert "t" in sa.inspect(engine).get_table_names("tools")
        columns = {column["name"] for column in sa.inspect(engine).get_columns("t", "tools")}
        assert columns == {"a", "b"}
        mapped = sa.Table("t", sa.MetaData(schema="tools"), autoload_with=engine)
        assert connection.execute(sa.select(mapped.c.b).order_by(mapped.c.a.desc())).scalars().all() == ["y", "x"]
    frame = pd.read_sql("SELECT * FROM tools.t ORDER BY a", engine)
    assert frame["b"].tolist() == ["x", "y"]
    engine.dispose()


def test_clickhouse_connect_async_and_sessions_at_once(server: RunningServer, table: str) -> None:
    async def work() -> list[object]:
        client = await clickhouse_connect.get_async_client(
            host="127.0.0.1", port=server.port, autogenerate_session_id=False
        )
        try:
            await client.insert(table, [[3, "z"]], column_names=["a", "b"])
            sums = await asyncio.gather(*(client.query(f"SELECT sum(a) + {i} FROM {table}") for i in range(12)))
            arrow = await client.query_arrow(f"SELECT * FROM {table} ORDER BY a")
            frame = await client.query_df(f"SELECT * FROM {table} ORDER BY a")
            return [[s.result_rows[0][0] for s in sums], arrow["b"].to_pylist(), frame["a"].tolist()]
        finally:
            await client.close()

    sums, arrow, frame = asyncio.run(work())
    assert sums == list(range(6, 18))
    assert (arrow, frame) == (["x", "y", "z"], [1, 2, 3])


def test_arrow_both_ways(server: RunningServer, table: str) -> None:
    with server.client() as client:
        client.insert_arrow(table, pa.table({"a": list(range(10, 5010)), "b": ["é"] * 5000}))
        assert client.query_arrow(f"SELECT * FROM {table}").num_rows == 5002
        with client.query_arrow_stream(f"SELECT * FROM {table}") as batches:
            assert sum(batch.num_rows for batch in batches) == 5002
        with client.query_df_stream(f"SELECT * FROM {table}") as frames:
            assert sum(len(frame) for frame in frames) == 5002
        assert len(client.raw_query(f"SELECT * FROM {table}", fmt="Parquet")) > 4


def test_aiohttp_and_httpx_async(server: RunningServer, table: str) -> None:
    async def work() -> tuple[str, str, int]:
        async with aiohttp.ClientSession() as session:
            async with session.post(
                server.url, params={"query": f"INSERT INTO {table} FORMAT TSV"}, data=b"3\tz\n"
            ) as r:
                assert r.status == 200
            async with session.get(server.url, params={"query": f"SELECT sum(a) FROM {table}"}) as r:
                first = await r.text()
        async with httpx.AsyncClient(trust_env=False) as client:
            answers = await asyncio.gather(*(client.post(server.url, content="SELECT 1") for _ in range(20)))
            async with client.stream("POST", server.url, content="SELECT number FROM numbers(500000)") as stream:
                rows = sum([piece.count(b"\n") async for piece in stream.aiter_bytes()])
        return first, answers[-1].text, rows

    assert asyncio.run(work()) == ("6\n", "1\n", 500_000)


def test_rowbinary_of_drivers(server: RunningServer, table: str) -> None:
    body = struct.pack("<q", 9) + b"\x02hi"
    params = {"query": f"INSERT INTO {table} (a, b) FORMAT RowBinary"}
    assert HTTP.post(server.url, params=params, content=body).status_code == 200
    assert server.post(f"SELECT a, b FROM {table} WHERE a = 9 FORMAT RowBinary").content == body
