"""For fault tests: a server that is killed and starts again, and exports of several forms to load meanwhile."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
from clickhouse_connect.driver.client import Client

from include.settings import Settings
from include.warehouse.client import connect
from tests.support.engines import clickhouse_server, settings_of
from tests.support.processes import wait_until

HEADER = "date,account_id,campaign_id,campaign_name,impressions,clicks,cost\n"


class Server:
    """An embedded ClickHouse that can be killed and started again over the same data."""

    def __init__(self, home: Path, data: Path | None = None) -> None:
        self.settings = settings_of(home)
        self.data = data
        self._stack = contextlib.ExitStack()
        if data:
            (home / "clickhouse").symlink_to(data, target_is_directory=True)

    def start(self) -> None:
        self._stack.enter_context(clickhouse_server(self.settings))

    def stop(self) -> None:
        self._stack.close()

    @property
    def pid(self) -> int:
        path = str(self.settings.home / "clickhouse")
        for process in psutil.process_iter(["cmdline"]):
            if path in (process.info["cmdline"] or []) and "include.warehouse.embedded" in process.info["cmdline"]:
                return process.pid
        raise LookupError("the server does not run")

    def start_again_if_killed(self) -> None:
        """A killed server takes a moment to go, in which it still looks like one that runs, but does not answer."""
        wait_until(lambda: self._is_gone() or self._answers(), 30, "the server is gone or answers")
        if self._is_gone():
            self.stop()
            self.start()

    def _is_gone(self) -> bool:
        with contextlib.suppress(LookupError, psutil.NoSuchProcess):
            return psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE
        return True

    def _answers(self) -> bool:
        self.client().close()  # connecting asks the server for its settings
        return True

    def client(self) -> Client:
        return connect(self.settings)


def random_rows(seed: int, count: int, bad: bool = False) -> Iterator[str]:
    """Lines of a table of ``HEADER``; with ``bad``, one of a hundred has a cost that is no number."""
    rng = random.Random(seed)
    for number in range(count):
        cost = "n/k" if bad and number % 100 == 7 else f"{rng.randrange(10**6) / 100}"
        day = f"2025-{number % 3 + 1:02d}-{number % 28 + 1:02d}"
        yield f"{day},a{number % 3},{seed}{number},Campaign {number % 50},{rng.randrange(10**5)},{rng.randrange(99)},{cost}"


def files() -> dict[str, bytes]:
    """Exports of several forms: a large one with bad rows, many small ones, parts of one export, packed JSON, a refused one."""
    made = {"generic/large.csv": HEADER + "\n".join(random_rows(1, 20_000, bad=True)) + "\n"}
    made |= {f"generic/small{n}.csv": HEADER + "\n".join(random_rows(100 + n, 50)) + "\n" for n in range(12)}
    made |= {f"generic/batch/part-{n}.csv": HEADER + "\n".join(random_rows(200 + n, 500)) + "\n" for n in range(2)}
    made |= {"generic/cut.csv": HEADER + "2025-01-01,a,1,x,1,1,1\n2025-01-01,a,2"}
    keys = HEADER.strip().split(",")
    records = [json.dumps(dict(zip(keys, row.split(","), strict=True))) for row in random_rows(300, 5_000)]
    return {name: text.encode() for name, text in made.items()} | {
        "generic/rows.ndjson.gz": gzip.compress("\n".join(records).encode(), 1, mtime=0),
        "generic/german.csv": made["generic/small0.csv"].replace("Campaign", "Kampagne ü").encode("utf-16"),
    }


def drop(settings: Settings, content: dict[str, bytes]) -> str:
    """Put the files into a new workspace, all with one time of change."""
    workspace = f"f{uuid.uuid4().hex[:10]}"
    for name, data in content.items():
        path = settings.home / "landing" / workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (1_750_000_000, 1_750_000_000))
    return workspace
