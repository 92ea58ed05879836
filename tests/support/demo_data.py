"""A site for the dashboard: the sample exports, loaded and built by the real engines, with what a reader may meet."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg2
from clickhouse_connect.driver.client import Client

from include.api.access.passwords import hash_password
from include.insights import publish
from include.landing import discover, load, pending_dates
from include.landing.bucket import Bucket
from include.quality import check_staging
from include.samples import DEMO, generate, write_bad_files
from include.settings import Settings
from include.transform import runner
from include.warehouse.client import connect

PASSWORD = "correct horse battery"
USERS = (
    ("ana", "analyst", "demo"),
    ("vic", "viewer", "demo"),
    ("eve", "analyst", "nothing_yet"),
    ("zoe", "admin", "*"),
)
RUN = "manual__2026-07-01T06:00:00+00:00"
# A name as an attacker would choose it. It would run in a page that takes names for markup.
HOSTILE = "<img src=x onerror=\"window.hacked='yes'\"><script>window.hacked='yes'</script>{{7*7}}"
PROFILE = replace(DEMO, days=60)


def fill(settings: Settings) -> None:
    """Load, check, build and publish the sample exports, a hostile campaign among them; make the users."""
    root = settings.home / "landing"
    generate(root, PROFILE)
    write_bad_files(root, PROFILE)
    _put_hostile(root / PROFILE.workspace / "generic" / "hostile_names.csv")
    client = connect(settings)
    bucket = Bucket(settings)
    load(discover(client, bucket), RUN, client, bucket)
    days = pending_dates(client)
    dates = {runner.DATES: ",".join(day.isoformat() for day in days)}
    for arguments in (["seed"], ["run"]):
        outcome = runner.invoke(settings, arguments, environment=dates)
        bad = [f"{n['node']}: {n['message']}" for n in outcome.nodes if n["status"] == "error"]
        assert outcome.success, bad or outcome.error
        if arguments == ["seed"]:
            continue
    check_staging(days, RUN, settings)
    _restate(client)
    client.close()
    publish(days, RUN, settings)
    with psycopg2.connect(settings.postgres_dsn()) as connection, connection.cursor() as cursor:
        for name, role, workspace in USERS:
            cursor.execute(
                "INSERT INTO users (username, password_hash) VALUES (%s, %s)", (name, hash_password(PASSWORD))
            )
            cursor.execute("INSERT INTO memberships VALUES (%s, %s, %s)", (name, workspace, role))


def _put_hostile(path: Path) -> None:
    """Forty calm days, then one that spends ten times as much: an insight with the name in its title."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["date", "account_id", "account_name", "campaign_id", "campaign_name", "impressions", "clicks", "cost",
         "conversions", "conversion_value", "currency"]
    )  # fmt: skip
    for age in range(45, -1, -1):
        day: date = PROFILE.last_day - timedelta(days=age)
        factor = 10 if age == 0 else 1
        writer.writerow([day, "hostile", HOSTILE, "h1", HOSTILE, 50_000 * factor, 900 * factor + age, f"{700.0 * factor + age:.2f}",
                         40 + age % 3, f"{2100.0 + age:.2f}", "USD"])  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(out.getvalue())


def _restate(client: Client) -> None:
    """One number that a newer export changed, and one that it no longer lists."""
    at = datetime(2026, 7, 1, 6, tzinfo=UTC)
    columns = ["workspace", "platform", "grain", "account_id", "date", "entity_id", "entity_name", "metric", "before",
               "after", "currency", "exported_before", "exported_after", "restated_at"]  # fmt: skip
    rows = [
        ["demo", "google_ads", "campaign", "1", PROFILE.last_day, "9", "Brand | UK", "cost", 10, 12.5, "GBP",
         at - timedelta(days=1), at, at],
        ["demo", "google_ads", "campaign", "1", PROFILE.last_day, "9", "Brand | UK", "clicks", 7, None, "GBP",
         at - timedelta(days=1), at, at],
    ]  # fmt: skip
    client.insert("ops.restatement_log", rows, column_names=columns)
