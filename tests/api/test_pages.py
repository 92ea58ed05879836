"""The pages: their policies, their assets, and dbt's documentation behind the log-in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from include.api.app import create_app
from include.api.routes.pages import DASHBOARD
from include.api.vendor import MANIFEST, VENDOR, digest
from include.settings import Settings
from tests.api.conftest import LogIn

ASSETS = "/assets/dashboard/"


@pytest.fixture(scope="module")
def page(settings: Settings) -> Iterator[TestClient]:
    """The app; pages need no database."""
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def policy(text: str) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in text.split(";") if " " in part.strip())


def test_the_dashboard_runs_no_inline_code_and_asks_no_other_server(page: TestClient, settings: Settings) -> None:
    answer = page.get("/")
    rules = policy(answer.headers["content-security-policy"])
    assert rules["default-src"] == "'none'"
    for name in ("script-src", "style-src", "font-src", "connect-src"):
        assert rules[name] == "'self'", name
    assert rules["frame-ancestors"] == f"'self' {settings.public_airflow_url}"
    assert rules["require-trusted-types-for"] == "'script'"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style|https?://", answer.text)


def test_every_module_of_the_first_view_is_asked_for_at_once(page: TestClient) -> None:
    def imports(path: Path, seen: set[Path]) -> set[Path]:
        seen.add(path)
        for found in re.findall(r"(?:import|export)\s[^;]*?from \"(\.[^\"]+)\"", path.read_text()):
            target = (path.parent / found).resolve()
            if target not in seen:
                imports(target, seen)
        return seen

    entry = DASHBOARD / "app.js"
    needed = {path.relative_to(DASHBOARD).as_posix() for path in imports(entry, set()) - {entry}}
    listed = re.findall(rf'rel="modulepreload" href="{ASSETS}([^"]+)"', page.get("/").text)
    assert sorted(listed) == sorted(needed)


def test_every_asset_that_is_named_is_there_and_is_asked_about_again(page: TestClient) -> None:
    named = set(re.findall(rf'(?:href|src)="({ASSETS}[^"]+)"', page.get("/").text))
    for sheet in DASHBOARD.glob("css/*.css"):
        named |= {
            f"{ASSETS}{found.removeprefix('../')}" for found in re.findall(r'url\("([^"]+)"\)', sheet.read_text())
        }
    assert len(named) > 15
    for path in named:
        answer = page.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "no-cache"
        again = page.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304, path


def test_the_libraries_are_the_files_that_npm_has() -> None:
    packages = json.loads(MANIFEST.read_text())
    listed = {file["file"]: file["sha256"] for package in packages for file in package["files"]}
    there = {path.name: digest(path) for path in VENDOR.iterdir() if path != MANIFEST}
    assert there == listed
    for package in packages:
        assert package["package"], package["version"]
        assert package["licence"]


def test_no_module_writes_markup() -> None:
    for path in [*DASHBOARD.glob("*.js"), *DASHBOARD.glob("lib/*.js"), *DASHBOARD.glob("views/*.js")]:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", path.read_text()), path


@pytest.fixture
def dictionary(site: Settings) -> Iterator[Path]:
    """What ``bin/insightflow docs`` writes, in small."""
    path = site.home / "dbt" / "docs" / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("<title>models</title>")
    yield path
    path.unlink()


@pytest.mark.integration
def test_dbt_docs_open_for_who_is_logged_in_only(site: Settings, log_in: LogIn, dictionary: Path) -> None:
    with TestClient(create_app(site)) as browser:
        sent = browser.get("/dbt-docs", follow_redirects=False)
        assert (sent.status_code, sent.headers["location"]) == (303, "/?view=docs")
        assert browser.post("/dbt-docs/session").status_code == 401

        opened = browser.post("/dbt-docs/session", headers=log_in("vic"))
        assert opened.status_code == 204
        cookie = opened.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/dbt-docs" in cookie
        shown = browser.get("/dbt-docs")
        assert shown.text == "<title>models</title>"
        rules = shown.headers["content-security-policy"]
        assert "sandbox allow-scripts;" in rules
        assert "allow-same-origin" not in rules
        assert f"frame-ancestors {site.public_airflow_url}" in rules

        # The cookie opens nothing else, and a token is no cookie.
        value = browser.cookies["insightflow_docs"]
        assert browser.get("/api/v1/insights", headers={"Authorization": f"Bearer {value}"}).status_code == 401
        browser.cookies.clear()
        token = log_in("vic")["Authorization"].removeprefix("Bearer ")
        browser.cookies.set("insightflow_docs", token)
        assert browser.get("/dbt-docs", follow_redirects=False).status_code == 303


@pytest.mark.integration
def test_dbt_docs_that_were_not_made_say_how_to_make_them(api: TestClient, log_in: LogIn) -> None:
    # The pages of builds open all the same.
    assert api.post("/dbt-docs/session", headers=log_in("vic")).status_code == 204
    answer = api.get("/dbt-docs", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?view=docs&missing=yes")
    api.cookies.clear()
