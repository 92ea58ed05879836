"""Alerts by the API: what an admin of a workspace sets, in the role that row-level security holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from fastapi.testclient import TestClient

from include.alerts import targets
from include.settings import Settings
from tests.api.conftest import LogIn

pytestmark = pytest.mark.integration
FIRST, SECOND = "jsons://alerts.example/first", "jsons://alerts.example/second"


@pytest.fixture
def log(site: Settings) -> Iterator[psycopg2.extensions.cursor]:
    """PostgreSQL as its owner, with no alert told."""
    with closing(psycopg2.connect(site.postgres_dsn())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE alert_settings, alert_log")
            yield cursor
            cursor.execute("TRUNCATE alert_settings, alert_log")


def test_a_new_target_is_noted_as_told_of_what_the_others_were(
    api: TestClient, log_in: LogIn, site: Settings, log: psycopg2.extensions.cursor
) -> None:
    first, second = (targets.marks(url, site)[0] for url in (FIRST, SECOND))
    log.execute(
        "INSERT INTO alert_log (workspace, kind, subject, target) VALUES ('other', 'insight', 'a', %s), ('other', 'digest',"
        " 'today', %s), ('demo', 'insight', 'not theirs', %s)",
        (first, first, first),
    )
    path = "/api/v1/admin/alerts/other"
    answer = api.put(path, json={"targets": [FIRST, SECOND]}, headers=log_in("olga"))
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["targets"]) == 2
    log.execute("SELECT kind, subject FROM alert_log WHERE target = %s ORDER BY kind", (second,))
    assert log.fetchall() == [("digest", "today"), ("insight", "a")]
    again = api.put(path, json={"targets": [SECOND]}, headers=log_in("olga"))
    assert again.status_code == 200, again.text
    log.execute("SELECT count(*) FROM alert_log")
    assert log.fetchone() == (5,)


def test_a_test_message_says_which_targets_did_not_take_it(
    api: TestClient, log_in: LogIn, log: psycopg2.extensions.cursor
) -> None:
    path = "/api/v1/admin/alerts/other"
    assert api.post(f"{path}/test", headers=log_in("olga")).status_code == 409
    # Nobody's names: nothing is sent.
    api.put(path, json={"targets": ["jsons://a.invalid/x", "jsons://b.invalid/y"]}, headers=log_in("olga"))
    answer = api.post(f"{path}/test", headers=log_in("olga"))
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("Sent to 0 of 2: Target 1 (jsons://a.invalid/")
    assert "Target 2 (jsons://b.invalid/" in answer.json()["detail"]
