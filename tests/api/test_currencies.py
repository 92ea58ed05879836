"""Money of several reporting currencies is never one number: of several workspaces, or of a workspace that changed its own."""

from __future__ import annotations

from datetime import date, timedelta

import psycopg2
import pytest
from fastapi.testclient import TestClient

from include.api.analytics import periods
from include.api.problems import MixedCurrencies
from include.api.schemas import Period
from include.api.scope import Caller
from include.api.warehouse import Warehouse
from include.settings import Settings
from include.warehouse.client import connect
from tests.api.conftest import LogIn
from tests.support.marts import DAY, add_platforms, sums

pytestmark = pytest.mark.integration
ROUTES = (
    "/api/v1/analytics/roi",
    "/api/v1/analytics/trends",
    "/api/v1/insights/summary",
    "/api/v1/insights/summary/text",
)
LAST = DAY - timedelta(days=400)
CHANGED = LAST + timedelta(days=1)


@pytest.fixture(scope="module")
def changed(site: Settings) -> None:
    """Until ``LAST`` the workspace reports in USD, from the day after in EUR."""
    client = connect(site)
    add_platforms(
        client,
        sums(LAST, 100, 300),
        sums(CHANGED, 90, 270, reporting_currency="EUR"),
        sums(CHANGED + timedelta(days=40), 90, 270, reporting_currency="EUR"),
    )
    client.close()


@pytest.mark.parametrize("route", ROUTES)
def test_all_workspaces_at_once_are_refused_with_their_names(api: TestClient, log_in: LogIn, route: str) -> None:
    answer = api.get(route, headers=log_in("admin"), params={"workspace": "*"})
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith("name one of yours: demo, other.")
    assert api.get(route, headers=log_in("ana"), params={"workspace": "*"}).status_code == 404


@pytest.mark.parametrize("route", ROUTES)
def test_days_of_two_currencies_are_refused_with_their_days(
    api: TestClient, log_in: LogIn, changed: None, route: str
) -> None:
    asked = {"workspace": "demo", "date_from": LAST.isoformat(), "date_to": CHANGED.isoformat()}
    answer = api.get(route, headers=log_in("ana"), params=asked)
    assert answer.status_code == 409, answer.text
    detail = answer.json()["detail"]
    assert f"USD ({LAST}) and EUR ({CHANGED})" in detail
    assert "bin/insightflow run" in detail


def test_a_table_of_two_currencies_is_refused(api: TestClient, log_in: LogIn, changed: None) -> None:
    asked = {"workspace": "demo", "date_from": LAST.isoformat(), "date_to": CHANGED.isoformat()}
    headers = log_in("ana") | {"Accept": "text/csv"}
    assert api.get(ROUTES[0], headers=headers, params=asked).status_code == 409


def test_a_period_is_compared_with_its_own_currency_only(api: TestClient, log_in: LogIn, changed: None) -> None:
    day = {"workspace": "demo", "date_from": CHANGED.isoformat(), "date_to": CHANGED.isoformat()}
    answer = api.get(ROUTES[0], headers=log_in("ana"), params=day)
    # The label is of the days asked for, not of the newest ones.
    assert (answer.status_code, answer.json()["currency"]) == (200, "EUR")
    compared = api.get(ROUTES[0], headers=log_in("ana"), params=day | {"compare": "previous_period"})
    assert compared.status_code == 409


def test_the_summary_s_days_before_are_of_its_currency(api: TestClient, log_in: LogIn, changed: None) -> None:
    """Neither the period before nor the daily series reaches over the change."""
    day = (CHANGED + timedelta(days=40)).isoformat()
    asked = {"workspace": "demo", "date_from": day, "date_to": day}
    answer = api.get(ROUTES[2], headers=log_in("ana"), params=asked)
    assert (answer.status_code, answer.json()["currency"]) == (200, "EUR")


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [(CHANGED, CHANGED, 409), (LAST, LAST, 409), (CHANGED + timedelta(days=60), CHANGED + timedelta(days=60), 200)],
)
def test_evidence_does_not_reach_over_a_change_of_currency(
    api: TestClient, log_in: LogIn, changed: None, site: Settings, first: date, last: date, code: int
) -> None:
    """An insight of days of one currency has days of the other in its chart, before it or after it."""
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO insights (workspace, insight_key, kind, severity, entity_type, platform, metric, date_start, date_end,"
            " title, body, rank, run_id) VALUES ('demo', %s, 'spend_spike', 'low', 'platform', 'google_ads', 'cost', %s, %s,"
            " 'Spend rose', 'It rose.', 1, 'run') RETURNING id",
            (f"changed {first}", first, last),
        )
        [insight] = cursor.fetchone() or [0]
    answer = api.get(f"/api/v1/insights/{insight}/evidence", headers=log_in("ana"))
    assert answer.status_code == code, answer.text
    if code == 409:
        assert f"USD ({LAST}) and EUR (" in answer.json()["detail"]
    else:
        assert answer.json()["currency"] == "EUR"
    described = api.get("/openapi.json").json()["paths"]["/api/v1/insights/{insight_id}/evidence"]["get"]["responses"]
    assert "409" in described


def test_days_without_money_have_no_currency(api: TestClient, changed: None) -> None:
    warehouse = Warehouse(api.app.state.backends, Caller.of("ana", {"demo": "viewer"}))  # type: ignore[attr-defined]
    empty = Period(date_from=LAST - timedelta(days=2), date_to=LAST - timedelta(days=1), days=2)
    assert periods.currency_of(warehouse, empty, None) is None
    assert periods.currency_of(warehouse) is None
    both = Period(date_from=LAST, date_to=CHANGED, days=2)
    with pytest.raises(MixedCurrencies):
        periods.currency_of(warehouse, both)
