"""A whole installation of its own: real Airflow, PostgreSQL, embedded ClickHouse, API; own folder, own ports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from include.settings import REPO, Settings
from tests.support.processes import free_port


@dataclass
class Installation:
    """Its settings, and the ways in which people use it."""

    settings: Settings
    environment: dict[str, str]

    def cli(self, *arguments: str, check: bool = True, timeout: int = 900) -> subprocess.CompletedProcess[str]:
        """``bin/insightflow …`` as a user runs it."""
        done = subprocess.run(
            [str(REPO / "bin" / "insightflow"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode != 0:
            pytest.fail(f"insightflow {' '.join(arguments)} → {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def cli_json(self, *arguments: str) -> Any:
        return json.loads(self.cli(*arguments, "--json").stdout)

    @property
    def bucket(self) -> Path:
        return self.settings.home / "landing"

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query over ClickHouse's HTTP interface, as the read-only user."""
        answer = httpx.post(
            self.settings.clickhouse_url,
            params={"default_format": "JSON", "output_format_json_quote_64bit_integers": 0},
            content=query,
            auth=(
                self.settings.clickhouse_reader,
                self.settings.clickhouse_reader_password.get_secret_value(),
            ),
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json()["data"])

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.settings.api_port}"

    def bearer(self) -> dict[str, str]:
        """The header of the admin's token."""
        password = self.settings.admin_password.get_secret_value()
        answer = httpx.post(
            f"{self.api_url}/api/v1/auth/token",
            data={"username": self.settings.admin_user, "password": password},
            timeout=60,
        )
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def api(self, path: str, **params: Any) -> Any:
        """GET a route of the API as the admin."""
        answer = httpx.get(f"{self.api_url}{path}", params=params, headers=self.bearer(), timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this home."""
        found = []
        for process in psutil.process_iter():
            try:
                variables = process.environ()
            except (psutil.Error, OSError):
                continue
            if variables.get("INSIGHTFLOW_HOME") == str(self.settings.home) and "INSIGHTFLOW_SERVICE" in variables:
                found.append(process)
        return found


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("installation")
    ports = {f"INSIGHTFLOW_{name}_PORT": str(free_port()) for name in ("CLICKHOUSE", "POSTGRES", "AIRFLOW", "API")}
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("INSIGHTFLOW_", "AIRFLOW"))}
    environment = keep | ports | {"INSIGHTFLOW_HOME": str(home), "INSIGHTFLOW_START_TIMEOUT": "400"}
    settings = Settings(
        _env_file=None,
        home=home,
        **{name.removeprefix("INSIGHTFLOW_").lower(): int(value) for name, value in ports.items()},
    )
    place = Installation(settings, environment)
    assert Path(sys.executable).is_relative_to(REPO / ".venv"), "run the tests from the project's .venv"
    try:
        place.cli("up", timeout=600)
        yield place
    finally:
        place.cli("down", "--now", check=False)
        for process in place.processes():
            process.kill()
