"""Airflow's scheduler, warm: ``python -m include.services.scheduler``.

LocalExecutor forks its workers, and they the tasks, from the scheduler. What is imported here before that is
there in every task: dbt costs 5 s of CPU in each task otherwise, Great Expectations 3 s. Only modules are loaded,
no connection and no thread is made, so the fork is as safe as without it. In production plain
``airflow scheduler`` does the same, slower.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import time

from include.services import airflow_main

WARM = (
    "dbt.cli.main",
    "dbt.adapters.clickhouse",
    "great_expectations",
    "clickhouse_connect",
    "psycopg2",
    "alembic",
    "pydantic_settings",
    "pyarrow",
    "fsspec",
    "airflow.sdk.execution_time.task_runner",
)


def warm_up() -> list[str]:
    """Import what tasks need; return what failed (a task that needs it will say why)."""
    failed = []
    for module in WARM:
        try:
            importlib.import_module(module)
        except Exception as error:  # a broken optional module must not keep the scheduler down
            failed.append(f"{module}: {error}")
    return failed


def forget_project() -> None:
    """Drop our own modules: tasks import them anew, so that an edited one counts without a restart."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "include"]:
        del sys.modules[name]


def wait_for_api(deadline: float = 120.0) -> None:
    """Wait until tasks can report: a task that starts before the api-server answers would retry for long."""
    from include.services.programs import http_problem

    url = os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].rstrip("/") + "/health"
    end = time.monotonic() + deadline
    while http_problem(url) and time.monotonic() < end:
        time.sleep(0.3)


def main() -> None:
    """Warm up, wait for the api-server, become ``airflow scheduler``."""
    started = time.monotonic()
    gc.disable()
    for line in warm_up():
        print(f"not preloaded: {line}", file=sys.stderr)
    print(f"preloaded in {time.monotonic() - started:.1f} s", file=sys.stderr)
    gc.enable()
    wait_for_api()
    forget_project()
    airflow_main.main(["scheduler", "--skip-serve-logs"])


if __name__ == "__main__":
    main()
