"""Our whole path on an embedded server of its own: bucket file → ``load`` → the staging model's SQL → typed rows."""

from __future__ import annotations

import contextlib
import gc
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from clickhouse_connect.driver.client import Client

from benchmarks.landing.direct import PASS
from benchmarks.landing.measure import Cost, measured
from include.landing import load
from include.landing.bucket import Bucket
from include.settings import Settings
from include.transform import runner
from include.warehouse.client import connect
from include.warehouse.migrate import migrate
from tests.support.engines import clickhouse_server, settings_of

TABLES = ("raw.ad_performance_rows", "ops.file_ledger", "ops.load_coverage", "ops.load_rejects")
STANDING = "staging.int_current_exports"


class Ours:
    """One embedded server, its tables emptied before each load."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client: Client = connect(settings)
        path = str(settings.home / "clickhouse")
        self.server = next(
            p.pid for p in psutil.process_iter(["cmdline"])
            if path in (p.info["cmdline"] or []) and "include.warehouse.embedded" in p.info["cmdline"]
        )  # fmt: skip
        self.dbt = Cost(0, 0, 0)
        self.staging_sql = ""

    @property
    def url(self) -> str:
        """The server with its log-in."""
        return f"http://admin:{self.settings.clickhouse_password.get_secret_value()}@127.0.0.1:{self.settings.clickhouse_port}"

    def prepare(self) -> None:
        """Let dbt make staging and compile its SQL for all dates; note what dbt costs with nothing to do."""
        runner.invoke(self.settings, ["seed"])
        select = ["run", "--select", "+stg_ad_performance", "--full-refresh"]
        with measured(self.server) as cost:
            outcome = runner.invoke(self.settings, select)
        if not outcome.success:
            raise RuntimeError(outcome.error or outcome.nodes)
        self.dbt = cost[0]
        [compiled] = (self.settings.home / "dbt" / "target" / "compiled").rglob("int_current_exports.sql")
        self.staging_sql = compiled.read_text()

    def empty(self) -> None:
        """Forget all loads."""
        for table in (*TABLES, STANDING):
            self.client.command(f"TRUNCATE TABLE {table}")
        shutil.rmtree(self.settings.home / "landing", ignore_errors=True)

    def land(self, source: Path) -> tuple[Cost, Cost, Cost]:
        """Drop a file or a folder of files and load it; cost of landing, of staging, and of a pass over staging."""
        self.empty()
        keys = []
        for path in [source] if source.is_file() else sorted(source.iterdir()):
            key = f"demo/google_ads/{path.name}"
            target = self.settings.home / "landing" / key
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            keys.append(key)
        gc.collect()
        time.sleep(1)  # merges of the load before
        with measured(self.server, only_growth=True) as landing:
            lines = load(keys, "bench", self.client, Bucket(self.settings))
        wrong = [f"{line.status} {line.error}" for line in lines if line.status != "loaded" or line.rows_rejected]
        if wrong:
            raise RuntimeError(wrong[0])
        with measured(self.server, only_growth=True) as staging:
            self.client.command(
                f"INSERT INTO {STANDING} {self.staging_sql}",
                settings={"max_partitions_per_insert_block": 0, "max_query_size": 2**26},
            )
        rows = int(str(self.client.command("SELECT count() FROM staging.stg_ad_performance")))
        if rows != sum(line.rows_loaded for line in lines):
            raise RuntimeError(f"{rows} rows in staging")
        with measured(self.server, only_growth=True) as reading:
            self.client.query(PASS.format(table="staging.stg_ad_performance"))
        return landing[0], staging[0], reading[0]


@contextlib.contextmanager
def ours(home: Path) -> Iterator[Ours]:
    """The server over an empty folder, migrated, staging's table made."""
    settings = settings_of(home)
    with clickhouse_server(settings):
        migrate(connect(settings))
        running = Ours(settings)
        running.prepare()
        yield running
