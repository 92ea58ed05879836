"""An installation of its own for each test that starts and kills services: own folder, own ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from include.services import lifecycle, processes
from include.settings import Settings
from tests.support.processes import free_port


def _settings(home: Path) -> Settings:
    return Settings(
        _env_file=None,
        environment="development",
        home=home,
        host="127.0.0.1",
        clickhouse_port=free_port(),
        postgres_port=free_port(),
        airflow_port=free_port(),
        api_port=free_port(),
        clickhouse_url="",
        postgres_url="",
        airflow_url="",
        bucket="",
        start_timeout=60,
    )


@pytest.fixture
def make_installation(tmp_path: Path) -> Iterator[Callable[[str], Settings]]:
    """Make settings of an installation below the test's folder; all its processes end with the test."""
    made: list[Settings] = []

    def make(name: str) -> Settings:
        made.append(_settings(tmp_path / name))
        return made[-1]

    yield make
    for settings in made:
        if settings.home.exists():
            lifecycle.down(settings, lambda _: None, wait_for_tasks=False)
            assert processes.of_installation(settings) == []


@pytest.fixture
def installation(make_installation: Callable[[str], Settings]) -> Settings:
    """One installation."""
    return make_installation("home")
