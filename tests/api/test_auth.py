"""Log-in, tokens, roles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import psycopg2
import pytest
from fastapi.testclient import TestClient
from limits import parse
from pydantic import SecretStr

from include.api.access.tokens import AUDIENCE, ISSUER, make_token
from include.api.app import create_app
from include.api.limits import _Memory, _Shared
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
        cursor.execute(
            "SELECT role, workspace, password_hash FROM users JOIN memberships USING (username) WHERE username = 'admin'"
        )
        role, workspaces, known = cursor.fetchone() or ()
    assert (role, workspaces) == ("admin", "*")
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
    claims = {"sub": "ana", "grants": {"*": "admin"}, "iss": ISSUER, "aud": AUDIENCE, "exp": 4102444800}
    secret = site.jwt_secret.get_secret_value()
    return {
        "expired": make_token(site, Caller.of("ana", {"*": "admin"}), seconds=-1),
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


def test_a_viewer_may_look_only(api: TestClient, log_in: LogIn) -> None:
    assert api.get(f"{INSIGHTS}/1", headers=log_in("vic")).status_code == 200
    answer = api.patch(f"{INSIGHTS}/1", headers=log_in("vic"), json={"status": "acknowledged"})
    assert answer.status_code == 403


def test_refresh_tokens_are_used_once_and_end_with_the_log_out(api: TestClient) -> None:
    first = api.post("/api/v1/auth/token", data={"username": "ana", "password": PASSWORD}).json()
    second = api.post("/api/v1/auth/refresh", data={"refresh_token": first["refresh_token"]})
    assert second.status_code == 200, second.text
    assert second.headers["cache-control"] == "no-store"
    assert api.post("/api/v1/auth/refresh", data={"refresh_token": first["refresh_token"]}).status_code == 401
    headers = {"Authorization": f"Bearer {second.json()['access_token']}"}
    assert api.get("/api/v1/auth/me", headers=headers).json()["roles"] == {"demo": "analyst"}
    token = {"refresh_token": second.json()["refresh_token"]}
    assert api.post("/api/v1/auth/logout", data=token).status_code == 204
    assert api.post("/api/v1/auth/refresh", data=token).status_code == 401
    assert api.get("/api/v1/auth/me", headers=headers).status_code == 401


def test_a_refresh_token_that_was_stolen_ends_the_log_in(api: TestClient, site: Settings) -> None:
    first = api.post("/api/v1/auth/token", data={"username": "ana", "password": PASSWORD}).json()
    second = api.post("/api/v1/auth/refresh", data={"refresh_token": first["refresh_token"]}).json()
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE refresh_tokens SET used_at = used_at - interval '1 minute' WHERE used_at IS NOT NULL")
    for token in (first, second):
        answer = api.post("/api/v1/auth/refresh", data={"refresh_token": token["refresh_token"]})
        assert answer.status_code == 401


def test_a_browser_keeps_its_refresh_token_in_a_cookie(api: TestClient) -> None:
    with TestClient(api.app, base_url="http://testserver") as browser:
        answer = browser.post("/api/v1/auth/token?cookie=true", data={"username": "ana", "password": PASSWORD})
        assert answer.json()["refresh_token"] is None
        assert {"HttpOnly", "SameSite=strict", "Path=/api/v1/auth"} <= set(answer.headers["set-cookie"].split("; "))
        assert browser.post("/api/v1/auth/refresh").json()["refresh_token"] is None
        assert browser.get(INSIGHTS).status_code == 401  # the cookie alone reads nothing
        assert browser.post("/api/v1/auth/logout").status_code == 204
        assert browser.post("/api/v1/auth/refresh").status_code == 401


def test_keys_are_shown_once_used_and_revoked(api: TestClient, log_in: LogIn, site: Settings) -> None:
    wanted = {"name": "sheet", "workspace": "demo", "role": "viewer"}
    made = api.post("/api/v1/auth/keys", headers=log_in("ana"), json=wanted)
    assert made.status_code == 201, made.text
    key = made.json()
    for headers in ({"Authorization": f"Bearer {key['key']}"}, {"X-API-Key": key["key"]}):
        assert api.get(f"{INSIGHTS}/1", headers=headers).status_code == 200
        assert api.patch(f"{INSIGHTS}/1", headers=headers, json={"status": "open"}).status_code == 403
        assert api.post("/api/v1/auth/keys", headers=headers, json=wanted).status_code == 403
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT key_hash FROM api_keys WHERE id = %s", (key["id"],))
        assert key["key"] not in str(cursor.fetchone())
    [listed] = [k for k in api.get("/api/v1/auth/keys", headers=log_in("ana")).json() if k["id"] == key["id"]]
    assert listed["last_used_at"] is not None
    assert key["key"].startswith(listed["prefix"])
    assert "key" not in listed
    for name, status in (("otto", 404), ("olga", 404), ("ana", 200)):
        assert api.delete(f"/api/v1/auth/keys/{key['id']}", headers=log_in(name)).status_code == status
    assert api.get(INSIGHTS, headers={"X-API-Key": key["key"]}).status_code == 401


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "x", "workspace": "other"},
        {"name": "x", "workspace": "*"},
        {"name": "x", "workspace": "demo", "role": "admin"},
    ],
)
def test_a_key_may_not_do_more_than_its_maker(api: TestClient, log_in: LogIn, wanted: dict[str, str]) -> None:
    assert api.post("/api/v1/auth/keys", headers=log_in("ana"), json=wanted).status_code == 403


def test_an_admin_keeps_to_the_own_workspace(api: TestClient, log_in: LogIn) -> None:
    olga, users = log_in("olga"), "/api/v1/admin/users"
    assert {u["username"] for u in api.get(users, headers=olga).json()} == {"olga", "otto"}
    new = {"username": "nina", "password": "a long password", "workspace": "other", "role": "analyst"}
    assert api.post(users, headers=olga, json=new | {"workspace": "demo"}).status_code == 403
    assert api.post(users, headers=olga, json=new | {"workspace": "*"}).status_code == 403
    assert api.post(users, headers=olga, json=new).status_code == 201
    assert api.post(users, headers=olga, json=new).status_code == 409
    token = api.post("/api/v1/auth/token", data={"username": "nina", "password": "a long password"}).json()
    nina = {"Authorization": f"Bearer {token['access_token']}"}
    assert api.get("/api/v1/auth/me", headers=nina).json()["roles"] == {"other": "analyst"}
    # Once she works elsewhere too, her password is no longer olga's to set.
    granted = api.put(f"{users}/nina/workspaces/demo", headers=log_in("admin"), json={"role": "viewer"})
    assert granted.json()["roles"] == {"demo": "viewer", "other": "analyst"}
    assert api.get(users, headers=olga).json()[0]["roles"] == {"other": "analyst"}
    assert api.patch(f"{users}/nina", headers=olga, json={"password": "stolen stolen"}).status_code == 403
    assert api.patch(f"{users}/ana", headers=olga, json={"password": "stolen stolen"}).status_code == 404
    assert api.put(f"{users}/olga/workspaces/demo", headers=olga, json={"role": "admin"}).status_code == 403
    assert api.delete(f"{users}/nina", headers=olga).status_code == 403
    assert api.delete(f"{users}/nina/workspaces/other", headers=olga).status_code == 204
    assert api.get("/api/v1/auth/me", headers=nina).json()["roles"] == {"demo": "viewer"}
    assert api.patch(f"{users}/nina", headers=log_in("admin"), json={"disabled": True}).status_code == 200
    assert api.get("/api/v1/auth/me", headers=nina).status_code == 401
    assert api.delete(f"{users}/nina", headers=log_in("admin")).status_code == 204
    assert api.get(users, headers=log_in("ana")).status_code == 403


def test_an_admin_of_a_workspace_brings_in_nobody_else_s_user(api: TestClient, log_in: LogIn, site: Settings) -> None:
    olga, users, role = log_in("olga"), "/api/v1/admin/users", {"role": "viewer"}
    stranger, nobody = (
        api.put(f"{users}/{name}/workspaces/other", headers=olga, json=role) for name in ("ana", "nobody")
    )
    assert stranger.status_code == nobody.status_code == 404
    assert stranger.json()["detail"] == nobody.json()["detail"].replace("nobody", "ana")
    assert api.put(f"{users}/otto/workspaces/other", headers=olga, json={"role": "analyst"}).status_code == 200
    granted = api.put(f"{users}/ana/workspaces/other", headers=log_in("admin"), json=role)
    assert granted.json()["roles"] == {"demo": "analyst", "other": "viewer"}
    # From then on she is olga's too, as far as olga's workspace goes.
    changed = api.put(f"{users}/ana/workspaces/other", headers=olga, json={"role": "analyst"})
    assert changed.json()["roles"] == {"other": "analyst"}
    assert api.delete(f"{users}/ana/workspaces/other", headers=olga).status_code == 204


def test_failed_log_ins_are_limited(site: Settings) -> None:
    strict = site.model_copy(update={"login_rate_limit": "3/minute"})
    with TestClient(create_app(strict)) as client:
        wrong = {"username": "mallory", "password": "guess"}
        answers = [client.post("/api/v1/auth/token", data=wrong) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        assert int(answers[-1].headers["retry-after"]) > 0
        assert client.post("/api/v1/auth/token", data={"username": "ana", "password": PASSWORD}).status_code == 200


def test_log_ins_at_the_same_moment_pass_no_limit(site: Settings) -> None:
    strict = site.model_copy(update={"login_rate_limit": "10/hour"})
    with TestClient(create_app(strict)) as client, ThreadPoolExecutor(60) as crowd:
        wrong = {"username": "mallory", "password": "guess"}
        answers = list(crowd.map(lambda _: client.post("/api/v1/auth/token", data=wrong).status_code, range(120)))
        assert Counter(answers) == {401: 10, 429: 110}
        # Of as many names as tries, each is heard: a wait for its turn, no word of a database that is away.
        guesses = [{"username": f"mallory {n}", "password": "guess"} for n in range(80)]
        answers = list(crowd.map(lambda guess: client.post("/api/v1/auth/token", data=guess).status_code, guesses))
        assert set(answers) == {401}
        # Right ones are taken back, and those that were refused meanwhile count for nothing.
        right = {"username": "ana", "password": PASSWORD}
        answers = list(crowd.map(lambda _: client.post("/api/v1/auth/token", data=right).status_code, range(30)))
        assert set(answers) <= {200, 429} and answers.count(200) >= 10
        assert client.post("/api/v1/auth/token", data=right).status_code == 200


@pytest.mark.parametrize("store", [_Memory, lambda: _Shared("memory://")])
def test_what_is_taken_back_counts_no_more(store: Callable[[], _Memory | _Shared]) -> None:
    counts, limit = store(), parse("10/hour")
    with ThreadPoolExecutor(20) as crowd:
        passed = list(crowd.map(lambda _: counts.hit(limit, "log-in", "ana"), range(50)))
        assert passed.count(True) == 10
        list(crowd.map(lambda _: counts.take_back(limit, "log-in", "ana"), range(41)))
    assert counts.hit(limit, "log-in", "ana") and not counts.hit(limit, "log-in", "ana")


def test_a_new_password_ends_every_session(api: TestClient, log_in: LogIn) -> None:
    def log_in_with(password: str) -> Any:
        return api.post("/api/v1/auth/token", data={"username": "vic", "password": password})

    old = log_in_with(PASSWORD).json()
    headers = {"Authorization": f"Bearer {old['access_token']}"}
    change = {"current_password": "wrong", "new_password": "another one"}
    assert api.post("/api/v1/auth/password", headers=headers, json=change).status_code == 403
    change["current_password"] = PASSWORD
    assert api.post("/api/v1/auth/password", headers=headers, json=change).status_code == 204
    assert api.post("/api/v1/auth/refresh", data={"refresh_token": old["refresh_token"]}).status_code == 401
    assert log_in_with(PASSWORD).status_code == 401
    new = log_in_with("another one").json()
    back = {"current_password": "another one", "new_password": PASSWORD}
    headers = {"Authorization": f"Bearer {new['access_token']}"}
    assert api.post("/api/v1/auth/password", headers=headers, json=back).status_code == 204


def test_the_settings_alone_change_their_admin(api: TestClient, log_in: LogIn, site: Settings) -> None:
    admin, user = log_in("admin"), "/api/v1/admin/users/admin"
    own = site.admin_password.get_secret_value()
    change = {"current_password": own, "new_password": "another one"}
    refused = [
        api.post("/api/v1/auth/password", headers=admin, json=change),
        api.patch(user, headers=admin, json={"password": "another one"}),
        api.delete(user, headers=admin),
        api.delete(f"{user}/workspaces/*", headers=admin),
        api.put(f"{user}/workspaces/*", headers=admin, json={"role": "viewer"}),
    ]
    assert [answer.status_code for answer in refused] == [409] * len(refused)
    assert all("INSIGHTFLOW_ADMIN_PASSWORD" in answer.json()["detail"] for answer in refused)
    # What the settings do not give can be changed: a role beside that in every workspace.
    assert api.put(f"{user}/workspaces/demo", headers=admin, json={"role": "viewer"}).status_code == 200
    assert api.delete(f"{user}/workspaces/demo", headers=admin).status_code == 204


def test_an_admin_without_a_role_has_it_back_at_the_log_in(api: TestClient, site: Settings) -> None:
    # As an older version could leave it.
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM memberships WHERE username = 'admin'")
    password = site.admin_password.get_secret_value()
    token = api.post("/api/v1/auth/token", data={"username": "admin", "password": password}).json()
    assert token["roles"] == {"*": "admin"}


def test_a_new_password_in_the_settings_ends_the_admins_sessions(site: Settings) -> None:
    def log_in(client: TestClient, password: str) -> Any:
        return client.post("/api/v1/auth/token", data={"username": "root", "password": password})

    first, second = (
        site.model_copy(update={"admin_user": "root", "admin_password": SecretStr(password)})
        for password in ("the first one", "the second one")
    )
    with TestClient(create_app(first)) as client:
        old = log_in(client, "the first one").json()
    with TestClient(create_app(second)) as client:
        assert log_in(client, "the first one").status_code == 401
        assert log_in(client, "the second one").status_code == 200
        token = {"refresh_token": old["refresh_token"]}
        assert client.post("/api/v1/auth/refresh", data=token).status_code == 401
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM users WHERE username = 'root'")
