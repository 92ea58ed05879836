"""What a workspace wants to hear of, and what each of its targets was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection, Row

from include.alerts import targets
from include.settings import Settings

SEVERITIES = ("low", "medium", "high", "critical")
# An insight is news as long as it is of the newest days of its workspace: a backfill of history is none.
NEWS_DAYS = 3
# What was sent before the log knew targets went to all of them.
TO_ALL = ""

_NEWS = f"""
SELECT i.*, concat_ws('|', i.platform, i.account_id, i.entity_type, i.entity_id) AS entity
FROM insights AS i
WHERE i.workspace = :workspace AND i.status = 'open' AND coalesce(i.impact_amount, 0) >= :least
  AND array_position(:severities, i.severity) >= array_position(:severities, :severity)
  AND i.date_end > (SELECT max(date_end) - {NEWS_DAYS} FROM insights WHERE workspace = :workspace)
  -- once for its key, unless it has become graver
  AND NOT EXISTS (
      SELECT FROM alert_log AS l WHERE l.workspace = i.workspace AND l.kind = 'insight' AND l.subject = i.insight_key
      AND l.target = ANY(:target)
      AND array_position(:severities, l.severity) >= array_position(:severities, i.severity))
  -- and the same entity, whatever it is, not again within the quiet period, unless it has become graver
  AND NOT EXISTS (
      SELECT FROM alert_log AS l WHERE l.workspace = i.workspace AND l.kind = 'insight' AND l.target = ANY(:target)
      AND l.entity = concat_ws('|', i.platform, i.account_id, i.entity_type, i.entity_id)
      AND l.sent_at > now() - make_interval(mins => :quiet)
      AND array_position(:severities, l.severity) >= array_position(:severities, i.severity))
ORDER BY i.impact_amount DESC NULLS LAST, i.id LIMIT 50
"""


@dataclass(frozen=True)
class Wish:
    """Alert settings of a workspace; ``targets`` as they are kept, encrypted."""

    workspace: str
    enabled: bool = False
    targets: str = ""
    min_impact: Decimal = Decimal(0)
    min_severity: str = "high"
    quiet_minutes: int = 720
    digest: bool = False


def wish(connection: Connection, workspace: str) -> Wish:
    """The settings of a workspace; off where nothing was set."""
    return next((w for w in wishes(connection, only_enabled=False) if w.workspace == workspace), Wish(workspace))


def wishes(connection: Connection, *, only_enabled: bool = True) -> list[Wish]:
    """The settings of every workspace that the connection sees."""
    names = ", ".join(Wish.__dataclass_fields__)
    rows = connection.execute(
        text(f"SELECT {names} FROM alert_settings WHERE enabled OR NOT :only ORDER BY workspace"),
        {"only": only_enabled},
    )
    return [Wish(**row._mapping) for row in rows]


def save(connection: Connection, wanted: Wish, name: str) -> None:
    """Set what a workspace wants, in the name of a person."""
    columns = list(Wish.__dataclass_fields__)
    connection.execute(
        text(
            f"INSERT INTO alert_settings ({', '.join(columns)}, updated_by)"
            f" VALUES ({', '.join(f':{c}' for c in columns)}, :by) ON CONFLICT (workspace) DO UPDATE SET"
            f" {', '.join(f'{c} = excluded.{c}' for c in columns[1:])}, updated_by = excluded.updated_by, updated_at = now()"
        ),
        {**{c: getattr(wanted, c) for c in columns}, "by": name},
    )


def keep_targets(connection: Connection, known: Wish, wanted: list[str], settings: Settings) -> str:
    """Targets as they are kept. One that is new to the workspace hears of nothing old. Raises ``BadTarget``."""
    targets.check(wanted, settings)
    try:
        before = targets.opened(known.targets, settings)
    except targets.BadTarget:  # under a key that is gone
        before = []
    for target in wanted:
        if target not in before:
            hears_from_now(connection, known.workspace, targets.marks(target, settings))
    return targets.sealed(wanted, settings)


def hears_from_now(connection: Connection, workspace: str, marks: Sequence[str]) -> None:
    """Note for a target that is new to a workspace what the others were told before: it hears of none of that."""
    connection.execute(
        text(
            "INSERT INTO alert_log (workspace, kind, subject, entity, severity, sent_at, target)"
            " SELECT l.workspace, l.kind, l.subject, l.entity, l.severity, max(l.sent_at), :first FROM alert_log AS l"
            " WHERE l.workspace = :workspace AND NOT EXISTS (SELECT FROM alert_log AS k WHERE k.workspace = l.workspace"
            "  AND (k.kind, k.subject, k.entity, k.severity) = (l.kind, l.subject, l.entity, l.severity)"
            "  AND k.target = ANY(:known))"
            " GROUP BY l.workspace, l.kind, l.subject, l.entity, l.severity"
        ),
        {"workspace": workspace, "first": marks[0], "known": [TO_ALL, *marks]},
    )


def news(connection: Connection, wanted: Wish, marks: Sequence[str]) -> list[Row[Any]]:
    """Open insights that the workspace wants to hear of and this target was not told, most money first, one an entity."""
    rows = connection.execute(
        text(_NEWS),
        {
            "workspace": wanted.workspace, "least": wanted.min_impact, "severities": list(SEVERITIES),
            "severity": wanted.min_severity, "quiet": wanted.quiet_minutes, "target": [TO_ALL, *marks],
        },
    )  # fmt: skip
    first: dict[str, Row[Any]] = {}
    for row in rows:
        first.setdefault(row.entity, row)
    return list(first.values())


def told(connection: Connection, rows: list[Row[Any]], mark: str) -> None:
    """Note the insights as told to a target."""
    connection.execute(
        text(
            "INSERT INTO alert_log (workspace, kind, subject, entity, severity, target)"
            " VALUES (:workspace, 'insight', :subject, :entity, :severity, :target)"
        ),
        [
            {
                "workspace": row.workspace, "subject": row.insight_key, "entity": row.entity,
                "severity": row.severity, "target": mark,
            }
            for row in rows
        ],
    )  # fmt: skip


def digest_is_due(connection: Connection, workspace: str, marks: Sequence[str]) -> bool:
    """Whether the digest of today (UTC) was not sent to this target."""
    return not connection.execute(
        text(
            "SELECT EXISTS (SELECT FROM alert_log WHERE workspace = :w AND kind = 'digest'"
            " AND subject = (now() AT TIME ZONE 'UTC')::date::text AND target = ANY(:target))"
        ),
        {"w": workspace, "target": [TO_ALL, *marks]},
    ).scalar()


def digest_sent(connection: Connection, workspace: str, mark: str) -> None:
    """Note it."""
    connection.execute(
        text(
            "INSERT INTO alert_log (workspace, kind, subject, target)"
            " VALUES (:w, 'digest', (now() AT TIME ZONE 'UTC')::date::text, :target)"
        ),
        {"w": workspace, "target": mark},
    )


def lock(connection: Connection, workspace: str) -> bool:
    """Take turns by workspace until the transaction ends; False while another process tells."""
    return bool(
        connection.execute(
            text("SELECT pg_try_advisory_xact_lock(hashtextextended('insightflow alerts ' || :w, 0))"), {"w": workspace}
        ).scalar()
    )
