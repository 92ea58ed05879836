"""The configuration that supervisord gets."""

from __future__ import annotations

import configparser
import json
import os
from pathlib import Path

from include.services.programs import programs
from include.services.supervisor import LONGEST_SOCKET_PATH, Supervisor
from include.settings import Settings


def settings_below(home: Path) -> Settings:
    return Settings(_env_file=None, home=home, environment="development")


def test_programs_start_in_the_order_of_their_needs(tmp_path: Path) -> None:
    names = [program.name for program in programs(settings_below(tmp_path))]
    assert names == [
        *("postgres", "clickhouse", "airflow-api-server", "airflow-scheduler"),
        *("airflow-dag-processor", "airflow-triggerer", "api"),
    ]


def test_external_servers_are_not_started(tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None,
        home=tmp_path,
        environment="development",
        clickhouse_url="https://clickhouse.example.com:8443",
        postgres_url="postgresql://db.example.com/insightflow",
    )
    assert not {"postgres", "clickhouse"} & {program.name for program in programs(settings)}


def test_configuration_holds_no_secret_and_survives_odd_folders(tmp_path: Path) -> None:
    settings = settings_below(tmp_path / "a folder; 100% odd")
    supervisor = Supervisor(settings)
    supervisor.configure(programs(settings))
    text = supervisor.config.read_text()
    for field in ("postgres_password", "jwt_secret", "airflow_fernet_key"):
        assert getattr(settings, field).get_secret_value() not in text
    read = configparser.RawConfigParser()
    read.read_string(text)
    assert read["program:postgres"]["autostart"] == "false"
    assert read["program:api"]["directory"].replace("%%", "%").endswith("100% odd/run/services/api")


def test_only_changed_launch_files_are_reported(tmp_path: Path) -> None:
    settings = settings_below(tmp_path)
    listed = programs(settings)
    supervisor = Supervisor(settings)
    assert len(supervisor.configure(listed)) == len(listed)
    assert supervisor.configure(listed) == []
    other = Settings(_env_file=None, home=tmp_path, environment="development", api_port=8099)
    assert supervisor.configure(programs(other)) == ["api"]


def test_launch_file_carries_secrets_through_the_environment(tmp_path: Path) -> None:
    settings = settings_below(tmp_path)
    Supervisor(settings).configure(programs(settings))
    service = json.loads((tmp_path / "run" / "airflow-scheduler.json").read_text())
    assert service["environment"]["AIRFLOW__API_AUTH__JWT_SECRET"] == settings.jwt_secret.get_secret_value()
    assert not any(settings.jwt_secret.get_secret_value() in part for part in service["command"])


def test_socket_path_fits_whatever_the_home(tmp_path: Path) -> None:
    near = Supervisor(settings_below(tmp_path).model_copy(update={"home": Path("/srv/x")}))
    assert near.socket == Path("/srv/x/run/supervisor.sock")
    far = settings_below(tmp_path).model_copy(update={"home": Path("/" + "y" * 200)})
    assert len(os.fsencode(Supervisor(far).socket)) <= LONGEST_SOCKET_PATH
