"""For containers: `migrate` once, then each service as a process of its own, without supervisord; `check` for their health.

python -m include.services migrate
python -m include.services exec airflow-scheduler
python -m include.services check airflow-scheduler
"""

from __future__ import annotations

import os
import sys
import time

from include.services import airflow_setup, migrations
from include.services.errors import ServiceError
from include.services.programs import Program, programs
from include.settings import Settings, get_settings


def migrate(settings: Settings) -> None:
    """Bring the warehouse, the insights schema and Airflow's metadata to the versions of this checkout."""
    for name in migrations.migrate_clickhouse(settings):
        print(f"clickhouse: applied {name}")
    print(f"postgres: insights at {migrations.migrate_postgres(settings)}")
    airflow_setup.migrate_metadata(settings)
    print("airflow: metadata is up to date")


def execute(settings: Settings, name: str) -> None:
    """Become the program. Raises ``ServiceError`` for one that is not ours to start here."""
    program, known = _program(settings, name)
    if name == "airflow-api-server":
        airflow_setup.write_login(settings)
    if name == "airflow-scheduler":
        _wait(known["airflow-api-server"], settings.start_timeout)
        airflow_setup.ensure_pools(settings)
    os.execve(program.command[0], program.command, {**os.environ, **program.environment})


def check(settings: Settings, name: str) -> None:
    """Raises ``ServiceError`` where the service does not answer, or, as Airflow sees it, has no heartbeat."""
    program, _ = _program(settings, name)
    if problem := program.problem():
        raise ServiceError(f"{name}: {problem}")


def _program(settings: Settings, name: str) -> tuple[Program, dict[str, Program]]:
    known = {program.name: program for program in programs(settings)}
    if name not in known:
        raise ServiceError(f"there is no service {name!r} here; services are {', '.join(known)}")
    return known[name], known


def _wait(program: Program, seconds: float) -> None:
    end = time.monotonic() + seconds
    while problem := program.problem():
        if time.monotonic() > end:
            raise ServiceError(f"{program.name} does not answer at {program.address}: {problem}")
        time.sleep(1)


def main(arguments: list[str]) -> int:
    """Exit code 0 on success, 1 with one line that says what is wrong, 2 for a wrong call."""
    try:
        match arguments:
            case ["migrate"]:
                migrate(get_settings())
            case ["exec", name]:
                execute(get_settings(), name)
            case ["check", name]:
                check(get_settings(), name)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except ServiceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
