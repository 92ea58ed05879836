"""Log-in, tokens, roles."""

from __future__ import annotations

import jwt
import psycopg2
import pytest
from fastapi.testclient import TestClient

from include.api.auth import AUDIENCE, ISSUER, make_token
from include.api.scope import Caller
from include.settings import Settings
from tests.api.conftest import PASSWORD, LogIn

pytestmark = pytest.mark.integration
INSIGHTS = "/api/v1/insights"


def test_the_token_says_who_and_which_workspaces(api: TestClient) -> None:
    answer = api.post("/api/v1/auth/token", data={"username": "ana", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()
    assert (token["token_type"], token["role"], token["workspaces"]) == ("bearer", "analyst", ["demo"])


def test_the_admin_of_the_settings_can_log_in(api: TestClient, log_in: LogIn, site: Settings) -> None:
    assert api.get(INSIGHTS, headers=log_in("admin")).status_code == 200
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT role, workspaces, password_hash FROM users WHERE username = 'admin'")
        role, workspaces, known = cursor.fetchone() or ()
    assert (role, workspaces) == ("admin", ["*"])
    assert known.startswith("$argon2id$")


@pytest.mark.parametrize(("name", "password"), [("ana", "wrong"), ("nobody", PASSWORD), ("admin", ""), ("admin", "x")])
def test_a_wrong_log_in_is_refused(api: TestClient, name: str, password: str) -> None:
    answer = api.post("/api/v1/auth/token", data={"username": name, "password": password})
    assert answer.status_code in (401, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_disabled_user_is_refused(api: TestClient, site: Settings) -> None:
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE users SET disabled_at = now() WHERE username = 'vic'")
    try:
        assert api.post("/api/v1/auth/token", data={"username": "vic", "password": PASSWORD}).status_code == 401
    finally:
        with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE users SET disabled_at = NULL")


def _forged(site: Settings) -> dict[str, str]:
    claims = {"sub": "ana", "role": "admin", "workspaces": ["*"], "iss": ISSUER, "aud": AUDIENCE, "exp": 4102444800}
    secret = site.jwt_secret.get_secret_value()
    return {
        "expired": make_token(site, Caller("ana", "admin", ("*",)), seconds=-1),
        "other key": jwt.encode(claims, "x" * 64, algorithm="HS256"),
        "no signature": jwt.encode(claims, None, algorithm="none"),
        "of Airflow": jwt.encode(claims | {"aud": "apache-airflow"}, secret, algorithm="HS256"),
        "without end": jwt.encode({k: v for k, v in claims.items() if k != "exp"}, secret, algorithm="HS256"),
        "no token": "x.y.z",
    }


def test_tokens_that_are_not_ours_are_refused(api: TestClient, site: Settings) -> None:
    for name, token in _forged(site).items():
        answer = api.get(INSIGHTS, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, name
        assert answer.headers["www-authenticate"] == "Bearer"


def test_every_data_route_wants_a_token(api: TestClient) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    routes = [(method, path) for path, item in paths.items() for method in item if path.startswith("/api/")]
    assert len(routes) >= 6
    for method, path in routes:
        if path != "/api/v1/auth/token":
            answer = api.request(method, path.format(insight_id=1), json={"status": "open"})
            assert answer.status_code == 401, (method, path)


def test_a_viewer_may_look_only(api: TestClient, log_in: LogIn) -> None:
    assert api.get(f"{INSIGHTS}/1", headers=log_in("vic")).status_code == 200
    answer = api.patch(f"{INSIGHTS}/1", headers=log_in("vic"), json={"status": "acknowledged"})
    assert answer.status_code == 403
