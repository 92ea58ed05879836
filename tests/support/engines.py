"""The real engines for tests: the very programs that ``up`` starts, in a folder and on ports of their own."""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from include.insights import upgrade
from include.services import postgres
from include.services.environment import dbt_environment
from include.services.migrations import write_clickhouse_users
from include.services.programs import programs
from include.settings import Settings
from include.transform import manifest, runner
from include.warehouse.client import connect
from include.warehouse.migrate import migrate
from tests.support.processes import free_port, running, wait_for_server

_installations: list[Settings] = []


def settings_of(home: Path) -> Settings:
    """Settings of an installation in a folder of its own, on free ports, with nothing of the user's ``.env``."""
    return Settings(
        _env_file=None,
        environment="development",
        home=home,
        host="127.0.0.1",
        workspace="demo",
        clickhouse_port=free_port(),
        postgres_port=free_port(),
        airflow_port=free_port(),
        api_port=free_port(),
        clickhouse_url="",
        postgres_url="",
        airflow_url="",
        bucket="",
    )


@contextlib.contextmanager
def migrated_postgres(settings: Settings) -> Iterator[Settings]:
    """PostgreSQL running, the application's schema at its newest revision."""
    with postgres_server(settings):
        upgrade(settings)
        yield settings


@contextlib.contextmanager
def migrated_clickhouse(settings: Settings) -> Iterator[Settings]:
    """The embedded ClickHouse running, migrated."""
    with clickhouse_server(settings):
        client = connect(settings)
        migrate(client)
        client.close()
        _take_parsed_project(settings)
        yield settings


@contextlib.contextmanager
def postgres_server(settings: Settings) -> Iterator[None]:
    """Run the embedded PostgreSQL of these settings, its databases made."""
    postgres.prepare(settings)
    with _service(settings, "postgres", signal.SIGINT):  # fast shutdown: does not wait for open connections
        postgres.ensure_databases(settings)
        yield


@contextlib.contextmanager
def clickhouse_server(settings: Settings) -> Iterator[None]:
    """Run the embedded ClickHouse of these settings, with its admin and its reader."""
    (settings.home / "run").mkdir(parents=True, exist_ok=True)
    write_clickhouse_users(settings)
    with _service(settings, "clickhouse", signal.SIGTERM):
        yield


@contextlib.contextmanager
def _service(settings: Settings, name: str, stop: int) -> Iterator[None]:
    program = next(program for program in programs(settings) if program.name == name)
    log = settings.home / "logs" / f"{name}.log"
    with running(program.command, log, env=program.environment, stop=stop) as process:
        wait_for_server(process, log, lambda: not program.problem(), timeout=60)
        yield


def _take_parsed_project(settings: Settings) -> None:
    """dbt parses the project for one installation of a process, seven seconds long; those that differ in nothing but their
    port and log-in have it from there."""
    for other in _installations:
        if _profile(other) == _profile(settings) and _parsed_project(other).exists():
            _parsed_project(settings).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_parsed_project(other), _parsed_project(settings))
            break
    _installations.append(settings)


def _profile(settings: Settings) -> dict[str, str]:
    own = ("INSIGHTFLOW_DBT_PORT", *manifest.NOT_PARSED)
    return {name: value for name, value in dbt_environment(settings).items() if name not in own}


def _parsed_project(settings: Settings) -> Path:
    key = manifest.key(runner.PROJECT, dbt_environment(settings))
    return settings.home / "dbt" / f"manifest-{key}.pickle"
