"""Engines of their own for tests that build the whole project: others make tables of the marts by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.settings import Settings
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_of(tmp_path_factory.mktemp("integration"))


@pytest.fixture(scope="session")
def postgres(settings: Settings) -> Iterator[Settings]:
    with migrated_postgres(settings):
        yield settings


@pytest.fixture(scope="session")
def clickhouse(settings: Settings) -> Iterator[Settings]:
    with migrated_clickhouse(settings):
        yield settings
