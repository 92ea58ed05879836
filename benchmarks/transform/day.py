"""What the build of one day costs: by days of history, and by rows a day."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psutil
from clickhouse_connect.driver.client import Client

from benchmarks.landing.measure import Cost, measured
from benchmarks.transform.data import LAST, days, write_day
from include import landing
from include.landing.bucket import Bucket
from include.settings import Settings
from include.transform import LAYERS, build
from include.warehouse.client import connect
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of


@dataclass
class Place:
    """A warehouse with a history of ``count`` days of ``rows`` rows each, built to the end."""

    settings: Settings
    client: Client
    folder: Path
    rows: int
    count: int

    @property
    def server(self) -> int:
        """Process id of the engine."""
        path = str(self.settings.home / "clickhouse")
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if path in words and "include.warehouse.embedded" in words:
                return int(process.pid)
        raise LookupError("the server does not run")

    def load(self) -> None:
        """Land what is new."""
        bucket = Bucket(self.settings)
        lines = landing.load(landing.discover(self.client, bucket), "bench", self.client, bucket)
        assert {line.status for line in lines} == {"loaded"}, [line.error for line in lines][:3]

    def build(self, layer: str, dates: list[date], *, tests: bool = True, full_refresh: bool = False) -> Cost:
        """Build a layer; what it cost in this process and the server's."""
        with measured(self.server) as cost:
            build(layer, dates, "bench", full_refresh, self.settings, tests=tests)
        return cost[0]


@contextmanager
def place(rows: int, count: int) -> Iterator[Place]:
    """Make one in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="insightflow-bench-") as home:
        settings = settings_of(Path(home))
        with migrated_postgres(settings), migrated_clickhouse(settings):
            client = connect(settings)
            folder = settings.home / "landing" / "bench" / "generic"
            for day in days(count):
                write_day(folder, day, rows)
            made = Place(settings, client, folder, rows, count)
            made.load()
            for layer in LAYERS:
                build(layer, days(count), "history", settings=settings, tests=False)
            yield made
            client.close()


def one_day(made: Place, day: date = LAST) -> dict[str, Cost]:
    """A restated day: landed (not counted), then every layer with its data tests; cost by layer."""
    write_day(made.folder, day, made.rows, version=1)
    made.load()
    return {layer: made.build(layer, [day]) for layer in LAYERS}
