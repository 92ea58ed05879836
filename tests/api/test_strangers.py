"""Every route of the app as somebody who may not: without a log-in, from another workspace, as a viewer, with made-up ids.

The routes are taken from the app, so a new one is tried without being listed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from include.settings import REPO, Settings
from tests.api.conftest import LogIn

pytestmark = pytest.mark.integration

OPEN = {
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/"), ("GET", "/docs"), ("GET", "/dbt-docs"), ("GET", "/dbt-docs/builds"),
    ("GET", "/quality"), ("GET", "/quality/docs/{workspace}/{site}/{page:path}"),  # by a cookie: see test_quality_page.py
    ("POST", "/api/v1/auth/token"), ("POST", "/api/v1/auth/refresh"), ("POST", "/api/v1/auth/logout"),
}  # fmt: skip
SECRETS = ("demo finding", "Generic", "Video", "landing/demo", "cell `", '"demo"', '"c2"', '"c3"')
BODIES: dict[str, Any] = {
    "/api/v1/insights/{insight_id}": {"status": "resolved"},
    "/api/v1/auth/keys": {"name": "x", "workspace": "demo"},
    "/api/v1/auth/password": {"current_password": "x", "new_password": "xxxxxxxxx"},
    "/api/v1/admin/users": {"username": "eve", "password": "xxxxxxxxx", "workspace": "demo", "role": "admin"},
    "/api/v1/admin/users/{username}": {"password": "xxxxxxxxx"},
    "/api/v1/admin/users/{username}/workspaces/{workspace}": {"role": "admin"},
    "/api/v1/admin/alerts/{workspace}": {"enabled": True, "targets": ["json://example.com"]},
}


def routes(api: TestClient) -> Iterator[tuple[str, str]]:
    for route in api.app.routes:  # type: ignore[attr-defined]  # typed as any ASGI app
        if isinstance(route, APIRoute):
            for method in sorted(route.methods):
                yield method, route.path


def ask(api: TestClient, method: str, path: str, headers: dict[str, str], **ids: Any) -> Any:
    values = {"username": "ana", "workspace": "demo", "insight_id": 1, "key_id": 1} | ids
    url = re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: str(values.get(m[1], "00000000-0000-4000-8000-000000000000")), path)
    given: dict[str, Any] = {"json": BODIES[path]} if path in BODIES and method in ("POST", "PATCH", "PUT") else {}
    return api.request(method, url, headers=headers, **given)


def test_without_a_log_in_nothing_answers(api: TestClient) -> None:
    tried = 0
    for method, path in routes(api):
        if (method, path) not in OPEN:
            for headers in ({}, {"Authorization": "Bearer x.y.z"}, {"X-API-Key": "ifk_" + "x" * 43}):
                answer = ask(api, method, path, headers)
                assert answer.status_code == 401, (method, path, answer.text)
            tried += 1
    assert tried >= 25


def state(site: Settings) -> list[Any]:
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        found: list[Any] = []
        for query in (
            "SELECT id, status, status_by FROM insights ORDER BY id",
            "SELECT username, password_hash, disabled_at FROM users ORDER BY 1",
            "SELECT username, workspace, role FROM memberships ORDER BY 1, 2",
            "SELECT id, revoked_at FROM api_keys ORDER BY 1",
            "SELECT id FROM uploads WHERE workspace = 'demo'",
            "SELECT workspace, enabled FROM alert_settings WHERE workspace = 'demo'",
        ):
            cursor.execute(query)
            found.append(cursor.fetchall())
    return found


@pytest.mark.parametrize("name", ["otto", "olga"])
def test_another_workspace_s_user_sees_and_changes_nothing(
    api: TestClient, log_in: LogIn, site: Settings, name: str
) -> None:
    log_in("admin")  # whom the app makes beside its start
    headers, before = log_in(name), state(site)
    mine = [item["id"] for item in api.get("/api/v1/insights", headers=log_in("ana")).json()["items"]]
    for method, path in routes(api):
        if (method, path) in OPEN or path == "/api/v1/auth/password":
            continue
        for insight_id in mine[:2] if "insight_id" in path else (1,):
            answer = ask(api, method, path, headers, insight_id=insight_id)
            assert answer.status_code < 500, (method, path, answer.text)
            if answer.status_code < 400:
                leaked = [secret for secret in SECRETS if secret in answer.text]
                assert not leaked, (method, path, leaked)
            if "{" in path:
                assert answer.status_code in (403, 404, 422), (method, path, answer.text)
        asked = api.request(method, re.sub(r"\{\w+\}", "1", path), headers=headers, params={"workspace": "demo"})
        assert asked.status_code >= 400 or not [s for s in SECRETS if s in asked.text], (method, path, asked.text)
    assert state(site) == before


def test_a_viewer_changes_nothing(api: TestClient, log_in: LogIn, site: Settings) -> None:
    headers, before = log_in("vic"), state(site)
    for method, path in routes(api):
        if (
            method not in ("GET", "HEAD")
            and (method, path) not in OPEN
            and not path.startswith("/api/v1/auth/")
            and not path.endswith("/session")
        ):
            answer = ask(api, method, path, headers)
            assert answer.status_code in (403, 404, 415, 422), (method, path, answer.text)
    assert state(site) == before


@pytest.mark.parametrize("insight_id", [0, -1, 10**30, "1%20OR%201=1", "1;--", "..%2F1", "null", "１"])
def test_made_up_ids_are_refused(api: TestClient, log_in: LogIn, insight_id: object) -> None:
    for tail in ("", "/rows", "/evidence"):
        answer = api.get(f"/api/v1/insights/{insight_id}{tail}", headers=log_in("otto"))
        assert answer.status_code in (404, 422), answer.text


def test_the_database_itself_holds_the_rows_back(site: Settings) -> None:
    """Whatever a handler forgot: the role of the API sees, without or with the settings, only what these name."""
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE insightflow_api")
        for table in ("insights", "uploads", "memberships", "api_keys", "alert_settings", "insight_versions"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,), table
        cursor.execute("SELECT set_config('insightflow.sees', 'other', true)")
        cursor.execute("SELECT DISTINCT workspace FROM insights")
        assert cursor.fetchall() == [("other",)]
        cursor.execute("UPDATE insights SET status = 'open', status_by = 'x', status_at = now()")
        assert cursor.rowcount == 0
        cursor.execute("SELECT rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = 'insightflow_api'")
        assert cursor.fetchone() == (False, False, False)
        for forbidden in ("SELECT password_hash FROM users", "SELECT key_hash FROM api_keys", "TABLE refresh_tokens"):
            cursor.execute("SAVEPOINT s")
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(forbidden)
            cursor.execute("ROLLBACK TO s")
        connection.rollback()


def test_only_the_scoped_ways_lead_to_the_databases() -> None:
    """Handlers ask by ``Warehouse`` and ``Backends.postgres``; what is not scoped is for named modules alone."""
    allowed = {"backends.py", "warehouse.py", "versions.py", "sessions.py", "resolve.py", "look.py", "builds.py"}
    for path in (REPO / "include" / "api").rglob("*.py"):
        if path.name not in allowed:
            text = path.read_text().replace("request.stream(", "").replace("warehouse.stream(", "")
            for way in (".identity(", "backends.query(", "databases.query(", ".stream(", "connect("):
                assert way not in text, (path.name, way)
