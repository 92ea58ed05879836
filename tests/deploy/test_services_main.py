"""What containers run: migrations against given servers, and services one by one."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psycopg2
import pytest

from include.settings import REPO, SECRET_FIELDS, Settings
from include.warehouse.client import connect
from tests.support.processes import free_port


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "include.services", *arguments],
        env={**os.environ, **environment},
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=300,
    )


def production(settings: Settings) -> dict[str, str]:
    """Variables of an installation that is given its servers by URL."""
    secrets = {f"INSIGHTFLOW_{n.upper()}": getattr(settings, n).get_secret_value() for n in SECRET_FIELDS}
    return secrets | {
        "INSIGHTFLOW_ENVIRONMENT": "production",
        "INSIGHTFLOW_HOME": str(settings.home / "production"),
        "INSIGHTFLOW_CLICKHOUSE_URL": settings.clickhouse_url,
        "INSIGHTFLOW_POSTGRES_URL": settings.postgres_url,
    }


def test_wrong_calls_say_how_it_is_called() -> None:
    done = call("dance")
    assert done.returncode == 2
    assert "migrate" in done.stderr


def test_unknown_service_is_named_with_those_that_there_are(tmp_path: os.PathLike[str]) -> None:
    done = call("exec", "nothing", INSIGHTFLOW_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "airflow-scheduler" in done.stderr


def test_a_check_says_what_does_not_answer(tmp_path: os.PathLike[str]) -> None:
    port = free_port()
    around = {"INSIGHTFLOW_HOME": str(tmp_path), "INSIGHTFLOW_API_PORT": str(port)}
    done = call("check", "api", **around)
    assert (done.returncode, done.stderr) == (1, f"error: api: http://127.0.0.1:{port}/healthz does not answer\n")
    (Path(tmp_path) / "healthz").write_text("ok")
    with ThreadingHTTPServer(("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=str(tmp_path))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        done = call("check", "api", **around)
        server.shutdown()
    assert (done.returncode, done.stderr.count("error")) == (0, 0)


@pytest.mark.integration
def test_migrate_brings_given_servers_to_this_version(postgres: Settings, clickhouse: Settings) -> None:
    for _ in range(2):
        done = call("migrate", **production(clickhouse))
        assert done.returncode == 0, done.stderr
    client = connect(clickhouse)
    assert client.query("SELECT count() > 0 FROM system.functions WHERE name = 'insightflow_number'").first_row[0]
    client.close()
    with psycopg2.connect(postgres.postgres_dsn("airflow")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM alembic_version")
        assert cursor.fetchone() == (1,)
