"""The command line's manners: help, errors in one line with a remedy, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.settings import Settings
from tests.support.processes import free_port

REPO = Path(__file__).parents[2]
COMMANDS = (
    *(
        "up",
        "down",
        "status",
        "doctor",
        "docs",
        "freshness",
        "airflow",
        "dbt",
        "load",
        "run",
        "backfill",
        "samples",
        "demo",
    ),
    *(
        "insights",
        "anomalies",
        "ledger",
        "rejects",
        "rates",
        "builds",
        "sql",
        "sources",
        "inspect",
        "retype",
        "remove",
        "workspaces",
    ),
    *("users", "keys", "alerts", "mcp"),
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An installation where nothing runs."""
    ports = {f"INSIGHTFLOW_{name}_PORT": str(free_port()) for name in ("CLICKHOUSE", "POSTGRES", "AIRFLOW", "API")}
    home = tmp_path_factory.mktemp("home")
    Settings(_env_file=None, home=home)  # makes its secrets
    return {"PATH": os.environ["PATH"], "INSIGHTFLOW_HOME": str(home), "COLUMNS": "120", **ports}


def call(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "include.cli", *arguments],
        env=environment,
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("status", 1, "error: there is no installation at"),
        ("freshness --json", 1, "error: there is no installation at"),
        ("--debug ledger", 1, "there is no installation at"),
        ("load README.md", 1, "error: there is no installation at"),
        ("users list", 1, "error: there is no installation at"),
        ("down --now", 0, "nothing to stop: there is no installation at"),
        ("purge --yes", 0, "nothing to remove: there is no installation at"),
        ("sources", 0, "google_ads"),
    ],
)
def test_who_only_looks_makes_no_installation(
    environment: dict[str, str], tmp_path: Path, there: bool, command: str, code: int, said: str
) -> None:
    wrong = tmp_path / "wrong"
    if there:
        wrong.mkdir()
    done = call(environment | {"INSIGHTFLOW_HOME": str(wrong)}, *command.split())
    output = done.stdout + done.stderr
    assert (done.returncode, said in output) == (code, True), output
    if "no installation" in said:
        assert f"{wrong}. `bin/insightflow up` makes one there; for another, set INSIGHTFLOW_HOME" in output
    assert list(tmp_path.rglob("*")) == ([wrong] if there else []), "nothing was made"


def test_help_lists_exactly_the_commands(environment: dict[str, str]) -> None:
    done = call(environment, "--help")
    assert done.returncode == 0
    listed = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("│ ") and line[2].isalpha()}
    assert listed == set(COMMANDS)


@pytest.mark.parametrize("command", ["up", "load", "backfill", "sql"])
def test_every_command_explains_itself(environment: dict[str, str], command: str) -> None:
    done = call(environment, command, "--help")
    assert done.returncode == 0
    assert f"Usage: insightflow {command}" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        "users password admin --password another-one",
        "users remove admin",
        "users withdraw admin -w *",
        "users grant admin -w * -r viewer",
    ],
)
def test_the_admin_of_the_settings_is_changed_in_the_settings(environment: dict[str, str], command: str) -> None:
    done = call(environment, *command.split())
    assert done.returncode == 1
    assert done.stderr.startswith("error: admin is the admin of the settings: set INSIGHTFLOW_ADMIN_PASSWORD")


def test_airflow_s_own_commands_explain_themselves_where_nothing_runs(environment: dict[str, str]) -> None:
    done = call(environment, "airflow", "backfill", "create", "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: airflow backfill create")
    assert "--run-backwards" in done.stdout


def test_dbt_works_on_the_project_without_a_profile_of_one_s_own(environment: dict[str, str]) -> None:
    chosen = ("--select", "stg_ad_performance", "--resource-type", "model")
    done = call(environment, "dbt", "ls", *chosen, "--quiet")
    assert (done.returncode, done.stdout.split()) == (0, ["insightflow.staging.stg_ad_performance"]), done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["insights"], "bin/insightflow up"),
        (["ledger"], "bin/insightflow up"),
        (["sql", "SELECT 1"], "bin/insightflow up"),
        (["freshness"], "bin/insightflow up"),
        (["docs"], "bin/insightflow up"),
        (["run", "--date", "2026-06-30"], "bin/insightflow up"),
        (["backfill", "--from", "2026-06-01", "--to", "2026-06-02"], "bin/insightflow up"),
        (["airflow", "dags", "list"], "bin/insightflow up"),
    ],
)
def test_without_services_a_line_says_what_to_do(environment: dict[str, str], arguments: list[str], said: str) -> None:
    done = call(environment, *arguments)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("error: ")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--date", "yesterday"], "is not a date"),
        (["run", "--date", "2199-01-01"], "2199-01-01 has not begun"),
        (["backfill", "--from", "2026-06-02", "--to", "2026-06-01"], "is after"),
        (["load", "no/such/file.csv"], "does not exist"),
        (["load", __file__, "--source", "nowhere"], "there is no source"),
        (["load", __file__, "--workspace", "../x"], "is no name of a workspace"),
        (["load", __file__, "--workspace", "_x"], "is no name of a workspace"),
        (["frobnicate"], "No such command"),
    ],
)
def test_wrong_use_has_exit_code_2_and_no_trace(environment: dict[str, str], arguments: list[str], said: str) -> None:
    done = call(environment, *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_debug_shows_the_trace(environment: dict[str, str]) -> None:
    done = call(environment, "insights", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_wrong_setting_is_named(environment: dict[str, str]) -> None:
    done = call(environment | {"INSIGHTFLOW_API_PORT": "many"}, "status")
    assert done.returncode == 1
    assert "api_port" in done.stderr
    assert ".env.example" in done.stderr


def test_status_and_doctor_say_that_nothing_runs(environment: dict[str, str]) -> None:
    status = call(environment, "status", "--json")
    assert status.returncode == 1
    assert '"state": "stopped"' in status.stdout
    doctor = call(environment, "doctor")
    assert doctor.returncode == 1
    assert "bin/insightflow up" in doctor.stdout
    [_, _, warehouse, *_] = doctor.stdout.partition("error ClickHouse log-in: ")
    assert warehouse.split("\n")[:2] == [
        f"http://127.0.0.1:{environment['INSIGHTFLOW_CLICKHOUSE_PORT']} does not answer", "      → bin/insightflow up",
    ]  # fmt: skip
    assert "Max retries" not in doctor.stdout + doctor.stderr


def test_down_of_nothing_is_a_success(environment: dict[str, str]) -> None:
    assert call(environment, "down").returncode == 0


def test_samples_are_written(environment: dict[str, str], tmp_path: Path) -> None:
    done = call(environment, "samples", str(tmp_path / "exports"), "--days", "5")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "exports.truth" / "truth.json").exists()
    assert any((tmp_path / "exports" / "demo").rglob("*.csv"))
