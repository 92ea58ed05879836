"""Take docs/screenshots again: ``python -m tests.support.screenshots``, with the demo running (``make screenshots``)."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import httpx
from playwright.sync_api import Browser, sync_playwright
from rich.terminal_theme import MONOKAI

from include.cli.demo import print_insights
from include.cli.output import console
from include.settings import REPO, Settings, get_settings
from tests.support.browser import Visitor, launched

FOLDER = REPO / "docs" / "screenshots"
CAMPAIGN = "platform=google_ads&account=6289913047&name_account=Northwind+UK&campaign=21765400301&name_campaign=PMax+%7C+Shoes+%7C+UK"
# Name, address, colour scheme, whether on a phone, height of the page (0: as much as there is).
SHOTS = (
    ("overview", "/", "light", False, 0),
    ("inbox_dark", "/?view=inbox", "dark", False, 860),
    ("insight", "/?view=inbox&id={insight}", "light", False, 0),
    ("trends", f"/?view=trends&{CAMPAIGN}&metric=ctr&days=90", "light", False, 0),
    ("campaigns", "/?view=campaigns&days=28", "light", False, 860),
    ("pacing", "/?view=pacing", "light", False, 0),
    ("health", "/?view=health", "light", False, 0),
    ("phone", "/", "light", True, 844),
)
TERMINAL = "demo_insights"  # what the demo prints
TERMINAL_PAGE = (
    "<body style='background: #0d1017; color: #e6e9ef; margin: 24px'>"
    "<pre style='font: 14px/20px monospace; margin: 0'>{code}</pre></body>"
)


def main(names: list[str]) -> None:
    """Take the named pictures, or all."""
    settings = get_settings()
    url = settings.public_url
    login = {"username": settings.admin_user, "password": settings.admin_password.get_secret_value()}
    token = httpx.post(f"{url}/api/v1/auth/token", data=login, timeout=30).raise_for_status().json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    found = httpx.get(
        f"{url}/api/v1/insights", params={"limit": 1, "kind": "tracking_break"}, headers=headers, timeout=30
    ).json()["items"]
    session = json.dumps({**token, "name": settings.admin_user})
    with sync_playwright() as playwright, launched(playwright) as browser:
        for name, path, scheme, phone, height in SHOTS:
            if names and name not in names:
                continue
            visitor = Visitor(browser, url, session)
            page = visitor.open(path.format(insight=found[0]["id"]), scheme=scheme, phone=phone)
            page.wait_for_timeout(500)
            picture: Path = FOLDER / f"{name}.png"
            page.screenshot(path=picture, full_page=not height)
            visitor.close()
            _say(picture)
        if not names or TERMINAL in names:
            _say(_terminal(browser, settings))


def _terminal(browser: Browser, settings: Settings) -> Path:
    console.record, console.width, console.file = True, 190, io.StringIO()
    console.print("$ make demo\n…", end="")
    print_insights(settings)
    page = browser.new_page(viewport={"width": 1250, "height": 100})
    page.set_content(console.export_html(theme=MONOKAI, inline_styles=True, code_format=TERMINAL_PAGE))
    picture = FOLDER / f"{TERMINAL}.png"
    page.screenshot(path=picture, full_page=True)
    page.close()
    return picture


def _say(picture: Path) -> None:
    sys.stdout.write(f"{picture.relative_to(REPO)}: {picture.stat().st_size // 1024} KB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
