"""up and down of the engines under a real supervisord, through crashes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable

import psutil
import psycopg2
import pytest
from pydantic import SecretStr

from include.services import doctor, lifecycle, postgres, processes
from include.services.errors import ServiceError
from include.services.supervisor import Supervisor
from include.settings import Settings
from tests.support.processes import wait_until

pytestmark = pytest.mark.integration

ENGINES = ("postgres", "clickhouse")


def quiet(_: str) -> None:
    """Say nothing."""


def up(settings: Settings, *names: str) -> None:
    lifecycle.up(settings, quiet, only=names or ("postgres",))


def write(settings: Settings, value: int) -> None:
    with psycopg2.connect(settings.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        cursor.execute("INSERT INTO kept VALUES (%s)", (value,))
    connection.close()


def read(settings: Settings) -> list[int]:
    connection = psycopg2.connect(settings.postgres_dsn())
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT value FROM kept ORDER BY value")
            return [row[0] for row in cursor.fetchall()]
    finally:
        connection.close()


def supervisord(settings: Settings) -> psutil.Process:
    return psutil.Process(Supervisor(settings).call("getPID"))


def test_up_starts_both_engines_with_databases_and_down_leaves_no_process(installation: Settings) -> None:
    up(installation, *ENGINES)

    states = {name: info["statename"] for name, info in Supervisor(installation).states().items()}
    assert set(states) == set(ENGINES)
    assert set(states.values()) <= set(lifecycle.ALIVE)
    for database in postgres.DATABASES:
        assert postgres.answers(installation, database) == ""
    assert len(processes.of_installation(installation)) >= 3

    lifecycle.down(installation, quiet)
    assert processes.of_installation(installation) == []
    assert postgres.answers(installation) != ""


def test_up_twice_leaves_running_services_alone(installation: Settings) -> None:
    up(installation)
    before = Supervisor(installation).states()["postgres"]["pid"]
    said: list[str] = []
    lifecycle.up(installation, said.append, only=("postgres",))
    assert Supervisor(installation).states()["postgres"]["pid"] == before
    assert said == []


def test_data_survives_kill_of_everything(installation: Settings) -> None:
    up(installation)
    write(installation, 1)
    for process in processes.of_installation(installation):
        with contextlib.suppress(psutil.NoSuchProcess):  # some die with their parents
            process.kill()
    wait_until(lambda: not processes.of_installation(installation), 10, "all processes are gone")

    up(installation)
    write(installation, 2)
    assert read(installation) == [1, 2]


def test_up_after_kill_of_supervisord_ends_the_orphans_first(installation: Settings) -> None:
    up(installation)
    write(installation, 1)
    orphan = Supervisor(installation).states()["postgres"]["pid"]
    supervisord(installation).kill()
    assert psutil.pid_exists(orphan)

    said: list[str] = []
    lifecycle.up(installation, said.append, only=("postgres",))
    assert any(f"{orphan} postgres" in line for line in said)
    assert not psutil.pid_exists(orphan)
    assert read(installation) == [1]


def test_a_killed_service_is_started_again(installation: Settings) -> None:
    up(installation)
    killed = Supervisor(installation).states()["postgres"]["pid"]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: postgres.answers(installation) == "", 30, "PostgreSQL answers again")
    assert Supervisor(installation).states()["postgres"]["pid"] != killed


def test_down_after_kill_of_supervisord_finds_the_orphans(installation: Settings) -> None:
    up(installation)
    supervisord(installation).kill()
    lifecycle.down(installation, quiet)
    assert processes.of_installation(installation) == []


def test_two_installations_side_by_side(make_installation: Callable[[str], Settings]) -> None:
    one, two = make_installation("one"), make_installation("two")
    up(one)
    up(two)
    write(one, 1)
    write(two, 2)
    lifecycle.down(one, quiet)
    assert read(two) == [2]


def test_a_taken_port_is_said_with_its_setting(installation: Settings) -> None:
    with socket.socket() as other:
        other.bind((installation.host, installation.postgres_port))
        other.listen()
        with pytest.raises(ServiceError, match="INSIGHTFLOW_POSTGRES_PORT") as caught:
            up(installation)
    assert f"port {installation.postgres_port}" in str(caught.value)
    assert "postgres needs" in str(caught.value)


def test_a_home_longer_than_a_socket_path_works(make_installation: Callable[[str], Settings]) -> None:
    settings = make_installation("x" * 120)
    up(settings)
    assert Supervisor(settings).alive()
    assert len(os.fsencode(Supervisor(settings).socket)) < 108


def test_a_service_that_cannot_start_is_reported_with_its_log(installation: Settings) -> None:
    up(installation)
    lifecycle.down(installation, quiet)
    (installation.home / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServiceError, match=r"(?s)postgres is not ready.*postgres\.log") as caught:
        up(installation)
    assert "incompatible" in str(caught.value)


def test_a_lost_password_is_said_at_once_and_can_be_given_anew(installation: Settings) -> None:
    up(installation)
    write(installation, 1)
    lifecycle.down(installation, quiet)
    lost = installation.model_copy(update={"postgres_password": SecretStr("it's another")})
    begun = time.monotonic()
    with pytest.raises(ServiceError, match="refuses the password of the settings") as caught:
        up(lost)
    assert time.monotonic() - begun < installation.start_timeout / 2, "no waiting until the deadline"
    assert "bin/insightflow up --set-postgres-password" in str(caught.value)
    assert [f.remedy for f in doctor.examine(lost) if f.what == "PostgreSQL log-in"] == [postgres.password_remedy(lost)]
    lifecycle.up(lost, quiet, only=("postgres",), set_postgres_password=True)
    write(lost, 2)
    assert read(lost) == [1, 2]
    assert postgres.refuses_password(postgres.answers(installation))


def test_the_remedy_of_an_unsafe_mode_keeps_the_secrets(installation: Settings) -> None:
    secrets = installation.home / "secrets.json"
    secrets.chmod(0o644)
    [found] = [f for f in doctor.examine(installation) if f.what == "secrets"]
    assert (found.level, "remove" in found.remedy) == ("error", False)
    subprocess.run(found.remedy.split(";")[0].split(), check=True)
    assert [f.level for f in doctor.examine(installation) if f.what == "secrets"] == ["ok"]


def test_secrets_are_private(installation: Settings) -> None:
    up(installation)
    for name in ("secrets.json", "run/supervisord.conf", "run/postgres.json", "run/clickhouse-users.json"):
        assert (installation.home / name).stat().st_mode & 0o077 == 0, name
