"""Real engines for tests: one PostgreSQL and one embedded ClickHouse a session, started when first asked for.

``settings`` starts nothing. ``postgres`` and ``clickhouse`` give the same settings with that server running and
its schema made. ``warehouse`` is an admin's ClickHouse client. A test that writes cleans up by its own fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from include.settings import Settings
from include.warehouse.client import connect
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the installation of this test session."""
    return settings_of(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def postgres(settings: Settings) -> Iterator[Settings]:
    """The settings, with PostgreSQL running and the application's schema at its newest revision."""
    with migrated_postgres(settings):
        yield settings


@pytest.fixture(scope="session")
def clickhouse(settings: Settings) -> Iterator[Settings]:
    """The settings, with the embedded ClickHouse running and migrated."""
    with migrated_clickhouse(settings):
        yield settings


@pytest.fixture
def warehouse(clickhouse: Settings) -> Iterator[Client]:
    """A client of the embedded ClickHouse, as the admin."""
    client = connect(clickhouse)
    yield client
    client.close()


# Where tests run in several processes a file stays in one, and so do files and folders that share a costly fixture.
TOGETHER = {
    "dashboard": "dashboard",
    "test_samples_to_insights.py": "samples",
    "test_samples_to_marts.py": "samples",
}


class FileByFile(LoadFileScheduling):
    """Gives whole files to processes."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(super()._split_scope(nodeid))
        return TOGETHER.get(file.name) or TOGETHER.get(file.parent.name) or str(file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileByFile:
    """How ``-n`` deals out the tests."""
    return FileByFile(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Last of all a short line for everything that failed: often the end of a log is what is seen of it."""
    yield
    for status in ("failed", "error"):
        for report in terminalreporter.stats.get(status, []):
            reason = getattr(getattr(report.longrepr, "reprcrash", None), "message", "") or str(report.longrepr)
            terminalreporter.write_line(f"{status}: {report.nodeid}: {' '.join(reason.split())[:200]}")
