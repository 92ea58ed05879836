"""What Airflow needs once: its tables, the log-in, the pools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version

import psycopg2
from psycopg2 import sql

from include.services import environment
from include.services.errors import ServiceError
from include.settings import REPO, Settings


def pools(settings: Settings) -> dict[str, tuple[int, str]]:
    """Pools by name: slots, and what they are for."""
    return {
        "landing": (2, "files being loaded at once"),
        "warehouse_build": (settings.build_slots, "dbt builds and checks at once (INSIGHTFLOW_BUILD_SLOTS)"),
        "dbt_models": (1, "dbt builds that show a task a model (INSIGHTFLOW_DBT_TASKS=models)"),
    }


def write_login(settings: Settings) -> None:
    """Write the password file of SimpleAuthManager (mode 0600)."""
    path = environment.password_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps({settings.admin_user: settings.admin_password.get_secret_value()})
    if path.exists() and path.read_text() == content:
        return
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(content)


def migrate_metadata(settings: Settings) -> bool:
    """Run ``airflow db migrate`` unless this version of Airflow has done it; return whether it ran.

    The mark is a comment on the database, so it goes where the data goes. Raises ``ServiceError`` with
    Airflow's last lines.
    """
    mark = f"migrated by Airflow {version('apache-airflow-core')}"
    if _mark(settings) == mark:
        return False
    log = settings.home / "logs" / "airflow-db-migrate.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env={**os.environ, **environment.airflow_environment(settings)},
            cwd=REPO,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        from include.services.errors import tail

        raise ServiceError(f"airflow db migrate failed; its log is {log}\n{tail(log)}")
    _set_mark(settings, mark)
    return True


def ensure_pools(settings: Settings) -> None:
    """Make or correct the pools over Airflow's REST API. Raises ``ServiceError`` when it refuses."""
    from include.services.airflow_client import AirflowClient

    with AirflowClient(settings) as airflow:
        there = {pool["name"]: pool for pool in airflow.get("/pools")["pools"]}
        for name, (slots, description) in pools(settings).items():
            body = {"name": name, "slots": slots, "description": description, "include_deferred": False}
            if name not in there:
                airflow.post("/pools", body)
            elif there[name]["slots"] != slots:
                airflow.patch(f"/pools/{name}", body)


def _mark(settings: Settings) -> str:
    connection = psycopg2.connect(settings.postgres_dsn("airflow"), connect_timeout=5)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
            )
            row = cursor.fetchone()
            return str(row[0] or "") if row else ""
    finally:
        connection.close()


def _set_mark(settings: Settings, mark: str) -> None:
    connection = psycopg2.connect(settings.postgres_dsn("airflow"), connect_timeout=5)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("COMMENT ON DATABASE airflow IS {}").format(sql.Literal(mark)))
    finally:
        connection.close()
