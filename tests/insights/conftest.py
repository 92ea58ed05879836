"""An empty installation to publish in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from include.settings import Settings
from tests.support.marts import create_marts
from tests.support.publishing import Installation


@pytest.fixture
def site(postgres: Settings, clickhouse: Settings, warehouse: Client) -> Iterator[Installation]:
    create_marts(warehouse)
    site = Installation(postgres, warehouse)
    site.sql("TRUNCATE insights, insight_history, publications RESTART IDENTITY")
    yield site
