"""Examine an installation: what is wrong, and how to mend it."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from include.services import postgres, processes
from include.services.airflow_client import AirflowClient, lies_ahead
from include.services.errors import ServiceError
from include.services.programs import programs
from include.services.status import status
from include.services.supervisor import Supervisor
from include.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

LEAST_DISK_GB = 5
LEAST_MEMORY_GB = 3


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``level`` is ok, warning or error; ``remedy`` is what to do."""

    level: str
    what: str
    detail: str
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; a check that breaks is a finding itself."""
    checks: list[Callable[[Settings], Iterator[Finding]]] = [
        _machine, _secrets, _processes, _ports, _postgres, _warehouse, _airflow,
    ]  # fmt: skip
    findings = []
    for check in checks:
        try:
            findings += list(check(settings))
        except Exception as error:
            findings.append(Finding("error", check.__name__.strip("_"), " ".join(str(error).split())[:500]))
    return findings


def _machine(settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Finding(
        "ok" if good else "error", "python", version, "" if good else "make it with Python 3.11, 3.12 or 3.13"
    )
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free / 1e9
    yield Finding(
        "ok" if free >= LEAST_DISK_GB else "warning",
        "disk",
        f"{free:.0f} GB free below {settings.home}",
        "" if free >= LEAST_DISK_GB else "free some, or set INSIGHTFLOW_HOME to another disk",
    )
    import psutil

    memory = psutil.virtual_memory().available / 1e9
    yield Finding(
        "ok" if memory >= LEAST_MEMORY_GB else "warning",
        "memory",
        f"{memory:.1f} GB available",
        "" if memory >= LEAST_MEMORY_GB else "the services need about 3 GB; close something",
    )


def _secrets(settings: Settings) -> Iterator[Finding]:
    path = settings.home / "secrets.json"
    if not path.exists():
        yield Finding("ok", "secrets", "all given by settings")
        return
    mode = path.stat().st_mode & 0o777
    safe = mode & 0o077 == 0
    yield Finding(
        "ok" if safe else "error",
        "secrets",
        f"{path} has mode {mode:04o}",
        # Not to be removed: the engines keep the passwords that are in it.
        ""
        if safe
        else f"chmod 600 {path}; where others use this machine, change the passwords too (docs/runbook.md, Secrets)",
    )


def _processes(settings: Settings) -> Iterator[Finding]:
    supervisor = Supervisor(settings)
    if not supervisor.alive():
        left = processes.of_installation(settings)
        if left:
            names = ", ".join(map(processes.describe, left))
            yield Finding("error", "supervisord", f"does not run, but {names} of it do", "bin/insightflow up")
        else:
            yield Finding("error", "services", "none runs", "bin/insightflow up")
        return
    for row in status(settings):
        if row["state"] == "ready":
            yield Finding("ok", row["service"], f"ready {row['address']} for {row['uptime']}")
        else:
            log = supervisor.log_of(row["service"])
            yield Finding(
                "error", row["service"], f"{row['state']} {row['problem']}", f"bin/insightflow up; its log is {log}"
            )


def _ports(settings: Settings) -> Iterator[Finding]:
    states = Supervisor(settings).states()
    for program in programs(settings):
        if program.port is None or states.get(program.name, {}).get("statename") == "RUNNING":
            continue
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((settings.host, program.port)) == 0:
                who = processes.listener(program.port) or "another program"
                yield Finding(
                    "error",
                    f"port {program.port}",
                    f"{who} uses it, and {program.name} needs it",
                    f"stop it, or set {program.port_setting}",
                )


def _postgres(settings: Settings) -> Iterator[Finding]:
    if problem := postgres.answers(settings, "insightflow"):
        remedy = postgres.password_remedy(settings) if postgres.refuses_password(problem) else "bin/insightflow up"
        yield Finding("error", "PostgreSQL log-in", problem, remedy)
        return
    yield Finding("ok", "PostgreSQL log-in", settings.postgres_url)


def _warehouse(settings: Settings) -> Iterator[Finding]:
    from clickhouse_connect.driver.exceptions import ClickHouseError

    from include.warehouse.client import connect
    from include.warehouse.migrate import MIGRATIONS

    try:
        client = connect(settings)
    except ClickHouseError as error:
        yield _no_warehouse(settings, str(error))
        return
    try:
        version = client.query("SELECT version()").result_rows[0][0]
        yield Finding("ok", "ClickHouse log-in", f"{settings.clickhouse_url}, version {version}")
        rows = client.query("SELECT name FROM ops.schema_migrations").result_rows
        pending = {path.name for path in MIGRATIONS.glob("*.sql")} - {row[0] for row in rows}
        yield Finding(
            "warning" if pending else "ok",
            "warehouse migrations",
            f"pending: {', '.join(sorted(pending))}" if pending else "none pending",
            "bin/insightflow up applies them" if pending else "",
        )
        yield from _reporting_currencies(client)
    finally:
        client.close()


def _no_warehouse(settings: Settings, said: str) -> Finding:
    if "Max retries" not in said:  # it answered, and refused
        return Finding("error", "ClickHouse log-in", " ".join(said.split())[:500])
    # The driver's text is the trace of its tries.
    own = settings.clickhouse_embedded
    remedy = "bin/insightflow up" if own else "start that server, or set INSIGHTFLOW_CLICKHOUSE_URL"
    return Finding("error", "ClickHouse log-in", f"{settings.clickhouse_url} does not answer", remedy)


def _reporting_currencies(client: Client) -> Iterator[Finding]:
    """A workspace that changed its reporting currency has days in the one before, which the API does not add up."""
    if not client.query("EXISTS TABLE marts.mart_platform_daily").result_rows[0][0]:
        return
    rows = client.query(
        "SELECT workspace, arrayStringConcat(arraySort(groupUniqArray(reporting_currency)), ' and ')"
        " FROM marts.mart_platform_daily WHERE reporting_currency != ''"
        " GROUP BY workspace HAVING uniqExact(reporting_currency) > 1 ORDER BY workspace"
    ).result_rows
    for workspace, currencies in rows:
        yield Finding(
            "warning",
            f"currency of {workspace}",
            f"its days are reported in {currencies}: money over both is not shown",
            "the next run computes all days in the one of seeds/workspaces.csv: bin/insightflow run",
        )


def _airflow(settings: Settings) -> Iterator[Finding]:
    try:
        with AirflowClient(settings) as airflow:
            yield Finding("ok", "Airflow log-in", settings.airflow_url)
            broken = airflow.get("/importErrors")["import_errors"]
            for error in broken:
                last = error["stack_trace"].strip().splitlines()[-1]
                yield Finding(
                    "error", f"DAG file {error['filename']}", last, "mend the file; it is read again by itself"
                )
            if not broken:
                dags = airflow.get("/dags", limit=50)["dags"]
                names = [dag["dag_id"] + (" (paused)" if dag["is_paused"] else "") for dag in dags]
                yield Finding("ok", "DAGs", ", ".join(sorted(names)) or "none yet")
            running = airflow.get("/dags/~/dagRuns", state="running", limit=100)["dag_runs"]
            if ahead := [run for run in running if lies_ahead(run)]:
                yield Finding(
                    "warning",
                    "runs ahead of their day",
                    f"{len(ahead)}, the first is {ahead[0]['dag_id']} {ahead[0]['dag_run_id']} for {ahead[0]['logical_date'][:10]}",
                    f"Airflow starts them when the day has come; if nobody meant that, delete them at "
                    f"{settings.public_airflow_url}/dags/{ahead[0]['dag_id']}/runs",
                )
            failed = airflow.get("/dags/~/dagRuns", state="failed", limit=5, order_by="-run_after")
            if failed["total_entries"]:
                newest = failed["dag_runs"][0]
                yield Finding(
                    "warning",
                    "failed runs",
                    f"{failed['total_entries']}, the newest is {newest['dag_id']} {newest['dag_run_id']}",
                    f"read its log at {settings.public_airflow_url}/dags/{newest['dag_id']}/runs/{newest['dag_run_id']}",
                )
    except ServiceError as error:
        yield Finding("error", "Airflow", str(error), "bin/insightflow up")
