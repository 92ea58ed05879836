"""The HTTP protocol, over raw requests."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable

import httpx
import lz4.frame
import pytest
import zstandard

from tests.warehouse.embedded.conftest import HTTP, RunningServer


def fresh_table(server: RunningServer, columns: str = "a Int32, b String") -> str:
    """Create an empty table and return its name."""
    name = f"raw.t_{uuid.uuid4().hex}"
    server.text("CREATE DATABASE IF NOT EXISTS raw")
    server.text(f"CREATE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY tuple()")
    return name


@pytest.mark.parametrize("path", ["/ping", "/", "/replicas_status"])
def test_health_routes_answer_ok(server: RunningServer, path: str) -> None:
    response = HTTP.get(server.url + path)
    assert (response.status_code, response.text) == (200, "Ok.\n")


def test_unknown_route_is_404(server: RunningServer) -> None:
    assert HTTP.get(server.url + "/nowhere").status_code == 404


def test_statement_in_url_in_body_and_split(server: RunningServer) -> None:
    assert HTTP.get(server.url, params={"query": "SELECT 1"}).text == "1\n"
    assert server.post("SELECT 2").text == "2\n"
    assert server.post("SELECT 3,", b"4").text == "3\t4\n"


def test_result_headers(server: RunningServer) -> None:
    response = server.post("SELECT number FROM numbers(10) FORMAT JSON", query_id="my-id", max_threads="1")
    assert response.headers["X-ClickHouse-Query-Id"] == "my-id"
    assert response.headers["X-ClickHouse-Format"] == "JSON"
    assert response.headers["X-ClickHouse-Timezone"] == "UTC"
    assert response.headers["X-ClickHouse-Server-Display-Name"]
    assert response.headers["Content-Type"].startswith("application/json")
    summary = json.loads(response.headers["X-ClickHouse-Summary"])
    assert (summary["read_rows"], summary["result_rows"], summary["written_rows"]) == ("10", "10", "0")
    assert response.json()["rows"] == 10


def test_server_time_zone_is_utc(server: RunningServer) -> None:
    assert server.text("SELECT timezone(), serverTimezone()") == "UTC\tUTC"


@pytest.mark.parametrize(
    ("sql", "status", "code", "name"),
    [
        ("SELEC 1 2", 400, "62", "SYNTAX_ERROR"),
        ("SELECT * FROM missing", 404, "60", "UNKNOWN_TABLE"),
        ("SELECT * FROM missing.table", 404, "81", "UNKNOWN_DATABASE"),
        ("SELECT missing", 404, "47", "UNKNOWN_IDENTIFIER"),
        ("SELECT 1; SELECT 2", 400, "62", "SYNTAX_ERROR"),
        ("SELECT throwIf(1)", 500, "395", "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 500, "358", "INTO_OUTFILE_NOT_ALLOWED"),
        ("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", 403, "497", "ACCESS_DENIED"),
    ],
)
def test_errors(server: RunningServer, sql: str, status: int, code: str, name: str) -> None:
    response = server.post(sql)
    assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (status, code)
    assert response.text.startswith(f"Code: {code}. DB::Exception: ")
    assert f"({name})" in response.text
    assert "/proc/self" not in response.text


def test_unknown_setting_and_unknown_database_are_errors(server: RunningServer) -> None:
    assert server.post("SELECT 1", no_such_setting="1").headers["X-ClickHouse-Exception-Code"] == "115"
    assert server.post("SELECT 1", database="nowhere").headers["X-ClickHouse-Exception-Code"] == "81"


def test_get_is_read_only(server: RunningServer) -> None:
    table = fresh_table(server)
    for sql in (f"INSERT INTO {table} VALUES (1, 'x')", f"DROP TABLE {table}", f"TRUNCATE TABLE {table}"):
        response = HTTP.get(server.url, params={"query": sql})
        assert response.headers["X-ClickHouse-Exception-Code"] == "164"
    assert server.text(f"SELECT count() FROM {table}") == "0"


def test_error_in_mid_stream_is_marked_with_the_tag_of_the_header(server: RunningServer) -> None:
    sql = "SELECT sleep(0.02), throwIf(number = 3000000) FROM numbers(5000000) SETTINGS max_block_size = 100000"
    body = b""
    with HTTP.stream("POST", server.url, content=sql) as response, pytest.raises(httpx.RemoteProtocolError):
        for piece in response.iter_raw():
            body = body[-4000:] + piece
    assert response.status_code == 200
    tag = response.headers["X-ClickHouse-Exception-Tag"].encode()
    assert b"\r\n__exception__\r\n" + tag + b"\r\nCode: 395." in body
    assert body.endswith(b" " + tag + b"\r\n__exception__\r\n")


def test_wait_end_of_query_turns_a_late_error_into_a_status(server: RunningServer) -> None:
    sql = "SELECT sleep(0.02), throwIf(number = 3000000) FROM numbers(5000000) SETTINGS max_block_size = 100000"
    assert server.post(sql, wait_end_of_query="1").status_code == 500


def test_settings_and_database_of_a_request_hold_for_it_only(server: RunningServer) -> None:
    assert (
        server.text("SELECT getSetting('max_threads'), currentDatabase()", max_threads="1", database="system")
        == "1\tsystem"
    )
    assert server.text("SELECT getSetting('max_threads'), currentDatabase()") != "1\tsystem"


def test_default_format(server: RunningServer) -> None:
    assert server.text("SELECT 1 AS a", default_format="JSONEachRow") == '{"a":1}'


def test_parameters_are_typed_and_safe(server: RunningServer) -> None:
    assert server.text("SELECT {a:Int32} + 1, {b:String}", param_a="4", param_b="it's") == "5\tit\\'s"
    assert server.post("SELECT {a:Int32}", param_a="x").headers["X-ClickHouse-Exception-Code"] == "457"
    response = HTTP.post(server.url, files={"query": (None, "SELECT {a:String}"), "param_a": (None, "form")})
    assert response.text == "form\n"


def test_trailing_comments_semicolons_and_settings(server: RunningServer) -> None:
    assert server.text("SELECT 1; -- over") == "1"
    assert server.text("SELECT 1 /* FORMAT JSON */ FORMAT CSV SETTINGS max_threads = 1 ;") == "1"
    assert server.text("SELECT 'FORMAT JSON' AS format") == "FORMAT JSON"


@pytest.mark.parametrize("comment", ["-- how many", "# how many", "#! how many", "// how many", "/* how many */"])
def test_a_comment_before_the_format_hides_nothing(server: RunningServer, comment: str) -> None:
    # Clients add the format on a line of its own, behind whatever the statement ends in.
    assert server.text(f"SELECT 1 AS n {comment}\n FORMAT CSVWithNames") == '"n"\n1'
    assert server.text(f"SELECT 2 AS n {comment}\nFORMAT CSV SETTINGS max_threads = 1") == "2"
    with server.client() as client:
        assert client.query(f"SELECT 3 {comment}").result_rows == [(3,)]


@pytest.mark.parametrize("sql", ["", ";", "\n FORMAT Native", "-- nothing\nFORMAT Native", " ; "])
def test_a_statement_of_nothing_is_named_so(server: RunningServer, sql: str) -> None:
    answer = server.post(sql)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "62")
    assert "Empty query" in answer.text
    assert "/proc" not in answer.text


def test_whole_formats_are_well_formed_when_streamed(server: RunningServer) -> None:
    response = server.post("SELECT number, toString(number) AS s FROM numbers(300000) FORMAT JSON")
    assert response.headers["transfer-encoding"] == "chunked"
    assert response.json()["rows"] == 300000
    assert server.post("SELECT 1 AS a WHERE 0 FORMAT CSVWithNames").text == '"a"\n'


@pytest.mark.parametrize(
    ("name", "decode"),
    [("gzip", gzip.decompress), ("zstd", None), ("lz4", lz4.frame.decompress)],
)
def test_compressed_results(server: RunningServer, name: str, decode: Callable[[bytes], bytes] | None) -> None:
    decode = decode or (lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data))
    headers = {"Accept-Encoding": name}
    for rows in (1, 1_000_000):
        params = {"enable_http_compression": "1", "query": f"SELECT number FROM numbers({rows})"}
        with HTTP.stream("POST", server.url, params=params, headers=headers) as response:
            assert response.headers["Content-Encoding"] == name
            assert decode(b"".join(response.iter_raw())).count(b"\n") == rows
    response = HTTP.post(server.url, content="SELECT 1", headers=headers)
    assert "Content-Encoding" not in response.headers, "only with enable_http_compression=1, as in ClickHouse"


ROWS = b"1,x\n2,y\n3,z\n"
CODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("encoding", CODERS)
@pytest.mark.parametrize("split", [True, False])
def test_insert_with_a_body(server: RunningServer, encoding: str, split: bool) -> None:
    table = fresh_table(server)
    sql = f"INSERT INTO {table} FORMAT CSV"
    params = {"query": sql} if split else {}
    body = ROWS if split else sql.encode() + b"\n" + ROWS
    headers = {"Content-Encoding": encoding} if encoding else {}
    response = HTTP.post(server.url, params=params, content=CODERS[encoding](body), headers=headers)
    assert response.status_code == 200, response.text
    assert json.loads(response.headers["X-ClickHouse-Summary"])["written_rows"] == "3"
    assert server.text(f"SELECT sum(a), max(b) FROM {table}") == "6\tz"


def test_insert_of_a_large_body_in_several_compressed_frames(server: RunningServer) -> None:
    table = fresh_table(server, "a UInt64")
    head = f"INSERT INTO {table} FORMAT TSV\n".encode()
    body = b"".join(zstandard.ZstdCompressor().compress(part) for part in (head, b"7\n" * 400_000, b"7\n" * 400_000))
    response = HTTP.post(server.url, content=body, headers={"Content-Encoding": "zstd"})
    assert response.status_code == 200, response.text
    assert server.text(f"SELECT count(), sum(a) FROM {table}") == "800000\t5600000"


@pytest.mark.parametrize(
    ("statement", "data"),
    [
        ("INSERT INTO {} FORMAT JSONEachRow", b'{"a":1,"b":"x"}'),
        ("INSERT INTO {} SETTINGS max_insert_threads = 1 FORMAT TSV", b"1\tx\n"),
        ("INSERT INTO {} (a, b) VALUES", b"(1, upper('X'))"),
        ("INSERT INTO {} (b, a) FORMAT Values", b"('x', 1)"),
        ("INSERT INTO {} SELECT a, b FROM input('a Int32, b String') FORMAT CSV", b"1,x\n"),
        ("INSERT INTO {} SELECT 1, 'FORMAT'", b""),
        ("WITH 1 AS one INSERT INTO {} SELECT one, 'x'", b""),
    ],
)
def test_forms_of_insert(server: RunningServer, statement: str, data: bytes) -> None:
    table = fresh_table(server)
    response = server.post(statement.format(table), data)
    assert response.status_code == 200, response.text
    assert server.text(f"SELECT count(), sum(a) FROM {table}") == "1\t1"


def test_empty_and_broken_bodies(server: RunningServer) -> None:
    table = fresh_table(server)
    assert server.post(f"INSERT INTO {table} FORMAT CSV", b"").status_code == 200
    assert server.post(f"INSERT INTO {table} FORMAT CSV", b"not a number,x\n").status_code == 400
    cut = gzip.compress(f"INSERT INTO {table} FORMAT CSV\n1,x\n".encode())[:-6]
    assert HTTP.post(server.url, content=cut, headers={"Content-Encoding": "gzip"}).status_code == 500
    assert server.text(f"SELECT count() FROM {table}") == "0"
    assert not list((server.path / ".server" / "spool").iterdir())


def test_sessions_keep_temporary_tables_and_settings(server: RunningServer) -> None:
    session = uuid.uuid4().hex
    server.text("CREATE TEMPORARY TABLE mine (a Int32)", session_id=session)
    server.text("INSERT INTO mine VALUES (5)", session_id=session)
    server.text("SET max_block_size = 77", session_id=session)
    assert server.text("SELECT a, getSetting('max_block_size') FROM mine", session_id=session) == "5\t77"
    sql = "SELECT getSetting('max_block_size'), getSetting('max_threads'), currentDatabase()"
    assert server.text(sql, session_id=session, max_threads="1", database="system") == "77\t1\tsystem"
    assert server.text(sql, session_id=session).split("\t")[2] == "default"
    assert server.post("SELECT a FROM mine").status_code == 404
    server.text("USE system", session_id=session)
    assert server.text("SELECT currentDatabase()", session_id=session) == "system"
    # What requests before found, and went back to, no longer holds.
    server.text("SET max_threads = 3", session_id=session)
    assert server.text(sql, session_id=session, max_threads="1", database="default") == "77\t1\tdefault"
    assert server.text(sql, session_id=session) == "77\t3\tsystem"


def test_session_check_and_timeout(server: RunningServer) -> None:
    missing = server.post("SELECT 1", session_id=uuid.uuid4().hex, session_check="1")
    assert missing.headers["X-ClickHouse-Exception-Code"] == "372"
    refused = server.post("SELECT 1", session_id="x", session_timeout="99999")
    assert refused.headers["X-ClickHouse-Exception-Code"] == "374"


def test_sql_functions_work(server: RunningServer) -> None:
    server.text("CREATE OR REPLACE FUNCTION plus_one AS (x) -> x + 1")
    assert server.text("SELECT plus_one(2)") == "3"


def test_databases_are_atomic_and_partitions_can_be_replaced(server: RunningServer) -> None:
    table = fresh_table(server)
    other = table + "_other"
    assert server.text("SELECT engine FROM system.databases WHERE name = 'raw'") == "Atomic"
    server.text(f"CREATE TABLE {other} AS {table}")
    server.text(f"INSERT INTO {other} VALUES (1, 'x')")
    server.text(f"EXCHANGE TABLES {table} AND {other}")
    server.text(f"ALTER TABLE {other} REPLACE PARTITION tuple() FROM {table}")
    assert server.text(f"SELECT a FROM {other}") == "1"
