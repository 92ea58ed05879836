"""Many clients at once: 32 readers while 8 threads do what dbt does, and a heavy query runs."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from tests.warehouse.embedded.conftest import RunningServer
from tests.warehouse.embedded.test_life import HEAVY

SECONDS = 5.0


def test_readers_builders_and_a_heavy_query(server: RunningServer) -> None:
    server.text("CREATE DATABASE IF NOT EXISTS many")
    for number in range(8):
        server.text(f"CREATE OR REPLACE TABLE many.t{number} (v UInt32, n UInt32) ENGINE = MergeTree ORDER BY n")
        server.text(f"INSERT INTO many.t{number} SELECT 0, number FROM numbers(1000)")
    end = time.monotonic() + SECONDS

    def build(number: int) -> int:
        """Build aside and exchange, as dbt does for a table."""
        version = 0
        with server.client() as client:
            while time.monotonic() < end:
                version += 1
                client.command(f"CREATE OR REPLACE TABLE many.aside{number} AS many.t{number}")
                client.command(f"INSERT INTO many.aside{number} SELECT {version}, number FROM numbers(1000)")
                client.command(f"EXCHANGE TABLES many.aside{number} AND many.t{number}")
        return version

    def read(number: int) -> int:
        count = 0
        with server.client() as client:
            client.command(f"SET max_block_size = {number + 1000}")
            while time.monotonic() < end:
                rows = client.query(f"SELECT count(), uniqExact(v) FROM many.t{number % 8}").result_rows
                assert rows == [(1000, 1)], rows
                assert client.command("SELECT getSetting('max_block_size')") == number + 1000, "a session was lost"
                count += 1
        return count

    heavy_id = uuid.uuid4().hex
    heavy = threading.Thread(
        target=server.post, args=(HEAVY,), kwargs={"query_id": heavy_id, "max_execution_time": "20"}
    )
    heavy.start()
    with ThreadPoolExecutor(40) as pool:
        builds = [pool.submit(build, number) for number in range(8)]
        reads = [pool.submit(read, number) for number in range(32)]
        assert min(work.result(60) for work in builds) > 0
        assert min(work.result(60) for work in reads) > 0
    server.text(f"KILL QUERY WHERE query_id = '{heavy_id}' SYNC")
    heavy.join()
    assert server.text("SELECT 1") == "1"
