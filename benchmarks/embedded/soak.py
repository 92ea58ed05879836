"""Soak test with faults: `python -m benchmarks.embedded.soak --minutes 5`.

Writers, readers, a rebuilder of partitions and clients that leave or are killed work on one server, which is killed
(`kill -9`) or stopped (SIGTERM) and started again all the time. A model in this process knows every batch of rows and
what became of it: acknowledged (must be there), cut off or refused (must not be there), or unknown because the client
or the server went away (whole or not at all). At the end the tables must be what the model says, and nothing else.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import clickhouse_connect
import httpx

from benchmarks.embedded import clients
from benchmarks.embedded.inserts import WAYS
from benchmarks.embedded.server import Server

REBUILT_ROWS = 2000
LONG = "SELECT number, toString(number) FROM numbers(100000000000)"
HEAVY = "SELECT count() FROM numbers(100000000000) WHERE cityHash64(number) % 7 = 3"
UNEVEN = "SELECT count() FROM (SELECT count() AS c, any(size) AS s FROM soak.rows GROUP BY writer, batch HAVING c != s)"


@dataclass
class Report:
    """What was done, and what was wrong; `problems` is empty after a good run."""

    done: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The report as text."""
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self.done.items()))
        start = f"slowest start {max(self.starts):.1f} s" if self.starts else ""
        return [counts, start, *(f"PROBLEM {problem}" for problem in self.problems)]


class Soak:
    """One run: a server, a model, and the threads that work on them."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.server = Server(folder / "data", folder / "files", "--workers", "8")
        self.report = Report()
        self.generation = 0  # odd while the server is down or going down
        self.numbers = itertools.count(1)
        # The engine commits the new parts before it covers the old ones: a kill in between shows both until the retry.
        self.interrupted = False
        self.stopping = threading.Event()
        self.expected: dict[tuple[int, int], tuple[int, str]] = {}  # (writer, batch) -> size, "all" | "none" | "either"

    def run(self, seconds: float, writers: int = 4, readers: int = 4, fault_every: float = 8) -> Report:
        """Work for a time, then compare the tables with the model."""
        self._prepare()
        # Ignored: mypy infers no lambda with a default.
        jobs: list[Callable[[], None]] = [lambda number=w: self._write(number) for w in range(writers)]
        # Ignored: mypy infers no lambda with a default.
        jobs += [lambda number=r: self._read(number) for r in range(readers)]
        jobs += [self._rebuild, self._leave, self._sessions]
        threads = [threading.Thread(target=self._guarded, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not self.report.problems:
            if not self.stopping.wait(min(left, fault_every * (0.5 + self.random.random()))) and left > 3:
                self._fault()
        self.stopping.set()
        for thread in threads:
            thread.join(60)
            if thread.is_alive():
                self.report.problems.append("a client hangs")
        self._check()
        self.server.stop(signal.SIGTERM)
        return self.report

    def _prepare(self) -> None:
        self.server.text("CREATE DATABASE soak")
        columns = "writer UInt16, batch UInt32, n UInt32, size UInt32, payload String"
        self.server.text(f"CREATE TABLE soak.rows ({columns}) ENGINE = MergeTree ORDER BY (writer, batch, n)")
        rebuilt = "(version UInt32, day UInt8, n UInt32) ENGINE = MergeTree PARTITION BY day ORDER BY n"
        self.server.text(f"CREATE TABLE soak.rebuilt {rebuilt}")

    def _guarded(self, job: Callable[[], None]) -> None:
        """Repeat a job until the end; an error counts unless the server was down at some point of it."""
        while not self.stopping.is_set():
            before = self.generation
            try:
                job()
            except Exception:
                if before == self.generation and before % 2 == 0:
                    self.report.problems.append(traceback.format_exc(limit=4))
                    return
                self.stopping.wait(0.1)

    def _fault(self) -> None:
        kill = self.random.random() < 0.7
        self.generation += 1
        self.server.stop(signal.SIGKILL if kill else signal.SIGTERM)
        started = time.monotonic()
        self.server.start()
        self.report.starts.append(time.monotonic() - started)
        self.report.done["kill -9" if kill else "SIGTERM"] += 1
        self.generation += 1

    # Writers

    def _write(self, writer: int) -> None:
        batch = next(self.numbers)
        size = self.random.choice([1, 10, 100, 1000, 20_000])
        way = self.random.choice(list(WAYS))
        key, before = (writer, batch), self.generation
        self.expected[key] = (size, "either")
        try:
            outcome = WAYS[way](self.server, writer, batch, size)
        except Exception:
            if before == self.generation and before % 2 == 0:
                raise
            self.stopping.wait(0.1)
            return
        finally:
            self.report.done[f"insert {way}"] += 1
        self.expected[key] = (size, outcome)

    def _rebuild(self) -> None:
        """Replace a partition by a new version of it; readers see the one or the other, whole."""
        version = self.random.randrange(1 << 30)
        server = self.server
        server.text(f"CREATE OR REPLACE TABLE soak.aside_{version % 3} AS soak.rebuilt")
        rows = f"SELECT {version}, 1, number FROM numbers({REBUILT_ROWS})"
        server.text(f"INSERT INTO soak.aside_{version % 3} {rows}")
        try:
            server.text(f"ALTER TABLE soak.rebuilt REPLACE PARTITION 1 FROM soak.aside_{version % 3}")
        except httpx.HTTPError:
            self.interrupted = True
            raise
        self.interrupted = False
        self.report.done["partition replaced"] += 1

    # Readers, and clients that go away

    def _read(self, number: int) -> None:
        if number % 4 == 0:
            assert self.server.text(UNEVEN) == "0", "a batch is there in part"
            versions = self.server.text("SELECT uniqExact(version), count() FROM soak.rebuilt")
            if versions == f"2\t{2 * REBUILT_ROWS}" and self.interrupted:
                self.report.done["both versions seen after a kill in the middle of REPLACE PARTITION"] += 1
            else:
                assert versions in ("0\t0", f"1\t{REBUILT_ROWS}"), f"a partition is there in part: {versions}"
        elif number % 4 == 1:
            with clickhouse_connect.get_client(host="127.0.0.1", port=self.server.port) as client:
                rows = client.query("SELECT number, toString(number) FROM numbers(300000)").result_rows
                assert rows[-1] == (299_999, "299999")
        elif number % 4 == 2:
            length = self.random.randrange(1, 3_000_000)
            answer = self.server.post(f"SELECT number FROM numbers({length})", enable_http_compression="1")
            assert answer.content.count(b"\n") == length, (answer.status_code, length)
        else:
            sql = self.random.choice(
                [
                    "SELECT sum(length(payload)), max(n) FROM soak.rows",
                    "SELECT writer, count() FROM soak.rows GROUP BY writer ORDER BY writer FORMAT JSON",
                    "SELECT * FROM soak.rows ORDER BY cityHash64(n, batch) LIMIT 1000 FORMAT Native",
                ]
            )
            answer = self.server.post(sql)
            assert answer.status_code == 200, answer.text
        self.report.done["read"] += 1

    def _leave(self) -> None:
        """Start queries and leave them, kill them, or let them run out of time."""
        port, choice = self.server.port, self.random.random()
        if choice < 0.5:
            clients.read_and_leave(port, LONG, self.random.randrange(1, 4_000_000))
        elif choice < 0.7:
            clients.read_and_leave(port, HEAVY, 0)
        elif choice < 0.85:
            answer = self.server.post(HEAVY, max_execution_time="1", max_threads="1")
            assert answer.headers["X-ClickHouse-Exception-Code"] == "159", answer.text
        else:
            name = f"victim-{self.random.randrange(1 << 30)}"
            killer = threading.Timer(0.3, lambda: self._kill(name))
            killer.start()
            answer = self.server.post(HEAVY, query_id=name, max_execution_time="20", max_threads="1")
            killer.join()
            assert answer.headers["X-ClickHouse-Exception-Code"] == "394", answer.text
        self.report.done["query left, killed or timed out"] += 1

    def _kill(self, query_id: str) -> None:
        try:
            self.server.text(f"KILL QUERY WHERE query_id = '{query_id}'")
        except (httpx.HTTPError, AssertionError):
            return  # the server went down meanwhile: its query fails as well, and says so

    def _sessions(self) -> None:
        session = {"session_id": f"s{self.random.randrange(1 << 30)}", "session_timeout": "5"}
        self.server.text("CREATE TEMPORARY TABLE mine (a UInt32)", **session)
        for _ in range(5):
            self.server.text("INSERT INTO mine SELECT number FROM numbers(10)", **session)
        assert self.server.text("SELECT count() FROM mine", **session) == "50"
        self.report.done["session"] += 1

    # The end

    def _check(self) -> None:
        found = {}
        for line in self.server.text("SELECT writer, batch, count(), uniqExact(n) FROM soak.rows GROUP BY 1, 2").split(
            "\n"
        ):
            if line:
                writer, batch, count, distinct = map(int, line.split("\t"))
                found[writer, batch] = (count, distinct)
        for key, (size, outcome) in self.expected.items():
            count, distinct = found.pop(key, (0, 0))
            allowed = {"all": {size}, "none": {0}, "either": {0, size}}[outcome]
            if count not in allowed or count != distinct:
                self.report.problems.append(
                    f"batch {key}: {count} rows, {distinct} distinct, expected {outcome} of {size}"
                )
            self.report.done[f"batches {outcome}"] += 1
        if found:
            self.report.problems.append(f"rows that nobody wrote: {found}")
        for table in ("rows", "rebuilt"):
            if "0" in self.server.text(f"CHECK TABLE soak.{table}").split():
                self.report.problems.append(f"{table} has broken parts")
        broken = self.server.text("SELECT count() FROM system.detached_parts WHERE reason LIKE 'broken%'")
        if broken != "0":
            self.report.problems.append(f"{broken} broken parts were put aside")
        if list((self.server.path / ".server" / "spool").iterdir()):
            self.report.problems.append("a spooled body was left behind")
        self.report.done["open files at the end"] = len(list(Path(f"/proc/{self.server.process.pid}/fd").iterdir()))


def main() -> int:
    """Run for some minutes in a temporary folder; exit code 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.disable(logging.ERROR)  # clickhouse-connect logs every connection that a kill breaks
    with tempfile.TemporaryDirectory() as folder:
        report = Soak(Path(folder), arguments.seed).run(arguments.minutes * 60)
    print("\n".join(report.lines()))
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
