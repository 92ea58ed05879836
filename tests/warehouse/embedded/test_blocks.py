"""ClickHouse's own compressed blocks, both ways, and Brotli."""

from __future__ import annotations

import gzip
import json
import struct
import uuid
from pathlib import Path

import brotli
import lz4.block
import pytest
import zstandard

from include.warehouse.embedded.cityhash import cityhash128
from include.warehouse.embedded.native import NativeDecoder, NativeEncoder
from tests.warehouse.embedded.conftest import HTTP, RunningServer


def block(data: bytes, method: int) -> bytes:
    """Make one block."""
    packed = {
        0x02: lambda: data,
        0x82: lambda: lz4.block.compress(data, store_size=False),
        0x90: lambda: zstandard.ZstdCompressor().compress(data),
    }[method]()
    covered = struct.pack("<BII", method, len(packed) + 9, len(data)) + packed
    return cityhash128(covered) + covered


def unpack(body: bytes) -> bytes:
    """Read a body of blocks."""
    decoder = NativeDecoder()
    data = b"".join(decoder.feed(body[at : at + 1000]) for at in range(0, len(body), 1000))
    decoder.finish()
    return data


def test_checksums_are_those_of_the_engine(server: RunningServer) -> None:
    """The engine writes its columns in the same blocks: of many sizes, each with its checksum."""
    server.text("CREATE DATABASE IF NOT EXISTS blocks")
    for rows in (1, 2, 3, 5, 9, 20, 40, 1000, 100_000):
        columns = "a UInt8, b UInt64, s String, r String"
        options = "ENGINE = MergeTree ORDER BY tuple() SETTINGS min_bytes_for_wide_part = 0"
        server.text(f"CREATE TABLE blocks.t{rows} ({columns}) {options}")
        values = "number, rand64(), toString(number), randomString(number % 50)"
        server.text(f"INSERT INTO blocks.t{rows} SELECT {values} FROM numbers({rows})")
    paths = server.text("SELECT path FROM system.parts WHERE database = 'blocks' FORMAT TSVRaw").splitlines()
    sizes = set()
    for file in (file for path in paths for file in Path(path).glob("*.bin")):
        data, at = file.read_bytes(), 0
        while at < len(data):
            (size,) = struct.unpack_from("<I", data, at + 17)
            assert cityhash128(data[at + 16 : at + 16 + size]) == data[at : at + 16], size
            sizes.add(size)
            at += 16 + size
    assert len(sizes) > 30
    assert min(sizes) < 16
    assert max(sizes) > 10_000


@pytest.mark.parametrize("rows", [1, 300_000])
def test_result_in_blocks(server: RunningServer, rows: int) -> None:
    response = server.post(f"SELECT number FROM numbers({rows})", compress="1")
    assert unpack(response.content) == b"".join(b"%d\n" % number for number in range(rows))
    headers = {"Accept-Encoding": "gzip"}
    params = {"query": "SELECT 1", "compress": "1", "enable_http_compression": "1"}
    both = HTTP.post(server.url, params=params, headers=headers)
    assert both.headers["Content-Encoding"] == "gzip"
    assert unpack(both.content) == b"1\n"


def test_errors_are_in_blocks_too(server: RunningServer) -> None:
    response = server.post("SELECT missing", compress="1")
    assert response.status_code == 404
    assert unpack(response.content).startswith(b"Code: 47.")


@pytest.mark.parametrize("method", [0x02, 0x82, 0x90])
@pytest.mark.parametrize("split", [True, False])
def test_insert_in_blocks(server: RunningServer, method: int, split: bool) -> None:
    table = f"blocks.t_{uuid.uuid4().hex}"
    server.text("CREATE DATABASE IF NOT EXISTS blocks")
    server.text(f"CREATE TABLE {table} (a UInt32) ENGINE = MergeTree ORDER BY a")
    sql, data = f"INSERT INTO {table} FORMAT RowBinary", struct.pack("<5I", 1, 2, 3, 4, 10)
    pieces = [data[:7], data[7:]] if split else [sql.encode() + b"\n" + data]
    body = b"".join(block(piece, method) for piece in pieces)
    params = {"decompress": "1"} | ({"query": sql} if split else {})
    response = HTTP.post(server.url, params=params, content=body)
    assert json.loads(response.headers["X-ClickHouse-Summary"])["written_rows"] == "5", response.text
    packed = HTTP.post(server.url, params=params, content=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 200, packed.text
    assert server.text(f"SELECT count(), sum(a) FROM {table}") == "10\t40"


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda body: body[:3] + b"X" + body[4:], "40"),
        (lambda body: body[:-1], "271"),
        (lambda body: body[:-1] + b"X", "40"),
        (lambda body: b"a" * 40, "39"),
    ],
)
def test_damaged_blocks_insert_nothing(server: RunningServer, damage: object, code: str) -> None:
    table = f"blocks.t_{uuid.uuid4().hex}"
    server.text("CREATE DATABASE IF NOT EXISTS blocks")
    server.text(f"CREATE TABLE {table} (a UInt32) ENGINE = MergeTree ORDER BY a")
    body = block(b"1\n2\n", 0x82) + block(b"3\n", 0x82)
    params = {"query": f"INSERT INTO {table} FORMAT TSV", "decompress": "1"}
    response = HTTP.post(server.url, params=params, content=damage(body))  # type: ignore[operator]
    assert response.headers["X-ClickHouse-Exception-Code"] == code, response.text
    assert server.text(f"SELECT count() FROM {table}") == "0"


def test_blocks_of_any_size_come_back() -> None:
    for size in (0, 1, 7, 8, 15, 16, 17, 112, 127, 128, 129, 1 << 20, (1 << 20) + 1):
        data = bytes(range(256)) * (size // 256) + bytes(size % 256)
        assert unpack(NativeEncoder().compress(data)) == data


def test_brotli_both_ways(server: RunningServer) -> None:
    table = f"blocks.t_{uuid.uuid4().hex}"
    server.text("CREATE DATABASE IF NOT EXISTS blocks")
    server.text(f"CREATE TABLE {table} (a UInt32) ENGINE = MergeTree ORDER BY a")
    headers = {"Content-Encoding": "br"}
    sql = f"INSERT INTO {table} FORMAT TSV"
    whole = brotli.compress(sql.encode() + b"\n1\n2\n")
    assert HTTP.post(server.url, content=whole, headers=headers).status_code == 200
    split = HTTP.post(server.url, params={"query": sql}, content=brotli.compress(b"3\n"), headers=headers)
    assert split.status_code == 200, split.text
    cut = HTTP.post(server.url, content=whole[:-3], headers=headers)
    assert cut.headers["X-ClickHouse-Exception-Code"] == "448"
    params = {"query": f"SELECT sum(a) FROM {table}", "enable_http_compression": "1"}
    with HTTP.stream("GET", server.url, params=params, headers={"Accept-Encoding": "br"}) as response:
        assert response.headers["Content-Encoding"] == "br"
        assert brotli.decompress(b"".join(response.iter_raw())) == b"6\n"
