"""What the headers say, and when: progress, counts, errors, origin, time zone."""

from __future__ import annotations

import json
import socket
import time
import uuid

import pytest

from tests.warehouse.embedded.conftest import HTTP, RunningServer

SLOW = "SELECT count(), sum(sleepEachRow(0.05)) FROM numbers(20) SETTINGS max_block_size = 1"
LATE_ERROR = "SELECT sleep(0.02), throwIf(number = 3000000) FROM numbers(5000000) SETTINGS max_block_size = 100000"


def raw(server: RunningServer, sql: str, query: str = "") -> tuple[bytes, list[float]]:
    """Send a statement over a bare socket; return all that comes, and when the pieces came."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        started, data, times = time.monotonic(), b"", []
        head = f"POST /?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(sql)}\r\n\r\n"
        connection.sendall(head.encode() + sql.encode())
        while piece := connection.recv(65536):
            data += piece
            times.append(time.monotonic() - started)
    return data, times


def progress(answer: bytes) -> list[dict[str, str]]:
    """Return the progress headers of an answer."""
    head = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return [json.loads(line.partition(b": ")[2]) for line in head if line.startswith(b"X-ClickHouse-Progress")]


def test_progress_comes_while_the_query_runs(server: RunningServer) -> None:
    query = "send_progress_in_http_headers=1&http_headers_progress_interval_ms=100"
    answer, times = raw(server, SLOW, query)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nX-ClickHouse-Progress: ")
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b"20\t0\n")
    seen = [int(one["read_rows"]) for one in progress(answer)]
    assert len(seen) >= 4
    assert seen == sorted(seen)
    assert times[-1] - times[0] > 0.4, "all of it came at the end"


def test_an_error_after_progress_is_in_the_headers_and_the_body(server: RunningServer) -> None:
    sql = "SELECT sum(sleepEachRow(0.05) + throwIf(number = 15)) FROM numbers(20) SETTINGS max_block_size = 1"
    answer, _ = raw(server, sql, "send_progress_in_http_headers=1&wait_end_of_query=1")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nX-ClickHouse-Progress: ")
    assert b"x-clickhouse-exception-code: 395\r\n" in answer
    assert b"\r\n\r\nCode: 395." in answer
    assert HTTP.get(server.url + "/ping").text == "Ok.\n"


def test_summary_of_a_long_result_counts_up_to_its_headers(server: RunningServer) -> None:
    sql = "SELECT number, sleep(0.2) FROM numbers(800000) SETTINGS max_block_size = 100000, max_threads = 1"
    summary = json.loads(server.post(sql).headers["X-ClickHouse-Summary"])
    assert 0 < int(summary["read_rows"]) <= 800_000
    waited = json.loads(server.post(sql, wait_end_of_query="1").headers["X-ClickHouse-Summary"])
    assert (waited["read_rows"], waited["result_rows"]) == ("800000", "800000")


def test_wait_end_of_query_streams_a_large_result_from_disk(server: RunningServer) -> None:
    answer = server.post("SELECT number FROM numbers(3000000)", wait_end_of_query="1")
    assert answer.content.count(b"\n") == 3_000_000
    assert answer.content.endswith(b"2999999\n")
    assert not list((server.path / ".server" / "spool").iterdir())


def test_buffer_size_decides_whether_a_late_error_has_a_status(server: RunningServer) -> None:
    assert server.post(LATE_ERROR, buffer_size=str(100 << 20)).status_code == 500
    assert server.post("SELECT 1", buffer_size="x").headers["X-ClickHouse-Exception-Code"] == "36"


@pytest.mark.parametrize("query", ["", "compress=1"])
def test_an_error_in_mid_stream_leaves_the_body_without_an_end(server: RunningServer, query: str) -> None:
    answer, _ = raw(server, LATE_ERROR, query)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert not body.endswith(b"0\r\n\r\n"), "as if it were whole"
    if not query:
        assert body.rstrip().endswith(b"__exception__")


def test_json_with_progress_as_the_play_page_asks(server: RunningServer) -> None:
    params = {
        "query": "SELECT number AS n FROM numbers(3)",
        "add_http_cors_header": "1",
        "default_format": "JSONStringsEachRowWithProgress",
        "max_result_rows": "1000",
        "max_result_bytes": "10000000",
        "result_overflow_mode": "break",
        "http_write_exception_in_output_format": "0",
    }
    headers = {"Origin": "https://play.clickhouse.com", "X-ClickHouse-User": "default"}
    response = HTTP.post(server.url, params=params, headers=headers)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    rows = [json.loads(line) for line in response.text.splitlines()]
    assert {"row": {"n": "2"}} in rows
    asked = HTTP.request("OPTIONS", server.url, headers={"Origin": "null", "Access-Control-Request-Method": "POST"})
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Access-Control-Allow-Origin" not in server.post("SELECT 1").headers


def test_time_zone_of_the_session(server: RunningServer) -> None:
    zone = "Asia/Tokyo"
    response = server.post("SELECT toDateTime(0)", session_timezone=zone)
    assert (response.headers["X-ClickHouse-Timezone"], response.text) == (zone, "1970-01-01 09:00:00\n")
    session = uuid.uuid4().hex
    server.text(f"SET session_timezone = '{zone}'", session_id=session)
    later = server.post("SELECT timezone()", session_id=session)
    assert (later.headers["X-ClickHouse-Timezone"], later.text) == (zone, zone + "\n")


def test_roles_of_the_url(server: RunningServer) -> None:
    assert server.post("SELECT currentRoles()", role="reader").text == "['reader']\n"
    assert server.post("CREATE DATABASE not_as_reader", role="reader").status_code == 403
    assert server.post("SELECT 1", role="nobody").headers["X-ClickHouse-Exception-Code"] == "511"
    session = uuid.uuid4().hex
    server.text("SET max_block_size = 100", session_id=session)
    assert server.post("SELECT currentRoles()", session_id=session, role="reader").text == "['reader']\n"
    assert server.post("SELECT currentRoles()", session_id=session).text == "['admin']\n"


def test_small_things_of_the_protocol(server: RunningServer) -> None:
    assert server.post("").headers["X-ClickHouse-Exception-Code"] == "62"
    assert HTTP.head(server.url + "/ping").status_code == 200
    assert HTTP.post(server.url + "/any/path", content="SELECT 1").text == "1\n"
    assert HTTP.post(server.url, params={"client_protocol_version": "54478"}, content="SELECT 1").text == "1\n"
    assert server.post("SELECT 1", quota_key="q", stacktrace="0").text == "1\n"
    session = uuid.uuid4().hex
    server.text("SET max_block_size = 100", session_id=session, close_session="1")
    gone = server.post("SELECT 1", session_id=session, session_check="1")
    assert gone.headers["X-ClickHouse-Exception-Code"] == "372"


STATUS = {
    400: (6, 27, 36, 44, 62, 117, 321),
    403: (497, 516, 512),
    404: (47, 60, 81, 115, 511),
    408: (159,),
    500: (241,),
}


@pytest.mark.parametrize(("status", "code"), [(status, code) for status, codes in STATUS.items() for code in codes])
def test_status_of_each_class_of_error(server: RunningServer, status: int, code: int) -> None:
    """`throwIf` with a code of choice is the shortest way to any error of the engine."""
    sql = f"SELECT throwIf(1, 'x', toInt16({code})) SETTINGS allow_custom_error_code_in_throwif = 1"
    response = server.post(sql)
    assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
