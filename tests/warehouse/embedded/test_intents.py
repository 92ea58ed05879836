"""Replacing partitions over `kill -9`: readers see a partition before or after, never both."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import pytest
from clickhouse_connect.driver.exceptions import Error

from include.warehouse.embedded import intents
from tests.warehouse.embedded.conftest import RunningServer

DAYS = 24
REPLACE = "ALTER TABLE t " + ", ".join(f"REPLACE PARTITION ID '{day}' FROM {{source}}" for day in range(DAYS))


def test_a_replacement_is_told_from_other_statements() -> None:
    assert intents.replaces_partition(b'/* {"app": "dbt"} */ alter table `a`.`b` replace partition id \'1\' from c')
    assert not intents.replaces_partition(b"ALTER TABLE t DROP PARTITION 1")
    assert not intents.replaces_partition(b"SELECT 'ALTER TABLE t REPLACE PARTITION 1 FROM s'")
    assert not intents.replaces_partition(b"ALTER TABLE t UPDATE x = 'REPLACE PARTITION' WHERE 1")


@pytest.mark.integration
def test_what_was_cut_off_is_finished_at_the_next_start(make_server: Callable[..., RunningServer]) -> None:
    server = make_server()
    for name, value in (("t", 1), ("s", 2)):
        server.text(f"CREATE TABLE {name} (day UInt8, version UInt8) ENGINE = MergeTree PARTITION BY day ORDER BY day")
        server.text(f"INSERT INTO {name} SELECT 7, {value} FROM numbers(3)")
    server.text("ALTER TABLE t ATTACH PARTITION ID '7' FROM s")  # as a kill leaves it: both versions
    server.stop(signal.SIGKILL)
    intents.write(
        server.path / ".server" / "intents", "q", b"ALTER TABLE t REPLACE PARTITION ID '7' FROM s", "default", {}
    )
    server = make_server()
    assert server.text("SELECT version, count() FROM t GROUP BY version") == "2\t3"
    assert list((server.path / ".server" / "intents").iterdir()) == []


@pytest.mark.integration
def test_a_statement_whose_source_is_gone_does_not_keep_the_server_down(
    make_server: Callable[..., RunningServer],
) -> None:
    server = make_server()
    server.stop(signal.SIGKILL)
    intents.write(server.path / ".server" / "intents", "q", b"ALTER TABLE t REPLACE PARTITION ID '7' FROM s", "", {})
    assert make_server().text("SELECT 1") == "1"


@pytest.mark.integration
def test_killed_while_it_replaces_partitions(make_server: Callable[..., RunningServer]) -> None:
    server = make_server()
    for name in ("t", "s0", "s1"):
        server.text(f"CREATE TABLE {name} (day UInt8, version UInt8) ENGINE = MergeTree PARTITION BY day ORDER BY day")
    for version in (0, 1):
        server.text(f"INSERT INTO s{version} SELECT number % {DAYS}, {version} FROM numbers({DAYS * 10})")
    server.text(REPLACE.format(source="s0"))
    for wait in (0.15, 0.23, 0.31):
        stop = threading.Event()

        def replace(server: RunningServer = server, stop: threading.Event = stop) -> None:
            client = server.client()
            version = 0
            while not stop.is_set():
                version = 1 - version
                try:
                    client.command(REPLACE.format(source=f"s{version}"))
                except (Error, OSError):
                    return

        worker = threading.Thread(target=replace)
        worker.start()
        time.sleep(wait)
        server.stop(signal.SIGKILL)
        stop.set()
        worker.join(10)
        server = make_server()
        wrong = server.text(
            "SELECT day, count(), uniq(version) AS v FROM t GROUP BY day HAVING count() != 10 OR v != 1"
        )
        assert wrong == ""
        assert server.text("SELECT uniq(day) FROM t") == f"{DAYS}"
