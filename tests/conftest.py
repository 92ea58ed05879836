"""Real engines for tests: one PostgreSQL and one embedded ClickHouse a session, started when first asked for.

``settings`` starts nothing. ``postgres`` and ``clickhouse`` give the same settings with that server running and
its schema made. ``warehouse`` is an admin's ClickHouse client. A test that writes cleans up by its own fixture.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from include.settings import Settings
from tests.support.processes import free_port


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of an installation of this test session: own folder, own ports, nothing of the user's ``.env``."""
    return Settings(
        _env_file=None,
        environment="development",
        home=tmp_path_factory.mktemp("home"),
        host="127.0.0.1",
        workspace="demo",
        clickhouse_port=free_port(),
        postgres_port=free_port(),
        airflow_port=free_port(),
        api_port=free_port(),
        supervisor_port=free_port(),
        clickhouse_url="",
        postgres_url="",
        airflow_url="",
        bucket="",
    )


@pytest.fixture(scope="session")
def postgres(settings: Settings) -> Iterator[Settings]:
    """The settings, with PostgreSQL running and the application's schema at its newest revision."""
    from include.insights import upgrade
    from tests.support.engines import postgres_server

    with postgres_server(settings):
        upgrade(settings)
        yield settings


@pytest.fixture(scope="session")
def clickhouse(settings: Settings) -> Iterator[Settings]:
    """The settings, with the embedded ClickHouse running and migrated."""
    from include.warehouse.client import connect
    from include.warehouse.migrate import migrate
    from tests.support.engines import clickhouse_server

    with clickhouse_server(settings):
        client = connect(settings)
        migrate(client)
        client.close()
        yield settings


@pytest.fixture
def warehouse(clickhouse: Settings) -> Iterator[Client]:
    """A client of the embedded ClickHouse, as the admin."""
    from include.warehouse.client import connect

    client = connect(clickhouse)
    yield client
    client.close()
