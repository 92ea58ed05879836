"""Environment variables of the services: what differs between installations, and every secret, goes this way."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from include.settings import REPO, Settings

# Marks our processes, so that `down` finds what is left of an installation after a crash.
SERVICE_MARK = "INSIGHTFLOW_SERVICE"


def base_environment(settings: Settings) -> dict[str, str]:
    """What every service gets, on top of the environment of the shell that ran ``up``."""
    values = {name: value for name, value in os.environ.items() if name.startswith("INSIGHTFLOW_")}
    values.pop(SERVICE_MARK, None)
    values |= {
        "INSIGHTFLOW_HOME": str(settings.home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH') or os.defpath}",
        "PYTHONPATH": str(REPO),
        "PYTHONUNBUFFERED": "1",
        # Compiled modules are kept, whatever the shell says: an uncompiled Airflow takes a minute to start.
        "PYTHONDONTWRITEBYTECODE": "",
        # Processes that rename themselves must leave their environment readable: `processes` looks for our mark.
        "SPT_NOENV": "1",
        "HOME": _writable_home(settings),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        # dbt makes semaphores that a task's end gives back; Python warns of them in every task's log.
        "PYTHONWARNINGS": "ignore:resource_tracker:UserWarning",
        # Two malloc arenas instead of eight a core: long-lived Python processes stay half the size.
        "MALLOC_ARENA_MAX": "2",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
    }
    return values


def airflow_environment(settings: Settings) -> dict[str, str]:
    """Airflow's configuration that differs between installations; the rest is in the committed airflow.cfg."""
    home = settings.home / "airflow"
    logs = settings.home / "logs" / "airflow"
    url = settings.airflow_url.rstrip("/")
    # psycopg2 for what is synchronous, asyncpg for what is not (Airflow derives it from the same URL).
    metadata = settings.postgres_dsn("airflow").replace("postgresql://", "postgresql+psycopg2://", 1)
    # Where a model is a task, Cosmos calls dbt, which reads its profile from the environment.
    profile = dbt_environment(settings) if settings.dbt_tasks == "models" else {}
    return (
        base_environment(settings)
        | profile
        | {
            "AIRFLOW_HOME": str(REPO),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata,
            "AIRFLOW__CORE__FERNET_KEY": settings.airflow_fernet_key.get_secret_value(),
            "AIRFLOW__CORE__PARALLELISM": str(settings.airflow_parallelism),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{settings.admin_user}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(password_file(settings)),
            "AIRFLOW__API__SECRET_KEY": settings.airflow_secret_key.get_secret_value(),
            # As people reach it: Airflow makes the links of its pages and mails from it.
            "AIRFLOW__API__BASE_URL": settings.public_airflow_url,
            "AIRFLOW__API__HOST": settings.host,
            "AIRFLOW__API__PORT": str(settings.airflow_port),
            "AIRFLOW__API_AUTH__JWT_SECRET": settings.jwt_secret.get_secret_value(),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(home / "bundles"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs / "tasks"),
            "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs / "dag_processor"),
        }
    )


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What dbt_project/profiles.yml reads."""
    parts = urlsplit(settings.clickhouse_url)
    secure = parts.scheme == "https"
    return {
        "INSIGHTFLOW_DBT_HOST": parts.hostname or "127.0.0.1",
        "INSIGHTFLOW_DBT_PORT": str(parts.port or (8443 if secure else 8123)),
        "INSIGHTFLOW_DBT_USER": settings.clickhouse_user,
        "INSIGHTFLOW_DBT_PASSWORD": settings.clickhouse_password.get_secret_value(),
        "INSIGHTFLOW_DBT_SECURE": "true" if secure else "",
        "INSIGHTFLOW_DBT_THREADS": str(settings.dbt_threads),
        "INSIGHTFLOW_DBT_TARGET": "cluster" if settings.clickhouse_cluster else "default",
        "INSIGHTFLOW_DBT_CLUSTER": settings.clickhouse_cluster,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def password_file(settings: Settings) -> Path:
    """Where Airflow's SimpleAuthManager reads the log-in that we wrote."""
    return settings.home / "airflow" / "simple_auth_manager_passwords.json"


def _writable_home(settings: Settings) -> str:
    given = os.environ.get("HOME", "")
    if given and Path(given).is_dir() and os.access(given, os.W_OK):
        return given
    return str(settings.home / "run")
