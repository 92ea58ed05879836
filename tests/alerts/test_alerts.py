"""Alerts to real servers on this machine: a mail server and a webhook. Once, above the threshold, not in quiet hours."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg2
import pytest
from aiosmtpd.controller import Controller
from clickhouse_connect.driver.client import Client
from cryptography.fernet import Fernet
from pydantic import SecretStr

from include.alerts import after_publishing, store, targets
from include.insights import publish
from include.insights.database import make_engine
from include.settings import Settings
from tests.support.marts import DAY, add, add_platforms, create_marts, feed_row, sums
from tests.support.processes import free_port

pytestmark = pytest.mark.integration


class Webhook:
    """A server that takes JSON, or refuses it."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if hook.status == 200:
                    hook.got.append(json.loads(body))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_address[1]}/hook"


@contextmanager
def served() -> Iterator[Webhook]:
    made = Webhook()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with served() as made:
        yield made


@pytest.fixture
def another() -> Iterator[Webhook]:
    """A second target, beside ``webhook``."""
    with served() as made:
        yield made


class Mailbox:
    """What the mail server took."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Take a message."""
        self.got.append(envelope)
        return "250 OK"


@pytest.fixture
def site(postgres: Settings, clickhouse: Settings, warehouse: Client) -> Iterator[Settings]:
    """Two workspaces with insights published; alerts may go to this machine."""
    create_marts(warehouse)
    add_platforms(warehouse, sums(DAY, 100, 300))
    rows = [
        feed_row(f"{name} {n}", workspace=name, rank=n, entity_id=f"c{n}", impact_amount=100 * n, severity=severity,
                 title=f"{name} finding {n}")
        for name in ("demo", "other")
        for n, severity in ((1, "critical"), (2, "low"), (3, "high"), (4, "critical"))
    ]  # fmt: skip
    add(warehouse, "insight_feed", *rows)
    with psycopg2.connect(postgres.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE insights, publications, alert_settings, alert_log RESTART IDENTITY")
    publish([DAY], "run", postgres)
    yield postgres.model_copy(update={"alert_local_targets": True})
    with psycopg2.connect(postgres.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE insights, publications, alert_settings, alert_log RESTART IDENTITY")


def want(site: Settings, *urls: str, **changes: Any) -> None:
    given = {"enabled": True, "min_impact": 150} | changes
    engine = make_engine(site)
    with engine.begin() as connection:
        kept = store.keep_targets(connection, store.wish(connection, "demo"), list(urls), site)
        store.save(connection, store.Wish("demo", targets=kept, **given), "test")
    engine.dispose()


def graver(site: Settings, title: str, severity: str) -> None:
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE insights SET severity = %s WHERE title = %s", (severity, title))


def test_alerts_are_off_until_somebody_turns_them_on(site: Settings, webhook: Webhook) -> None:
    want(site, webhook.url, enabled=False)
    assert after_publishing(site) == {"insights": 0, "digests": 0, "failed": 0}
    assert webhook.got == []


def test_new_insights_above_the_threshold_are_told_once(site: Settings, webhook: Webhook) -> None:
    want(site, webhook.url)
    assert after_publishing(site) == {"insights": 2, "digests": 0, "failed": 0}
    [message] = webhook.got
    assert message["title"] == "InsightFlow demo: 2 new insights"
    body = message["message"]
    assert "[critical] demo finding 4\n400.00 USD at stake." in body
    assert "demo finding 3" in body
    assert f"{site.public_url}/?view=inbox&workspace=demo&id=" in body
    assert "finding 1" not in body and "finding 2" not in body and "other" not in body
    assert after_publishing(site)["insights"] == 0
    assert len(webhook.got) == 1


def test_an_entity_is_quiet_for_a_while_unless_it_gets_graver(site: Settings, webhook: Webhook) -> None:
    want(site, webhook.url)
    after_publishing(site)
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE insights SET insight_key = insight_key || ' again', title = 'again 3' WHERE title = 'demo finding 3'"
        )
    assert after_publishing(site)["insights"] == 0
    graver(site, "again 3", "critical")
    assert after_publishing(site)["insights"] == 1
    assert webhook.got[-1]["title"] == "InsightFlow demo: again 3"
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE insights SET insight_key = insight_key || ' later' WHERE title = 'again 3'")
        cursor.execute("UPDATE alert_log SET sent_at = sent_at - interval '13 hours'")
    assert after_publishing(site)["insights"] == 1


def test_what_was_not_taken_is_sent_again_and_stops_nothing(site: Settings, webhook: Webhook) -> None:
    want(site, webhook.url)
    webhook.status = 500
    assert after_publishing(site) == {"insights": 0, "digests": 0, "failed": 1}
    webhook.status = 200
    assert after_publishing(site)["insights"] == 2


@pytest.mark.parametrize("dead_first", [True, False])
def test_a_target_that_is_away_holds_up_no_other(
    site: Settings, webhook: Webhook, another: Webhook, caplog: pytest.LogCaptureFixture, dead_first: bool
) -> None:
    want(site, *([webhook.url, another.url] if dead_first else [another.url, webhook.url]), digest=True)
    webhook.status = 500
    assert after_publishing(site) == {"insights": 2, "digests": 1, "failed": 2}
    assert f"Target {1 if dead_first else 2} (json://127.0.0.1" in caplog.text
    for _ in range(2):
        assert after_publishing(site) == {"insights": 0, "digests": 0, "failed": 2}
    told = ["InsightFlow demo: 2 new insights", "InsightFlow demo: 30 June 2026"]
    assert [message["title"] for message in another.got] == told
    webhook.status = 200
    assert after_publishing(site) == {"insights": 2, "digests": 1, "failed": 0}
    assert [message["title"] for message in webhook.got] == told
    assert len(another.got) == 2


def test_an_address_that_is_refused_now_holds_up_no_other(site: Settings, webhook: Webhook) -> None:
    want(site, "json://127.0.0.1:1/gone", webhook.url)
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        kept = targets.sealed(["file:///etc/passwd", webhook.url], site)
        cursor.execute("UPDATE alert_settings SET targets = %s", (kept,))
    assert after_publishing(site) == {"insights": 2, "digests": 0, "failed": 1}
    assert len(webhook.got) == 1


def test_a_target_added_later_hears_of_nothing_old(site: Settings, webhook: Webhook, another: Webhook) -> None:
    want(site, webhook.url, digest=True)
    after_publishing(site)
    want(site, webhook.url, another.url, digest=True)
    assert after_publishing(site) == {"insights": 0, "digests": 0, "failed": 0}
    graver(site, "demo finding 3", "critical")
    assert after_publishing(site)["insights"] == 1
    assert [message["title"] for message in another.got] == ["InsightFlow demo: demo finding 3"]
    # away for a while, it is as new when it comes again
    want(site, webhook.url, digest=True)
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE insights SET insight_key = insight_key || ' again' WHERE title = 'demo finding 4'")
        cursor.execute("UPDATE alert_log SET sent_at = sent_at - interval '13 hours'")
    assert after_publishing(site)["insights"] == 1
    want(site, webhook.url, another.url, digest=True)
    assert after_publishing(site) == {"insights": 0, "digests": 0, "failed": 0}
    assert len(another.got) == 1


def test_the_log_knows_a_target_by_a_hash_that_outlives_a_new_key(site: Settings, webhook: Webhook) -> None:
    want(site, webhook.url, digest=True)
    after_publishing(site)
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT target FROM alert_log")
        [(mark,)] = cursor.fetchall()
    assert re.fullmatch("[0-9a-f]{64}", mark)
    both = f"{Fernet.generate_key().decode()},{site.airflow_fernet_key.get_secret_value()}"
    rotated = site.model_copy(update={"airflow_fernet_key": SecretStr(both)})
    assert after_publishing(rotated) == {"insights": 0, "digests": 0, "failed": 0}


def test_gains_are_called_gains(site: Settings, webhook: Webhook) -> None:
    with psycopg2.connect(site.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE insights SET kind = 'budget_shift' WHERE title = 'demo finding 4'")
        cursor.execute("UPDATE insights SET kind = 'waste' WHERE title = 'demo finding 3'")
    want(site, webhook.url)
    after_publishing(site)
    body = webhook.got[0]["message"]
    assert "demo finding 4\n400.00 USD a week to gain." in body
    assert "demo finding 3\n300.00 USD at stake." in body


def test_the_digest_goes_by_mail_once_a_day(site: Settings) -> None:
    mailbox = Mailbox()
    port = free_port()
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        want(
            site,
            f"mailto://127.0.0.1:{port}?from=insightflow@example.com&to=ana@example.com",
            digest=True,
            min_impact=9999,
        )
        assert after_publishing(site) == {"insights": 0, "digests": 1, "failed": 0}
        assert after_publishing(site)["digests"] == 0
    finally:
        server.stop()
    [mail] = mailbox.got
    assert mail.rcpt_tos == ["ana@example.com"]
    text = mail.content.decode()
    assert "30 June 2026" in text
    assert "100.00 USD was spent" in text.replace("=\r\n", "")


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "dbus://", "syslog://", "json://localhost/x", "json://169.254.169.254/latest", "nonsense",
     "mailto://u:p@example.com?smtp=127.0.0.1", "msteams://t/a/b/c?template=/etc/passwd", "slack://"],
)  # fmt: skip
def test_targets_that_reach_into_the_machine_are_refused(settings: Settings, target: str) -> None:
    with pytest.raises(targets.BadTarget):
        targets.check([target], settings)


def test_targets_are_kept_encrypted_and_shown_without_secrets(settings: Settings) -> None:
    url = "mailtos://ana:hunter2@example.com"
    kept = targets.sealed([url], settings)
    assert "hunter2" not in kept
    assert targets.opened(kept, settings) == [url]
    assert "hunter2" not in targets.shown([url])[0]
