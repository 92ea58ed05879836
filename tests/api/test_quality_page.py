"""The page that Airflow's check task links to, and the data docs behind it: each workspace sees its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import psycopg2
import pytest
from clickhouse_connect.driver.client import Client
from fastapi.testclient import TestClient

from include.api.app import create_app
from include.quality import QualityError, check_staging
from include.quality.docs import address
from include.settings import Settings
from include.warehouse.client import connect
from tests.api.conftest import LogIn
from tests.quality.test_check_staging import STAGING, row

pytestmark = pytest.mark.integration

RUN = "manual__2026-06-30T00:00:00+00:00"
DAY = date(2026, 6, 30)


@pytest.fixture(scope="module")
def checked(site: Settings) -> Iterator[Settings]:
    """A check that fails in both workspaces, with examples of either."""
    client: Client = connect(site)
    client.command("DROP TABLE IF EXISTS staging.stg_ad_performance")
    client.command("TRUNCATE TABLE ops.quality_results")
    client.command(STAGING)
    names = list(row())
    rows = [
        row(campaign_id="demo-secret", currency="dm1", account_id="77", clicks=5000),
        row(workspace="other", campaign_id="other-secret", currency="ot1", account_id="88", clicks=5000, row_number=2),
    ]
    client.insert("staging.stg_ad_performance", [[r[n] for n in names] for r in rows], column_names=names)
    with pytest.raises(QualityError):
        check_staging([DAY], RUN, site)
    yield site
    client.close()


@pytest.fixture
def browser(checked: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(checked), raise_server_exceptions=False) as browser:
        yield browser


def page_of(checked: Settings) -> str:
    return address(checked, RUN).removeprefix(checked.public_url)


def test_who_is_not_logged_in_is_sent_to_the_dashboard_and_comes_back(browser: TestClient, checked: Settings) -> None:
    sent = browser.get(page_of(checked), follow_redirects=False)
    assert sent.status_code == 303
    assert sent.headers["location"] == (
        "/?view=docs&open=%2Fquality%3Frun%3Dmanual__2026-06-30T00%253A00%253A00%252B00%253A00"
    )
    assert browser.post("/quality/session").status_code == 401
    docs = browser.get("/quality/docs/demo/x/index.html", follow_redirects=False)
    assert (docs.status_code, docs.headers["location"].split("&")[0]) == (303, "/?view=docs")


@pytest.mark.parametrize(("user", "own", "foreign"), [("vic", "demo", "other"), ("olga", "other", "demo")])
def test_a_workspace_sees_its_own_results_and_data_docs(
    browser: TestClient, checked: Settings, log_in: LogIn, user: str, own: str, foreign: str
) -> None:
    opened = browser.post("/quality/session", headers=log_in(user))
    assert "HttpOnly" in opened.headers["set-cookie"] and "Path=/quality" in opened.headers["set-cookie"]
    shown = browser.get(page_of(checked)).text
    code = own[:2] + "1"
    assert code.replace("de1", "dm1") in shown and "currency_is_a_code" in shown
    assert f"/quality/docs/{own}/" in shown and "clicks_are_within_impressions" in shown
    texts = [shown]
    links = re.findall(r'href="(/quality/docs/[^"]+)"', shown)
    assert len(links) == 2, "the united table's page and the source's"
    for link in links:
        answer = browser.get(link)
        assert answer.status_code == 200
        assert "Great Expectations" in answer.text
        assert not re.search(r"<script|(src|<link[^>]*href)=.https?:", answer.text), "nothing of another server"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        texts.append(answer.text)
        elsewhere = link.replace(f"/docs/{own}/", f"/docs/{foreign}/")
        for stolen in (elsewhere, f"/quality/docs/{own}/..%2F{foreign}/" + link.split("/", 5)[5], "/quality/docs/demo/x/%2e%2e/%2e%2e/%2e%2e/secrets.json"):  # fmt: skip
            assert browser.get(stolen).status_code == 404, stolen
    for text in texts:
        assert not re.search(
            {"demo": r"other-secret|ot1\b|\b88\b|\bother\b", "other": r"demo-secret|dm1\b|\bdemo\b"}[own], text
        )
    api = browser.get("/api/v1/data/quality", headers=log_in(user))
    assert {item["workspace"] for item in api.json()["items"]} == {own}
    assert ("ot1" if own == "demo" else "dm1") not in api.text


def test_a_cookie_opens_no_more_than_its_holder_may_see_now(
    browser: TestClient, checked: Settings, log_in: LogIn
) -> None:
    browser.post("/quality/session", headers=log_in("ana"))
    assert "dm1" in browser.get(page_of(checked)).text
    with psycopg2.connect(checked.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE memberships SET workspace = 'other' WHERE username = 'ana'")
    try:
        browser.app.state.resolver.forget()  # type: ignore[attr-defined]  # typed as any ASGI app
        shown = browser.get(page_of(checked)).text
        assert "dm1" not in shown and "ot1" not in shown
    finally:
        with psycopg2.connect(checked.postgres_dsn()) as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE memberships SET workspace = 'demo' WHERE username = 'ana'")
    # A token is no cookie, nor is the one of the models' documentation.
    browser.cookies.clear()
    browser.cookies.set("insightflow_quality", log_in("ana")["Authorization"].removeprefix("Bearer "))
    assert browser.get(page_of(checked), follow_redirects=False).status_code == 303
