"""``airflow`` with a patient garbage collector: ``python -m include.services.airflow_main api-server …``.

Starting Airflow makes millions of objects that stay; looking through them again and again for garbage is a fifth
of the start-up time. The collector still runs, less often.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

from include.settings import Settings


def main(arguments: list[str]) -> None:
    """Run a command of ``airflow``."""
    gc.set_threshold(100_000, 20, 20)
    sys.argv = ["airflow", *arguments]
    from airflow.__main__ import main as airflow

    airflow()


def become(settings: Settings, arguments: list[str]) -> NoReturn:
    """Replace this process by a command of ``airflow``, with the configuration that the services have.

    Raises ``ServiceError`` when Airflow's metadata database, which all but the help needs, does not answer.
    """
    from include.services import environment, postgres
    from include.services.errors import ServiceError

    asks_for_help = not arguments or not {"-h", "--help"}.isdisjoint(arguments)
    if not asks_for_help and (problem := postgres.answers(settings, "airflow")):
        raise ServiceError(f"Airflow's database does not answer ({problem}); start it with `bin/insightflow up`")
    command = [sys.executable, "-m", "include.services.airflow_main", *arguments]
    os.execve(command[0], command, os.environ | environment.airflow_environment(settings))


if __name__ == "__main__":
    main(sys.argv[1:])
