"""The programs of an embedded installation, in the order in which they start."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from include.services import environment, postgres
from include.settings import REPO, Settings

# Seconds that an idle connection is kept: longer than the minute of proxies and browsers, which are else cut off while
# they send the next request.
API_KEEP_ALIVE = 75


@dataclass(frozen=True)
class Program:
    """One process under supervisord.

    ``problem`` is empty when the service answers, else it says what is missing. ``port`` is None for a program
    that listens to nothing, and ``port_setting`` is the variable to set when that port is taken.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    problem: Callable[[], str]
    address: str = ""
    port: int | None = None
    port_setting: str = ""
    stop_signal: str = "TERM"
    stop_seconds: int = 20
    needs: tuple[str, ...] = field(default=())


def programs(settings: Settings) -> list[Program]:
    """What ``up`` starts: embedded engines only where no URL of another server is set, then Airflow, then the API."""
    listed = []
    if settings.postgres_embedded:
        listed.append(_postgres(settings))
    if settings.clickhouse_embedded:
        listed.append(_clickhouse(settings))
    return [*listed, *_airflow(settings), _api(settings)]


def _postgres(settings: Settings) -> Program:
    return Program(
        name="postgres",
        command=postgres.command(settings),
        environment=environment.base_environment(settings),
        problem=lambda: postgres.answers(settings),
        address=f"{settings.host}:{settings.postgres_port}",
        port=settings.postgres_port,
        port_setting="INSIGHTFLOW_POSTGRES_PORT",
        stop_signal="INT",  # fast shutdown: ends sessions, writes everything
        stop_seconds=30,
    )


def _clickhouse(settings: Settings) -> Program:
    arguments = {
        "--host": settings.host,
        "--port": str(settings.clickhouse_port),
        "--path": str(settings.home / "clickhouse"),
        "--user-files": str(settings.home),
        "--users-file": str(clickhouse_users_file(settings)),
    }
    return Program(
        name="clickhouse",
        command=[sys.executable, "-m", "include.warehouse.embedded", *(x for p in arguments.items() for x in p)],
        environment=environment.base_environment(settings),
        problem=lambda: http_problem(f"{settings.clickhouse_url}/ping"),
        address=settings.clickhouse_url,
        port=settings.clickhouse_port,
        port_setting="INSIGHTFLOW_CLICKHOUSE_PORT",
        stop_seconds=40,
    )


def _airflow(settings: Settings) -> list[Program]:
    shared = environment.airflow_environment(settings)
    url = settings.airflow_url
    server = Program(
        name="airflow-api-server",
        command=[
            *(sys.executable, "-m", "include.services.airflow_main", "api-server"),
            *("--host", settings.host, "--port", str(settings.airflow_port), "--workers", "1"),
        ],
        environment=shared,
        problem=lambda: http_problem(f"{url}/api/v2/version") or http_problem(f"{url}/execution/health"),
        address=url,
        port=settings.airflow_port,
        port_setting="INSIGHTFLOW_AIRFLOW_PORT",
        needs=("postgres",),
    )
    commands = {
        "scheduler": ["include.services.scheduler"],
        "dag-processor": ["include.services.airflow_main", "dag-processor"],
        "triggerer": ["include.services.airflow_main", "triggerer", "--skip-serve-logs"],
    }
    others = [
        Program(
            name=f"airflow-{name}",
            command=[sys.executable, "-m", *command],
            environment=shared,
            problem=partial(_component_problem, url, name.replace("-", "_")),
            needs=("airflow-api-server",),
            # The scheduler waits for its running tasks when it is told to stop.
            stop_seconds=settings.stop_timeout if name == "scheduler" else 20,
        )
        for name, command in commands.items()
    ]
    return [server, *others]


def _api(settings: Settings) -> Program:
    url = f"http://{settings.host}:{settings.api_port}"
    return Program(
        name="api",
        command=[
            *(sys.executable, "-m", "uvicorn", "include.api.app:app"),
            *("--host", settings.host, "--port", str(settings.api_port), "--no-access-log"),
            *("--timeout-graceful-shutdown", "5", "--workers", str(settings.api_workers)),
            *("--timeout-keep-alive", str(API_KEEP_ALIVE)),
        ],
        environment=environment.base_environment(settings) | _shared_metrics(settings),
        problem=lambda: http_problem(f"{url}/healthz"),
        address=url,
        port=settings.api_port,
        port_setting="INSIGHTFLOW_API_PORT",
        needs=("postgres", "clickhouse"),
    )


def _shared_metrics(settings: Settings) -> dict[str, str]:
    """Several workers count in files, so that ``/metrics`` of any shows all of them."""
    if settings.api_workers == 1:
        return {}
    folder = settings.home / "run" / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}


def clickhouse_users_file(settings: Settings) -> Path:
    """File with the users of the embedded server, written by ``up`` (mode 0600)."""
    return settings.home / "run" / "clickhouse-users.json"


def http_problem(url: str) -> str:
    """Empty when a GET answers 2xx, else why not. Cheap: it is asked several times a second."""
    status, _ = _get(url)
    return "" if 200 <= status < 300 else f"{url} " + (f"answers {status}" if status else "does not answer")


def _get(url: str) -> tuple[int, bytes]:
    """Status and body of a GET; status 0 when nobody answers."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=10)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()


def _component_problem(url: str, part: str) -> str:
    """Airflow's own view of a component that listens to nothing: its heartbeat in the metadata."""
    status, body = _get(f"{url}/api/v2/monitor/health")
    if status != 200:
        return f"{url}/api/v2/monitor/health " + (f"answers {status}" if status else "does not answer")
    state = (json.loads(body).get(part) or {}).get("status")
    return "" if state == "healthy" else f"Airflow says that its {part} is {state or 'not there'}"


def working_directory(settings: Settings, name: str) -> str:
    """Folder that a service works in. Its own, so that a process can be told by it (see ``processes``)."""
    return str(settings.home / "run" / "services" / name)


LAUNCHER = REPO / "include" / "services" / "launch.py"
