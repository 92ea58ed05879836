"""Publishing: from ``marts.insight_feed`` to the table ``insights``, in one transaction, set by set.

What a person set stays, but what is acknowledged is resolved once there is nothing more to have in hand. Otherwise an
insight is open as long as the newest feed row of its key is of the last day judged for its account, and resolved once
the feed has dropped it or a later day was judged without it. Best, worst and waste are lists with an edge: who slips
over it for a day or two stays, unless something else is told of the campaign by then. Of an account without data
nobody knows what recovered; only what lasts by month ends then, once a later insight has the word. A fault of the data does not
recover by itself: its numbers are wrong until the day is mended, and it stays open for as long as they stand in the
baselines of later days. A budget part of whose spend has lost its rate cannot be judged: what was told of it stays as it
was, and says why.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from include.insights import feed
from include.insights.feed import COLUMNS, PublishError
from include.settings import Settings, get_settings
from include.transform.lock import layer_key
from include.warehouse.client import connect

log = logging.getLogger(__name__)

_CONTENT = [name for name in COLUMNS if name not in ("workspace", "insight_key")]
_NAMES = ", ".join(COLUMNS)

# Kinds whose day stays wrong until its data come again, and for how many days others are judged against it. Money
# without a rate stays so until there is one: then its days are built again.
DATA_FAULTS = ("duplicate_load", "partial_load", "data_missing", "missing_rate", "rows_rejected")
FAULT_DAYS = 56

# Kinds that come and go at the edge of a list or a threshold, and for how many days without them they stay open.
LISTED = ("top_performer", "worst_performer", "waste")
PATIENCE_DAYS = 2

# Shares and wear tell of nothing that another kind would say; of their own kind the next month's does.
ASIDE = ("concentration_risk", "creative_fatigue")
# Kinds with a key a month that their account's data end. Their sums reach back by days or weeks, so that they are told of
# an account, too, that brings nothing any more.
MONTHLY = (*LISTED, *ASIDE, "budget_shift")

STAGE = f"""
CREATE TEMPORARY TABLE staged ON COMMIT DROP AS SELECT {_NAMES} FROM insights WITH NO DATA;
CREATE TEMPORARY TABLE judged (workspace text, platform text, account_id text, last_day date) ON COMMIT DROP;
CREATE TEMPORARY TABLE spoken (workspace text, platform text, account_id text, entity_id text, kind text, last_day date)
    ON COMMIT DROP;
CREATE TEMPORARY TABLE unpriced (workspace text, insight_key text, body text, next_step text, evidence jsonb) ON COMMIT DROP
"""

# From which day on the feed has earlier rows of insights of the dates: the key of what lasts holds the month, and a row of
# its 1st may be all that is left when the row of its 30th is taken back.
KNOWN = "SELECT min(least(date_start, date_trunc('month', date_end)::date)) FROM insights WHERE date_end = ANY (%s)"

# A staged row counts when it is of the dates, or when the insight that it belongs to was.
TOUCHED = """
DELETE FROM staged AS s
WHERE s.date_end <> ALL (%(dates)s) AND NOT EXISTS (
    SELECT FROM insights AS i
    WHERE i.workspace = s.workspace AND i.insight_key = s.insight_key AND i.date_end = ANY (%(dates)s))
"""

UPDATE = f"""
UPDATE insights AS i
SET {", ".join(f"{name} = s.{name}" for name in _CONTENT)}, last_seen_at = now(), run_id = %(run_id)s
FROM staged AS s
WHERE i.workspace = s.workspace AND i.insight_key = s.insight_key
  AND ({", ".join(f"i.{name}" for name in _CONTENT)}) IS DISTINCT FROM ({", ".join(f"s.{name}" for name in _CONTENT)})
"""

# Numbers and title stay those of the day on which there still was a rate.
KEEP = """
UPDATE insights AS i
SET body = u.body, next_step = u.next_step, evidence = i.evidence || u.evidence, last_seen_at = now(), run_id = %(run_id)s
FROM unpriced AS u
WHERE i.workspace = u.workspace AND i.insight_key = u.insight_key AND i.status <> 'resolved'
  AND (i.body, i.next_step, i.evidence) IS DISTINCT FROM (u.body, u.next_step, i.evidence || u.evidence)
"""

INSERT = f"""
INSERT INTO insights ({_NAMES}, run_id)
SELECT {_NAMES}, %(run_id)s FROM staged AS s
WHERE NOT EXISTS (SELECT FROM insights AS i WHERE i.workspace = s.workspace AND i.insight_key = s.insight_key)
ORDER BY workspace, date_end, rank
"""

# `succeeded`: what is told of the same on a later day; of its own kind only another month's is another insight. A fault of
# the data speaks for accounts that nobody could judge, and so does what names the account itself: it was looked at.
STATUS = f"""
WITH succeeded AS (
    SELECT i.id, bool_or(t.kind IN {DATA_FAULTS} OR t.account_id = coalesce(i.account_id, '')) AS is_over
    FROM insights AS i
    JOIN spoken AS t ON t.workspace = i.workspace AND t.platform = i.platform AND t.last_day > i.date_end
        AND t.account_id IN ('', i.account_id) AND t.entity_id IN ('', i.entity_id)
        AND CASE WHEN t.kind = i.kind THEN date_trunc('month', t.last_day) > i.date_end ELSE t.kind NOT IN {ASIDE} END
    WHERE i.kind IN {MONTHLY} AND (i.date_end = ANY (%(dates)s) OR i.status IN ('open', 'acknowledged'))
    GROUP BY i.id
), target AS (
    SELECT i.id, CASE WHEN s.insight_key IS NULL AND i.date_end = ANY (%(dates)s) OR coalesce(w.is_over, false) OR EXISTS (
        SELECT FROM judged AS j
        WHERE j.workspace = i.workspace
          AND i.kind <> 'missing_rate'
          AND j.last_day > i.date_end + CASE
              WHEN i.kind IN {DATA_FAULTS} THEN {FAULT_DAYS}
              WHEN i.kind IN {LISTED} AND w.id IS NULL THEN {PATIENCE_DAYS}
              ELSE 0 END
          AND coalesce(nullif(i.platform, ''), j.platform) = j.platform
          AND coalesce(nullif(i.account_id, ''), j.account_id) = j.account_id
        ) THEN 'resolved' ELSE 'open' END AS status
    FROM insights AS i
    LEFT JOIN staged AS s ON s.workspace = i.workspace AND s.insight_key = i.insight_key
    LEFT JOIN succeeded AS w ON w.id = i.id
    WHERE (i.status_by IS NULL OR i.status = 'acknowledged')
      AND (i.date_end = ANY (%(dates)s) OR i.status IN ('open', 'acknowledged'))
      AND NOT EXISTS (
        SELECT FROM unpriced AS u WHERE u.workspace = i.workspace AND u.insight_key = i.insight_key)
), changed AS (
    UPDATE insights AS i
    SET status = target.status, status_by = NULL, status_at = NULL, run_id = %(run_id)s,
        resolved_at = CASE WHEN target.status = 'resolved' THEN now() END
    FROM target
    WHERE i.id = target.id AND i.status <> target.status AND (i.status_by IS NULL OR target.status = 'resolved')
    RETURNING i.status
)
SELECT count(*) FILTER (WHERE status = 'resolved'), count(*) FILTER (WHERE status = 'open') FROM changed
"""

LOG = """
INSERT INTO publications (run_id, dates, feed_rows, inserted, updated, resolved, reopened)
VALUES (%(run_id)s, %(dates)s, %(feed_rows)s, %(inserted)s, %(updated)s, %(resolved)s, %(reopened)s)
"""


@dataclass(frozen=True)
class PublishReport:
    """What one publication changed; ``unchanged`` rows were not written at all."""

    run_id: str
    dates: tuple[str, ...]
    feed_rows: int
    inserted: int
    updated: int
    unchanged: int
    resolved: int
    reopened: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for XCom and logs."""
        return asdict(self)


def publish(dates: Iterable[date], run_id: str, settings: Settings | None = None) -> PublishReport:
    """Publish the insights of the dates, and what they changed in later ones; return what changed.

    A repeat changes nothing. Waits for a dbt build that is at work.

    Raises ``PublishError`` when the feed does not pass its gate or the marts cannot be read, and
    ``psycopg2.Error`` when PostgreSQL fails; in both cases the table is as before.
    """
    settings = settings or get_settings()
    days = sorted(set(dates))
    started = time.monotonic()
    if not days:
        return PublishReport(run_id, (), 0, 0, 0, 0, 0, 0, 0.0)
    client = connect(settings, database="marts")
    connection = open_connection(settings)
    try:
        with connection, connection.cursor() as cursor:
            counts = _transaction(cursor, client, days, run_id)
    finally:
        connection.close()
        client.close()
    seconds = round(time.monotonic() - started, 3)
    report = PublishReport(run_id, tuple(day.isoformat() for day in days), seconds=seconds, **counts)
    log.info("published insights: %s", report.as_dict())
    return report


def open_connection(settings: Settings) -> Connection:
    """A connection to the application's database; leaving its ``with`` block commits or rolls back."""
    return psycopg2.connect(settings.postgres_dsn(), connect_timeout=10, application_name="insightflow publish")


def _transaction(cursor: Cursor, client: Any, dates: list[date], run_id: str) -> dict[str, int]:
    # Publications and builds of the feed take turns: it is read whole and at rest, and an older reading never
    # overwrites a newer one.
    cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", layer_key("insights"))
    days = feed.affected(client, dates)
    cursor.execute(KNOWN, (days,))
    known = (cursor.fetchone() or (None,))[0]
    low = min(days[0], known) if known else days[0]
    expected = feed.check(client, days, low, run_id)

    cursor.execute(STAGE)
    _copy(cursor, f"COPY staged ({_NAMES})", feed.stream(client, days, low))
    if cursor.rowcount != expected:
        raise PublishError(
            f"marts.insight_feed changed while it was read ({expected} insights, then {cursor.rowcount}). Nothing "
            "was changed. Run the publishing task again when no dbt build is running."
        )
    _copy(cursor, "COPY judged", feed.stream_judged(client, days))
    _copy(cursor, "COPY spoken", feed.stream_spoken(client, days, days[0] - timedelta(days=PATIENCE_DAYS)))
    _copy(cursor, "COPY unpriced", feed.stream_unpriced(client))

    given = {"dates": days, "run_id": run_id}
    cursor.execute(TOUCHED, given)
    touched = expected - cursor.rowcount
    cursor.execute(UPDATE, given)
    updated = cursor.rowcount
    cursor.execute(KEEP, given)
    kept = cursor.rowcount
    cursor.execute(INSERT, given)
    inserted = cursor.rowcount
    cursor.execute(STATUS, given)
    resolved, reopened = cursor.fetchone() or (0, 0)
    counts = {"inserted": inserted, "updated": updated + kept, "resolved": resolved, "reopened": reopened}
    cursor.execute(LOG, given | counts | {"feed_rows": touched, "dates": dates})
    return counts | {"feed_rows": touched, "unchanged": touched - updated - inserted}


def _copy(cursor: Cursor, target: str, rows: Any) -> None:
    # Bytes go from the one server to the other as they are: both speak this CSV.
    try:
        cursor.copy_expert(rf"{target} FROM STDIN WITH (FORMAT csv, NULL '\N')", rows)
    finally:
        rows.close()
