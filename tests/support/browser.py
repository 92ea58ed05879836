"""Debian's Chromium, driven by Playwright: pages that are logged in, and that must stay free of errors."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESK = {"width": 1360, "height": 860}
PHONE = {"width": 390, "height": 844}


def chromium_path() -> str:
    """The browser's program. Where there is none the test is skipped with what to install, and fails under CI."""
    path = os.environ.get("INSIGHTFLOW_TEST_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if Path(path).exists():
        return path
    what = "Chromium is not installed: apt-get install chromium, or name it in INSIGHTFLOW_TEST_CHROMIUM"
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def pick(page: Page, name: str) -> None:
    """Choose one of several radio buttons."""
    page.get_by_role("radio", name=name, exact=True).click()


@contextlib.contextmanager
def launched(playwright: Playwright) -> Iterator[Browser]:
    """A browser with a profile of its own."""
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
    try:
        yield browser
    finally:
        browser.close()


@dataclass
class Visitor:
    """A person with a browser. Nothing on their pages may go wrong, or come from another server, unless allowed."""

    browser: Browser
    url: str
    session: str | None = None
    allowed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, path: str = "/", *, phone: bool = False, scheme: str = "light", **context: Any) -> Page:
        """A page at a path, after its requests have been answered."""
        page = self.blank(phone=phone, scheme=scheme, **context)
        page.goto(self.url + path)
        page.wait_for_load_state("networkidle")
        return page

    def blank(self, *, phone: bool = False, scheme: str = "light", **context: Any) -> Page:
        """A page that shows nothing yet."""
        made = self.browser.new_context(
            viewport=PHONE if phone else DESK, has_touch=phone, color_scheme=scheme, reduced_motion="reduce", **context
        )
        made.set_default_timeout(15_000)
        self.contexts.append(made)
        if self.session:
            # As the log-in form leaves it, in each tab.
            made.add_init_script(
                "try { if (!sessionStorage.getItem('insightflow.session'))"
                f" sessionStorage.setItem('insightflow.session', {json.dumps(self.session)}) }} catch {{}}"
            )
        page = made.new_page()
        page.on("console", lambda said: self._note(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self._note(f"uncaught: {error}"))
        page.on("request", lambda request: self._foreign(request.url))
        return page

    def close(self) -> None:
        """Close every page and fail where one had an error."""
        for context in self.contexts:
            context.close()
        assert not self.wrong, self.wrong

    def _note(self, text: str) -> None:
        if not any(part in text for part in self.allowed):
            self.wrong.append(text)

    def _foreign(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:")):
            self.wrong.append(f"asked another server: {url}")
