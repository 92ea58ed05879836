"""Whether the numbers can be trusted: coverage by day, the checks, freshness by source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from include.api.intake.schemas import (
    Check,
    Coverage,
    CoverageDay,
    FreshnessReport,
    QualityChecks,
    SourceCoverage,
    SourceFreshness,
)
from include.api.warehouse import Warehouse

COVERAGE_DAYS = 120
MOST_DAYS = 1100
STALE_DAYS = 3


def coverage(warehouse: Warehouse, date_from: date | None, date_to: date | None) -> Coverage:
    """Days of each source, by default the last ``COVERAGE_DAYS``. Raises ``Unavailable``."""
    bounds = warehouse.rows("SELECT maxOrNull(c.date) AS newest FROM @ops.file_coverage AS c")
    last = date_to or (bounds[0]["newest"] if bounds else None)
    if last is None:
        return Coverage(date_from=date_from, date_to=None, items=[])
    first = max(date_from or last - timedelta(days=COVERAGE_DAYS - 1), last - timedelta(days=MOST_DAYS - 1))
    rows = warehouse.rows(
        "SELECT c.workspace AS workspace, c.source AS source, c.date AS date, sum(c.rows) AS n,"
        " uniqExact(c.file_id) AS files, uniqExact(c.account_id) AS accounts, max(c.loaded_at) AS loaded_at"
        " FROM @ops.file_coverage AS c WHERE c.date BETWEEN {first:Date} AND {last:Date}"
        " GROUP BY workspace, source, date ORDER BY workspace, source, date",
        {"first": first, "last": last},
    )
    starts = {
        (row["workspace"], row["source"]): row["first"]
        for row in warehouse.rows(
            "SELECT c.workspace AS workspace, c.source AS source, min(c.date) AS first FROM @ops.file_coverage AS c"
            " WHERE c.date <= {last:Date} GROUP BY workspace, source ORDER BY workspace, source",
            {"last": last},
        )
    }
    loaded: dict[tuple[str, str], dict[date, Any]] = {key: {} for key in starts}
    for row in rows:
        loaded[row["workspace"], row["source"]][row["date"]] = row
    items = []
    for (workspace, source), days in loaded.items():
        start = max(first, starts[workspace, source])
        listed = [_day(start + timedelta(days=n), days) for n in range((last - start).days + 1)]
        missing = sum(day.state == "missing" for day in listed)
        items.append(
            SourceCoverage(
                workspace=workspace, source=source, days=listed, days_missing=missing,
                days_loaded=len(listed) - missing,
            )
        )  # fmt: skip
    return Coverage(date_from=first, date_to=last, items=items)


def _day(day: date, loaded: dict[date, Any]) -> CoverageDay:
    row = loaded.get(day)
    if row is None:
        return CoverageDay(date=day, state="missing", rows=0, files=0, accounts=0, loaded_at=None)
    return CoverageDay(
        date=day, state="loaded", rows=row["n"], files=row["files"], accounts=row["accounts"],
        loaded_at=row["loaded_at"],
    )  # fmt: skip


def quality(warehouse: Warehouse, run: str = "") -> QualityChecks:
    """The checks of a run, by default those of each workspace's newest, each suite as it was checked last.

    One of all workspaces at once, or of rows without one, shows its values only to a caller who sees all.
    """
    columns = ", ".join(f"q.{name} AS {name}" for name in Check.model_fields)
    rows = warehouse.rows(
        "WITH newest AS (SELECT n.workspace AS workspace, argMax(n.run_id, n.checked_at) AS run_id, max(n.checked_at) AS at"
        " FROM @ops.quality_results AS n WHERE {run:String} = '' OR n.run_id = {run:String} GROUP BY workspace),"
        # What was once of all workspaces counts where nothing newer is.
        " wanted AS (SELECT workspace, run_id FROM newest WHERE workspace != ''"
        " OR at >= (SELECT max(other.at) FROM newest AS other)),"
        " last AS (SELECT l.workspace AS workspace, l.run_id AS run_id, l.suite AS suite, max(l.checked_at) AS at"
        " FROM @ops.quality_results AS l GROUP BY workspace, run_id, suite)"
        f" SELECT {columns}, q.run_id AS run_id, q.checked_at AS checked_at FROM @ops.quality_results AS q"
        " WHERE (q.workspace, q.run_id) IN (SELECT workspace, run_id FROM wanted)"
        " AND (q.workspace, q.run_id, q.suite, q.checked_at) IN (SELECT workspace, run_id, suite, at FROM last)"
        " ORDER BY q.success, q.severity, q.suite, q.expectation, q.column, q.workspace",
        {"run": run},
    )
    checks = [Check.model_validate(hushed(row, warehouse.every)) for row in rows]
    failed = [check for check in checks if not check.success]
    errors = [check for check in failed if check.severity == "error"]
    return QualityChecks(
        state="unknown" if not rows else "error" if errors else "warning" if failed else "ok",
        checked_at=max((row["checked_at"] for row in rows), default=None),
        run_id=max(rows, key=lambda row: row["checked_at"])["run_id"] if rows else None,
        items=checks,
    )


def hushed(row: dict[str, Any], every: bool) -> dict[str, Any]:
    """A check without example values where these may be of other workspaces."""
    if every or row["workspace"]:
        return row
    place = f"{row['expectation']}{' of ' + row['column'] if row['column'] else ''}"
    return row | {"observed": "", "detail": f"{place} {'holds' if row['success'] else 'does not hold'}"}


def freshness(warehouse: Warehouse, published: Callable[[date | None], datetime | None]) -> FreshnessReport:
    """How far each source reaches; ``published`` says when a run last published that looked at a day.

    Raises ``Unavailable``.
    """
    rows = warehouse.rows(
        "SELECT l.workspace AS workspace, l.source AS source, max(l.date_max) AS last_date,"
        " max(l.loaded_at) AS last_loaded_at, max(l.exported_at) AS last_exported_at, count() AS files"
        " FROM @ops.current_loads AS l GROUP BY workspace, source ORDER BY workspace, source"
    )
    newest: dict[str, date] = {}
    for row in rows:
        if row["last_date"]:
            newest[row["workspace"]] = max(row["last_date"], newest.get(row["workspace"], row["last_date"]))
    today = datetime.now(UTC).date()
    last = max(newest.values(), default=None)
    return FreshnessReport(
        last_date=last,
        last_loaded_at=max((row["last_loaded_at"] for row in rows), default=None),
        last_published_at=published(last),
        items=[_fresh(row, newest.get(row["workspace"]), today) for row in rows],
    )


def _fresh(row: dict[str, Any], newest: date | None, today: date) -> SourceFreshness:
    last = row["last_date"]
    behind = (newest - last).days if newest and last else None
    old = (today - last).days if last else None
    state = "stale" if old is None or old > STALE_DAYS else "late" if behind else "fresh"
    return SourceFreshness(**row, days_behind=behind, days_old=old, state=state)
