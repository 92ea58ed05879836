"""The steps of a run, as plain functions: tasks call them, tests call them without Airflow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from include.settings import Settings, get_settings

log = logging.getLogger(__name__)

MAX_CHUNKS = 8
# How many files a summary names: XCom is no place for thousands.
NAMED_FILES = 50


def discover() -> list[list[str]]:
    """New files of the bucket, in at most ``MAX_CHUNKS`` chunks; an export in several files stays together."""
    from include import landing

    keys = landing.discover()
    log.info("%d new files in the bucket", len(keys))
    return chunks(keys)


def chunks(keys: Sequence[str], most: int = MAX_CHUNKS) -> list[list[str]]:
    """Deal keys out evenly, batch folders (``workspace/source/batch/part``) whole."""
    exports: dict[str, list[str]] = {}
    for key in keys:
        parts = key.split("/")
        exports.setdefault("/".join(parts[:-1]) if len(parts) > 3 else key, []).append(key)
    dealt: list[list[str]] = [[] for _ in range(min(most, len(exports)))]
    for parts in sorted(exports.values(), key=len, reverse=True):
        min(dealt, key=len).extend(parts)
    return dealt


def load(keys: Sequence[str], run_id: str, settings: Settings | None = None) -> dict[str, Any]:
    """Load a chunk of files; return counts, and the files that did not load, each with its reason.

    Rejected files are no error. Raises ``LandingError`` when the engine or the bucket was away.
    """
    from include import landing
    from include.landing.locks import file_locks

    settings = settings or get_settings()
    # A file that both DAGs list is loaded by the one that comes first; the other waits for it and finds it done.
    with file_locks(settings, keys):
        waiting = set(landing.discover())
        lines = landing.load([key for key in keys if key in waiting], run_id)
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.status] = counts.get(line.status, 0) + 1
        say = log.info if line.status in ("loaded", "duplicate") else log.warning
        say(
            "%s: %s, %d rows read = %d loaded + %d rejected + %d skipped%s",
            line.uri, line.status, line.rows_read, line.rows_loaded, line.rows_rejected, line.rows_skipped,
            f" ({line.error})" if line.error else "",
        )  # fmt: skip
    not_loaded = [
        {"uri": line.uri, "status": line.status, "why": line.error} for line in lines if line.status != "loaded"
    ]
    return {
        "files": len(lines),
        **counts,
        "rows_loaded": sum(line.rows_loaded for line in lines),
        "rows_rejected": sum(line.rows_rejected for line in lines),
        "not_loaded": not_loaded[:NAMED_FILES],
    }


def dates_to_build(
    own_days: Sequence[date],
    run_id: str,
    is_active: Callable[[str], bool],
    *,
    everything: bool = False,
) -> dict[str, int]:
    """ISO date → fingerprint of its loads: the run's days that have data, and the dates that wait to be built, also those
    whose last file was taken back (0).

    A day that was built from the same loads by the same models is left as it is: building it would change nothing.
    A date that waits because of another run's load is left to that run while it is active. ``everything`` takes
    all dates that have data.
    """
    from include import landing
    from include.transform.version import project_version

    gone = landing.emptied()
    if everything:
        return gone | landing.fingerprints()
    pending = landing.pending_dates()
    loaders = _loading_runs(pending)
    active = {other: is_active(other) for others in loaders.values() for other in others if other != run_id}
    mine = [day for day in pending if run_id in loaders[day] or not any(active.get(other) for other in loaders[day])]
    left = len(pending) - len(mine)
    if left:
        log.info("%d dates wait for another active run, which loaded them", left)
    wanted = sorted({*own_days, *mine})
    found = landing.fingerprints(wanted) if wanted else {}
    # Of a day that lost all its loads the rows are to go, too.
    found |= {
        day: fingerprint for day, fingerprint in gone.items() if date.fromisoformat(day) in wanted and day not in found
    }
    same = landing.built_as(found, project_version()) if found else set()
    if same:
        log.info("nothing has changed for %s since it was built", span(sorted(same)))
    found = {day: fingerprint for day, fingerprint in found.items() if day not in same}
    log.info("%d dates to build: %s", len(found), span(found))
    return found


def rejected_of_run(run_id: str) -> list[dict[str, str]]:
    """Files that this run could not take, with the reason."""
    from include.warehouse.client import connect

    client = connect()
    try:
        rows = client.query(
            "SELECT uri, status, error FROM ops.file_ledger"
            " WHERE run_id = {run:String} AND status IN ('rejected', 'failed') ORDER BY uri LIMIT 50",
            parameters={"run": run_id},
        ).result_rows
    finally:
        client.close()
    return [{"uri": uri, "status": status, "why": why} for uri, status, why in rows]


def publish(seen: dict[str, int], run_id: str) -> dict[str, Any]:
    """Publish the insights of the dates and note them as built; say which files were refused on the way.

    The first run of a project's version also writes dbt's documentation of it, for the links to it.
    """
    from include import alerts, insights, landing
    from include.quality.rates import note_money_without_rate
    from include.transform import documentation
    from include.transform.version import project_version

    report: dict[str, Any] = {"dates": len(seen)}
    if seen:
        days = [date.fromisoformat(day) for day in seen]
        report |= insights.publish(days, run_id).as_dict()
        report["without_rate"] = note_money_without_rate(days, run_id)
        landing.mark_built(seen, run_id, version=project_version())
        report["alerts"] = alerts.after_publishing()
        documentation.ensure(get_settings())
    else:
        log.info("no date has new data: nothing to publish")
    refused = rejected_of_run(run_id)
    for file in refused:
        log.warning("%s was %s: %s", file["uri"], file["status"], file["why"])
    return {**report, "dates": len(seen), "files_refused": refused}


def span(days: Sequence[str] | dict[str, int]) -> str:
    """Some dates in words, for logs."""
    listed = sorted(days)
    if len(listed) <= 4:
        return ", ".join(listed) or "none"
    return f"{listed[0]} … {listed[-1]} ({len(listed)} dates)"


def _loading_runs(pending: Sequence[date]) -> dict[date, set[str]]:
    """Which runs loaded what covers each date and is not built."""
    from include.warehouse.client import connect

    if not pending:
        return {}
    client = connect()
    try:
        rows = client.query(
            "SELECT c.date, groupUniqArray(l.run_id) FROM ops.file_coverage AS c"
            " INNER JOIN ops.file_ledger AS l ON l.load_id = c.load_id"
            # not by the rows of dates that were made to wait: nothing was built then
            " LEFT JOIN (SELECT date, maxIf(built_at, fingerprint != 0) AS built_at FROM ops.built_dates GROUP BY date) AS b"
            " ON b.date = c.date"
            " WHERE c.date IN {dates:Array(Date)} AND l.loaded_at > b.built_at GROUP BY c.date",
            parameters={"dates": list(pending)},
        ).result_rows
    finally:
        client.close()
    found = {row[0]: set(row[1]) for row in rows}
    return {day: found.get(day, set()) for day in pending}
