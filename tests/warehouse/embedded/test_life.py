"""The server's life: cancels, limits, kills, restarts."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.warehouse.embedded.conftest import HTTP, RunningServer, command, wait_until

HEAVY = "SELECT count() FROM numbers(100000000000) WHERE cityHash64(number) % 7 = 3"
LONG_RESULT = "SELECT number, toString(number) FROM numbers(100000000000)"


def runs(server: RunningServer, text: str) -> bool:
    """Say whether a query with this text is running."""
    return (
        server.text(f"SELECT count() FROM system.processes WHERE query LIKE '%{text}%' AND query NOT LIKE '%LIKE%'")
        != "0"
    )


def send(server: RunningServer, path: str, headers: str, body: bytes = b"") -> socket.socket:
    """Open a connection and send a raw POST on it."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode() + body)
    return connection


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("rows", [10, 800_000])
def test_a_body_cut_off_by_the_client_inserts_nothing(server: RunningServer, chunked: bool, rows: int) -> None:
    server.text("CREATE DATABASE IF NOT EXISTS life")
    server.text("CREATE OR REPLACE TABLE life.cut (a Int32) ENGINE = MergeTree ORDER BY a")
    body = b"INSERT INTO life.cut FORMAT TSV\n" + b"1\n" * rows
    if chunked:
        body = f"{len(body):x}\r\n".encode() + body + b"\r\n"
        connection = send(server, "/", "Transfer-Encoding: chunked\r\n", body)
    else:
        connection = send(server, "/", f"Content-Length: {len(body) + 2}\r\n", body)
    spool = server.path / ".server" / "spool"
    wait_until(lambda: rows == 10 or any(spool.iterdir()))
    connection.close()
    wait_until(lambda: not any(spool.iterdir()))
    time.sleep(0.2)
    assert server.text("SELECT count() FROM life.cut") == "0"


@pytest.mark.parametrize("sql", [HEAVY, LONG_RESULT])
def test_a_client_that_goes_away_cancels_its_query(server: RunningServer, sql: str) -> None:
    marker = uuid.uuid4().hex
    body = f"{sql} /* */ SETTINGS log_comment = '{marker}'".encode()
    connection = send(server, "/", f"Content-Length: {len(body)}\r\n", body)
    wait_until(lambda: runs(server, marker))
    connection.close()
    wait_until(lambda: not runs(server, marker))


def test_kill_query_by_the_clients_query_id(server: RunningServer) -> None:
    query_id = uuid.uuid4().hex
    with ThreadPoolExecutor(1) as pool:
        victim = pool.submit(server.post, HEAVY, query_id=query_id)
        wait_until(lambda: server.running() > 0)
        assert server.post("SELECT 1", query_id=query_id).headers["X-ClickHouse-Exception-Code"] == "216"
        assert query_id not in server.text(f"KILL QUERY WHERE query_id = 'not-{query_id}'")
        server.text(f"KILL QUERY WHERE query_id = '{query_id}' SYNC")
        assert victim.result(10).headers["X-ClickHouse-Exception-Code"] == "394"


def test_max_execution_time(server: RunningServer) -> None:
    assert server.post(HEAVY, max_execution_time="1").headers["X-ClickHouse-Exception-Code"] == "159"


def test_small_queries_answer_while_heavy_ones_run(server: RunningServer) -> None:
    with ThreadPoolExecutor(2) as pool:
        heavy = [pool.submit(server.post, HEAVY, max_execution_time="3") for _ in range(2)]
        wait_until(lambda: server.running() == 2)
        started = time.monotonic()
        for _ in range(5):
            assert server.text("SELECT 1") == "1"
            assert HTTP.get(server.url + "/ping").text == "Ok.\n"
        assert time.monotonic() - started < 2.5
        assert [query.result().status_code for query in heavy] == [408, 408]


def test_more_clients_than_workers_wait_and_kill_works_when_all_are_busy(server: RunningServer) -> None:
    with ThreadPoolExecutor(12) as pool:
        tag = uuid.uuid4().hex
        queries = [pool.submit(server.post, HEAVY, query_id=f"{tag}-{i}", max_threads="1") for i in range(8)]
        time.sleep(0.5)
        waiting = pool.submit(server.text, "SELECT 5")
        time.sleep(0.3)
        assert not waiting.done(), "all 8 workers are busy"
        for i in range(8):
            server.text(f"KILL QUERY WHERE query_id = '{tag}-{i}' ASYNC")
        assert waiting.result(10) == "5"
        assert {query.result(10).headers["X-ClickHouse-Exception-Code"] for query in queries} == {"394"}


def test_a_session_runs_one_query_at_a_time(server: RunningServer) -> None:
    with ThreadPoolExecutor(1) as pool:
        session = uuid.uuid4().hex
        busy = pool.submit(server.post, "SELECT sleep(1)", session_id=session)
        time.sleep(0.4)
        assert server.post("SELECT 1", session_id=session).headers["X-ClickHouse-Exception-Code"] == "373"
        assert busy.result().status_code == 200
        assert server.text("SELECT 1", session_id=session) == "1"


def test_a_wild_query_fails_and_the_server_lives(server: RunningServer) -> None:
    sql = "SELECT length(groupArray(concat(repeat('x', 1000000), toString(number)))) FROM numbers(100000)"
    assert server.post(sql).headers["X-ClickHouse-Exception-Code"] == "241"
    assert server.post("SELECT 1", max_memory_usage="0").headers["X-ClickHouse-Exception-Code"] == "452"
    assert server.text("SELECT 1") == "1"


def test_kill_minus_9_keeps_acknowledged_rows_functions_and_tables(
    make_server: Callable[..., RunningServer],
) -> None:
    server = make_server()
    server.text("CREATE DATABASE raw")
    server.text("CREATE TABLE raw.t (a Int64) ENGINE = MergeTree ORDER BY a")
    server.text("CREATE FUNCTION times_two AS (x) -> x * 2")
    acknowledged: list[int] = []

    def insert_for_ever() -> None:
        for number in range(100_000):
            try:
                response = server.post("INSERT INTO raw.t FORMAT TSV", f"{number}\n".encode())
            except httpx.HTTPError:
                return
            if response.status_code == 200:
                acknowledged.append(number)

    writer = threading.Thread(target=insert_for_ever)
    writer.start()
    wait_until(lambda: len(acknowledged) > 50, 20)
    server.stop(signal.SIGKILL)
    writer.join()
    server.start()
    found = {int(line) for line in server.text("SELECT a FROM raw.t").split()}
    assert set(acknowledged) <= found
    assert len(found) <= len(acknowledged) + 1, "at most the one that was under way"
    assert server.text("SELECT times_two(21)") == "42"
    assert server.text("SELECT count() = uniqExact(a) FROM raw.t") == "1"


def test_a_second_process_on_the_folder_is_refused(server: RunningServer) -> None:
    start = command(server.path, server.user_files)
    done = subprocess.run(start, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert "in use by another server" in done.stderr


def test_a_port_in_use_is_refused(server: RunningServer, tmp_path: object) -> None:
    start = command(tmp_path / "data", tmp_path / "files", port=server.port)  # type: ignore[operator]
    done = subprocess.run(start, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 4
    assert "Cannot listen" in done.stderr


def test_sigterm_lets_running_queries_finish(make_server: Callable[..., RunningServer]) -> None:
    server = make_server()
    server.text("CREATE DATABASE raw")
    server.text("CREATE TABLE raw.t (a Int64) ENGINE = MergeTree ORDER BY a")
    with ThreadPoolExecutor(1) as pool:
        slow = "INSERT INTO raw.t SELECT number + sleepEachRow(0.5) FROM numbers(4) SETTINGS max_block_size = 1"
        running = pool.submit(server.post, slow)
        wait_until(lambda: server.running() > 0)
        assert server.stop() == 0
        assert running.result().status_code == 200
    server.start()
    assert server.text("SELECT count() FROM raw.t") == "4"
    assert server.stop() == 0


def test_summary_of_insert_select(server: RunningServer) -> None:
    server.text("CREATE DATABASE IF NOT EXISTS life")
    server.text("CREATE OR REPLACE TABLE life.s (a Int32) ENGINE = MergeTree ORDER BY a")
    response = server.post("INSERT INTO life.s SELECT number FROM numbers(1000)")
    summary = json.loads(response.headers["X-ClickHouse-Summary"])
    assert (summary["read_rows"], summary["written_rows"]) == ("1000", "1000")


def test_a_client_that_does_not_read_is_let_go(server: RunningServer) -> None:
    marker = uuid.uuid4().hex
    body = f"{LONG_RESULT} /* */ SETTINGS log_comment = '{marker}'".encode()
    connection = send(server, "/?http_send_timeout=1", f"Content-Length: {len(body)}\r\n", body)
    wait_until(lambda: runs(server, marker))
    wait_until(lambda: not runs(server, marker))
    connection.close()


def test_an_idle_session_expires(server: RunningServer) -> None:
    session = {"session_id": uuid.uuid4().hex, "session_timeout": "1"}
    server.text("CREATE TEMPORARY TABLE mine (a Int32)", **session)
    check = session | {"session_check": "1"}

    def gone() -> bool:
        time.sleep(1.5)  # asking keeps it alive
        return server.post("SELECT 1", **check).headers.get("X-ClickHouse-Exception-Code") == "372"

    wait_until(gone)


def test_sigterm_cancels_what_does_not_finish(make_server: Callable[..., RunningServer]) -> None:
    server = make_server("--shutdown-seconds", "1")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.post, HEAVY)
        wait_until(lambda: server.running() > 0)
        started = time.monotonic()
        assert server.stop() == 0
        assert running.result().headers["X-ClickHouse-Exception-Code"] == "394"
        assert time.monotonic() - started < 10
