"""Health, metrics, the pages, and what happens while a database is away."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time

import psycopg2
import pytest
from fastapi.testclient import TestClient

from include.api import observe
from include.api.access.tokens import make_token
from include.api.app import create_app
from include.api.scope import Caller
from include.settings import REPO, Settings
from tests.api.conftest import LogIn
from tests.support.processes import free_port

pytestmark = pytest.mark.integration


def test_ready_when_both_databases_answer(api: TestClient) -> None:
    assert api.get("/healthz").json() == {"status": "ok"}
    answer = api.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "checks": {"clickhouse": "ok", "postgres": "ok"}}


@pytest.mark.parametrize(
    ("missing", "named", "path"),
    [
        ("clickhouse_url", "clickhouse", "/api/v1/insights/summary"),
        ("postgres_url", "postgres", "/api/v1/insights"),
    ],
)
def test_a_database_that_is_away_is_named_quickly(site: Settings, missing: str, named: str, path: str) -> None:
    scheme = {"clickhouse_url": "http://127.0.0.1:{}", "postgres_url": "postgresql://127.0.0.1:{}/insightflow"}
    broken = site.model_copy(update={missing: scheme[missing].format(free_port())})
    headers = {"Authorization": f"Bearer {make_token(broken, Caller.of('ana', {'demo': 'analyst'}))}"}
    with TestClient(create_app(broken), raise_server_exceptions=False) as client:
        assert client.get("/healthz").status_code == 200
        for url in ("/readyz", path):
            started = time.monotonic()
            answer = client.get(url, headers=headers)
            assert time.monotonic() - started < 4
            assert answer.status_code == 503, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) > 0
            assert named in answer.json()["detail"].lower()
            assert "password" not in answer.text
            assert site.postgres_password.get_secret_value() not in answer.text


def test_metrics_count_requests_by_route(api: TestClient, log_in: LogIn) -> None:
    for insight_id in (1, 2):
        api.get(f"/api/v1/insights/{insight_id}", headers=log_in("ana"))
    text = api.get("/metrics").text
    labels = 'method="GET",route="/api/v1/insights/{insight_id}",status="200"'
    found = re.search(rf"insightflow_requests_total\{{{re.escape(labels)}\}} (\d+)", text)
    assert found
    assert int(found[1]) >= 2
    assert 'le="+Inf"' in text


def test_pages_take_nothing_from_other_servers(api: TestClient) -> None:
    for page in ("/", "/docs"):
        answer = api.get(page)
        assert answer.status_code == 200
        assert re.match(r"default-src '(self|none)';", answer.headers["content-security-policy"])
        links = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
        assert links
        for link in links:
            assert not link.startswith(("http", "//")), link
            if link.startswith("/"):
                assert api.get(link).status_code == 200, link


def test_openapi_describes_errors(api: TestClient) -> None:
    document = api.get("/openapi.json").json()
    assert "Problem" in document["components"]["schemas"]
    listing = document["paths"]["/api/v1/insights"]["get"]["responses"]
    assert {"200", "401", "422", "503"} <= set(listing)
    assert list(listing["422"]["content"]) == ["application/problem+json"]


def test_request_ids_are_made_or_kept(api: TestClient) -> None:
    assert api.get("/healthz", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert len(api.get("/healthz", headers={"X-Request-ID": "a b\tc"}).headers["x-request-id"]) == 32


def test_each_request_is_one_json_object_in_the_log(
    api: TestClient, log_in: LogIn, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {**log_in("ana"), "X-Request-ID": "look-for-me"}
    with caplog.at_level(logging.INFO, logger="insightflow.access"):
        api.get("/api/v1/insights/999999", headers=headers)
    [line] = [json.loads(r.getMessage()) for r in caplog.records if "look-for-me" in r.getMessage()]
    assert line["ms"] >= 0 and line["timestamp"].endswith("Z")
    wanted = {"method": "GET", "path": "/api/v1/insights/999999", "route": "/api/v1/insights/{insight_id}", "status": 404,
              "caller": "ana", "request_id": "look-for-me", "level": "info"}  # fmt: skip
    assert line | wanted == line
    assert headers["Authorization"].split()[1] not in caplog.text


def test_an_answer_that_takes_too_long_is_a_503(
    api: TestClient, log_in: LogIn, site: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = log_in("ana")
    monkeypatch.setattr(observe, "ANSWER_SECONDS", 0.3)
    with psycopg2.connect(site.postgres_dsn()) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE insights IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        answer = api.get("/api/v1/insights", headers=headers, params={"min_impact": "0.07"})
        assert time.monotonic() - started < 5
        holder.rollback()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "too long" in answer.json()["detail"]
    monkeypatch.undo()
    assert api.get("/api/v1/insights", headers=headers, params={"min_impact": "0.07"}).status_code == 200


def test_importing_the_app_is_light() -> None:
    """Nothing heavy is loaded before it is needed, so the API starts quickly."""
    heavy = ("great_expectations", "pandas", "alembic", "clickhouse_connect", "argon2", "pyarrow")
    code = f"import sys, include.api.app; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
