"""The query log and the process list carry the client's query id and user, and the text that the client wrote."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.warehouse.embedded.conftest import RunningServer, wait_until
from tests.warehouse.embedded.test_life import HEAVY


def logged(server: RunningServer, query_id: str, what: str) -> list[str]:
    """Read the finished query with this id from the log."""
    server.text("SYSTEM FLUSH LOGS")
    where = f"query_id = '{query_id}' AND type != 'QueryStart'"
    return server.text(f"SELECT {what} FROM system.query_log WHERE {where} FORMAT TSVRaw").split("\t")


def test_select_insert_and_error_are_logged_with_the_clients_id(server: RunningServer) -> None:
    server.text("CREATE DATABASE IF NOT EXISTS logs")
    server.text("CREATE OR REPLACE TABLE logs.t (a Int32) ENGINE = MergeTree ORDER BY a")
    ids = [uuid.uuid4().hex for _ in range(3)]
    server.post("SELECT count() FROM logs.t FORMAT CSV", query_id=ids[0], log_comment="mine")
    server.post("INSERT INTO logs.t FORMAT TSV", b"1\n2\n", query_id=ids[1])
    server.post("SELECT throwIf(1)", query_id=ids[2])
    assert logged(server, ids[0], "type, query, user, log_comment") == [
        "QueryFinish",
        "SELECT count() FROM logs.t",
        "default",
        "mine",
    ]
    assert logged(server, ids[1], "query_kind, written_rows, query") == ["Insert", "2", "INSERT INTO logs.t FORMAT TSV"]
    assert logged(server, ids[2], "type, exception_code") == ["ExceptionWhileProcessing", "395"]
    assert server.text(f"SELECT count() FROM system.query_log WHERE query_id = '{ids[0]}'") == "2"
    assert server.text("SELECT count() FROM system.query_log WHERE query LIKE 'SET %chdb_client_name%'") == "0"


@pytest.mark.parametrize(
    "listing",
    [
        "SELECT query_id, user, query FROM system.processes",
        "SELECT p.query_id, p.query FROM `system`.processes AS p WHERE elapsed >= 0 FORMAT JSONEachRow",
        "SHOW PROCESSLIST",
        "show processlist FORMAT JSON",
    ],
)
def test_process_list_shows_the_clients_id(server: RunningServer, listing: str) -> None:
    query_id = uuid.uuid4().hex
    with ThreadPoolExecutor(1) as pool:
        victim = pool.submit(server.post, HEAVY, query_id=query_id)
        wait_until(lambda: server.running() > 0)
        seen = server.text(listing)
        assert query_id in seen
        assert "OUTFILE" not in seen
        server.text(f"KILL QUERY WHERE query_id = '{query_id}'")
        assert victim.result(10).headers["X-ClickHouse-Exception-Code"] == "394"


def test_the_log_outlives_a_restart(make_server: Callable[..., RunningServer]) -> None:
    server = make_server()
    server.text("CREATE TABLE kept (a Int32) ENGINE = MergeTree ORDER BY a")
    server.text("INSERT INTO kept VALUES (1)", query_id="before")
    server.text("SYSTEM FLUSH LOGS")
    for number in (15, 9):
        server.stop(number)
        server.start()
        assert logged(server, "before", "type, written_rows") == ["QueryFinish", "1"]
        assert server.text("SELECT a FROM default.kept") == "1"
