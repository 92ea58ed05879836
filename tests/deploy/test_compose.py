"""docker-compose.yml, as far as it can be checked without an engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from include.api.versions import _PARTS as VERSIONS
from include.services.environment import airflow_environment
from include.services.programs import programs
from include.settings import SECRET_FIELDS, Settings
from include.warehouse.cluster import parts

REPO = Path(__file__).parents[2]
TEXT = (REPO / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# Keys of the Compose Specification that we use; a misspelled one would be ignored by older engines.
SERVICE_KEYS = {
    "build", "command", "depends_on", "env_file", "environment", "healthcheck", "image", "ports", "restart",
    "stop_grace_period", "ulimits", "volumes",
}  # fmt: skip


def test_only_known_keys() -> None:
    top = {key for key in COMPOSE if not key.startswith("x-")}
    assert top == {"name", "services", "volumes"}
    for name, service in SERVICES.items():
        assert set(service) <= SERVICE_KEYS, name


def test_images_are_pinned() -> None:
    for name, service in SERVICES.items():
        tag = service["image"].partition(":")[2]
        assert re.fullmatch(r"\d+(\.\d+)+", tag), f"{name}: {service['image']}"
    assert re.search(r"^FROM \S+:\d+\.\d+\.\d+", (REPO / "Dockerfile").read_text())


def test_services_and_volumes_that_are_named_exist() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= set(SERVICES), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (REPO / source).exists(), source
            else:
                assert source in COMPOSE["volumes"], source


def test_a_dependency_that_must_be_healthy_has_a_check() -> None:
    for service in SERVICES.values():
        for other, condition in service.get("depends_on", {}).items():
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other]


def test_variables_are_settings_and_explained() -> None:
    used = set(re.findall(r"\$\{(\w+)", TEXT)) | {
        key for s in SERVICES.values() for key in s["environment"] if key.startswith("INSIGHTFLOW_")
    }
    fields = {f"INSIGHTFLOW_{name.upper()}" for name in Settings.model_fields} | {"INSIGHTFLOW_HOME"}
    assert used <= fields, used - fields
    example = (REPO / ".env.example").read_text()
    for name in re.findall(r"\$\{(\w+)", TEXT):
        assert name in example, f"{name} is not in .env.example"


def test_every_secret_must_be_given() -> None:
    for name in SECRET_FIELDS:
        assert f"${{INSIGHTFLOW_{name.upper()}:?" in TEXT, name


def test_production_settings_are_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment = {key: value for key, value in SERVICES["api"]["environment"].items() if value is not None}
    environment["INSIGHTFLOW_HOME"] = str(tmp_path)
    for key, value in environment.items():
        monkeypatch.setenv(key, re.sub(r"\$\{.*\}", "x" * 64, value))
    settings = Settings(_env_file=None)
    assert not settings.clickhouse_embedded
    assert not settings.postgres_embedded
    assert settings.environment == "production"
    assert not (tmp_path / "secrets.json").exists()


def test_production_refuses_generated_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INSIGHTFLOW_ENVIRONMENT", "production")
    with pytest.raises(ValueError, match="INSIGHTFLOW_CLICKHOUSE_PASSWORD"):
        Settings(_env_file=None, home=tmp_path)


def test_nothing_listens_beyond_the_host() -> None:
    for service in SERVICES.values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_clickhouse_leaves_the_folder_that_it_may_only_read() -> None:
    # Its entrypoint would chown the folder, and end as that fails.
    server = SERVICES["clickhouse"]
    assert "insightflow:/var/lib/clickhouse/user_files:ro" in server["volumes"]
    assert server["environment"]["CLICKHOUSE_DO_NOT_CHOWN"] == "1"
    made = (REPO / "Dockerfile").read_text()
    assert "--uid 101 --gid 101" in made


def test_the_reader_may_read_what_the_api_asks_for() -> None:
    # A server that asks for grants on its system tables gives the catalogue to everyone, parts to nobody.
    users = ElementTree.parse(REPO / "deploy/clickhouse/users.xml")
    granted = {query.text for query in users.iter("query")}
    assert {f"GRANT SELECT ON {name}.*" for name in ("marts", "staging", "ops", "raw")} <= granted
    free = {"system.tables", "system.columns", "system.databases"}
    text = VERSIONS.replace("{parts}", parts(""))
    asked = set(re.findall(r"\bsystem\.\w+", text))
    assert asked
    assert {f"GRANT SELECT ON {name}" for name in asked - free} <= granted


def test_no_secret_is_copied_into_the_image() -> None:
    ignored = (REPO / ".dockerignore").read_text().split()
    assert {".env", ".env.*", "var", ".git"} <= set(ignored)
    assert "COPY . ." in (REPO / "Dockerfile").read_text()


def test_every_setting_of_the_env_file_reaches_the_programs() -> None:
    ours = {name: service for name, service in SERVICES.items() if "build" in service}
    assert set(SERVICES) - set(ours) == {"clickhouse", "postgres"}
    for name, service in ours.items():
        assert service["env_file"] == [{"path": ".env", "required": False}], name
        # What the containers are to each other is not .env's to say: its ports are the host's.
        fixed = service["environment"]
        assert (fixed["INSIGHTFLOW_API_PORT"], fixed["INSIGHTFLOW_AIRFLOW_PORT"]) == ("8000", "8080")
        assert fixed["INSIGHTFLOW_POSTGRES_USER"] == SERVICES["postgres"]["environment"]["POSTGRES_USER"]
        assert fixed["INSIGHTFLOW_CLICKHOUSE_USER"] == SERVICES["clickhouse"]["environment"]["CLICKHOUSE_USER"]


def test_services_start_as_the_programs_say_and_are_checked(tmp_path: Path) -> None:
    known = {program.name for program in programs(Settings(_env_file=None, home=tmp_path))}
    for name in known - {"clickhouse", "postgres"}:
        assert SERVICES[name]["command"] == ["python", "-m", "include.services", "exec", name]
        assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "python", "-m", "include.services", "check", name]


def test_airflow_s_links_lead_where_people_reach_it(tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None,
        home=tmp_path,
        airflow_url="http://airflow-api-server:8080",
        public_airflow_url="https://a.example.com",
    )
    made = airflow_environment(settings)
    assert made["AIRFLOW__API__BASE_URL"] == "https://a.example.com"
    assert made["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://airflow-api-server:8080/execution/"


def test_commands_name_modules_that_exist() -> None:
    for service in SERVICES.values():
        command = service.get("command", [])
        for word in command:
            if re.fullmatch(r"include(\.\w+)+(:\w+)?", word):
                path = REPO / word.split(":")[0].replace(".", "/")
                assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), word


def test_what_runs_tasks_may_end_them() -> None:
    """A task takes a minute; tasks run in the scheduler."""
    assert SERVICES["airflow-scheduler"]["stop_grace_period"] == "120s"
