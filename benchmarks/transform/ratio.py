"""The whole transform of the demo's last day as Airflow's tasks run it, beside one plain ``dbt build`` of the same day."""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from benchmarks.landing.measure import Cost, cpu_seconds
from benchmarks.transform.day import Place
from include.samples import DEMO, generate, write_extras
from include.services.environment import dbt_environment
from include.settings import Settings
from include.transform import LAYERS, build, runner
from include.warehouse.client import connect
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of


def measure(days: int, times: int) -> tuple[list[Cost], list[Cost]]:
    """Costs of the layers and of ``dbt build``, in turns, on the demo's samples of so many days."""
    from dbt.cli.main import dbtRunner  # noqa: F401 - the scheduler has imported it; its tasks are forks

    with tempfile.TemporaryDirectory(prefix="insightflow-bench-") as home:
        settings = settings_of(Path(home))
        with migrated_postgres(settings), migrated_clickhouse(settings):
            client = connect(settings)
            profile = DEMO if days == DEMO.days else type(DEMO)(days=days)
            root = settings.home / "landing"
            write_extras(root, generate(root, profile))
            place = Place(settings, client, root, 0, days)
            place.load()
            every = [profile.day(index) for index in range(days)]
            for layer in LAYERS:
                build(layer, every, "history", settings=settings, tests=False)
            layers, plain = [], []
            for _ in range(times + 1):
                layers.append(_cost(place.server, lambda: _layers(settings, profile.last_day)))
                plain.append(_cost(place.server, lambda: _plain(settings, profile.last_day)))
            client.close()
    return layers[1:], plain[1:]


def _layers(settings: Settings, day: date) -> None:
    context = multiprocessing.get_context("fork")
    for layer in LAYERS:
        task = context.Process(target=build, args=(layer, [day], "bench", False, settings))
        task.start()
        task.join()
        if task.exitcode:
            raise SystemExit(f"{layer} failed")


def _plain(settings: Settings, day: date) -> None:
    places = ["--project-dir", str(runner.PROJECT), "--profiles-dir", str(runner.PROJECT)]
    folder = settings.home / "plain"
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), "--quiet", "build", "--exclude-resource-types", "unit_test", "seed",
         *places, "--target-path", str(folder), "--log-path", str(folder)],
        env=os.environ | dbt_environment(settings) | {runner.DATES: day.isoformat()}, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"dbt build failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _cost(server: int, work: Callable[[], None]) -> Cost:
    """CPU of the processes that it starts and of the engine."""

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime + cpu_seconds(server)

    before, started = used(), time.monotonic()
    work()
    return Cost(time.monotonic() - started, used() - before, 0.0)
