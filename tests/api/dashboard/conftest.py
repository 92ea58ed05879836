"""The dashboard in a real browser, over a site of the sample exports that is built once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from include.settings import Settings
from tests.support import demo_data
from tests.support.api_server import api_server
from tests.support.browser import Visitor, chromium_path, launched
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of


@dataclass(frozen=True)
class Site:
    """A running installation and the log-ins of its users."""

    url: str
    settings: Settings

    def session(self, name: str) -> str:
        """What the dashboard keeps of a log-in."""
        answer = httpx.post(
            f"{self.url}/api/v1/auth/token", data={"username": name, "password": demo_data.PASSWORD}, timeout=30
        )
        answer.raise_for_status()
        return json.dumps({**answer.json(), "name": name})

    def get(self, path: str, name: str = "ana", **params: Any) -> dict[str, Any]:
        """What the API answers."""
        token = json.loads(self.session(name))["access_token"]
        answer = httpx.get(
            f"{self.url}/api/v1/{path}", params=params, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        answer.raise_for_status()
        return dict(answer.json())


@pytest.fixture(scope="package")
def demo_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The sample exports through landing, dbt and publishing, and the API over them."""
    chromium_path()
    settings = settings_of(tmp_path_factory.mktemp("dashboard"))
    with migrated_postgres(settings), migrated_clickhouse(settings):
        demo_data.fill(settings)
        with api_server(settings) as url:
            yield Site(url, settings)


# A module's, not the session's: while Playwright is on, no other test can run an event loop in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, and patience with a machine that others keep busy."""
    expect.set_options(timeout=5_000 * min(max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)), 6))
    with sync_playwright() as playwright, launched(playwright) as started:
        yield started


@pytest.fixture(scope="module")
def sessions(demo_site: Site) -> Callable[[str], str]:
    """Log-ins, each made once: a token is short-lived."""
    known: dict[str, str] = {}

    def session(name: str) -> str:
        if name not in known:
            known[name] = demo_site.session(name)
        return known[name]

    return session


@pytest.fixture
def ana(browser: Browser, demo_site: Site, sessions: Callable[[str], str]) -> Iterator[Visitor]:
    """An analyst, logged in."""
    visitor = Visitor(browser, demo_site.url, sessions("ana"))
    yield visitor
    visitor.close()


@pytest.fixture
def vic(browser: Browser, demo_site: Site, sessions: Callable[[str], str]) -> Iterator[Visitor]:
    """A viewer, logged in."""
    visitor = Visitor(browser, demo_site.url, sessions("vic"))
    yield visitor
    visitor.close()


@pytest.fixture
def eve(browser: Browser, demo_site: Site, sessions: Callable[[str], str]) -> Iterator[Visitor]:
    """An analyst of a workspace without data, logged in."""
    visitor = Visitor(browser, demo_site.url, sessions("eve"))
    yield visitor
    visitor.close()


@pytest.fixture
def admin(browser: Browser, demo_site: Site, sessions: Callable[[str], str]) -> Iterator[Visitor]:
    """Who sees every workspace, logged in."""
    visitor = Visitor(browser, demo_site.url, sessions("zoe"))
    yield visitor
    visitor.close()


@pytest.fixture
def stranger(browser: Browser, demo_site: Site) -> Iterator[Visitor]:
    """Somebody who is not logged in."""
    visitor = Visitor(browser, demo_site.url)
    yield visitor
    visitor.close()
