"""insights: what runs published, and what changed of it."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Any

import typer

from include.cli.look_commands import Json, Limit, Workspace, must_be_known, published, query, reader
from include.cli.output import say, show
from include.quality.rates import in_words

# A million yen are not a million dollars: money in another currency than the workspace reports in is of unknown weight.
WEIGHT = (
    "CASE WHEN %(currencies)s::jsonb = '{}' OR impact_currency = %(currencies)s::jsonb ->> workspace"
    " THEN impact_amount END"
)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(insights)


def insights(
    limit: Limit = 20,
    workspace: Workspace = None,
    status: Annotated[str, typer.Option(help="open, acknowledged, resolved or all.")] = "open",
    since: Annotated[
        datetime | None, typer.Option(help="What changed since then instead: new, updated, resolved, reopened.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Published insights, most money times confidence first."""
    if since is not None:
        changes = insight_changes(since, limit + 1, workspace)
        more, changes = len(changes) > limit, changes[:limit]
        must_be_known(workspace, changes, insights=True)
        show(_for_screen(changes, as_json), as_json, empty="nothing has changed since then")
        if more and not as_json:
            say(f"more has changed since then: these are the {limit} with most money, `--limit` shows more")
        return
    rows = newest_insights(limit, workspace, status)
    must_be_known(workspace, rows, insights=True)
    show(_for_screen(rows, as_json), as_json, empty="" if rows or as_json else why_none(workspace, status))


def _for_screen(rows: list[dict[str, Any]], as_json: bool) -> list[dict[str, Any]]:
    """Rows without the workspace where all are of one."""
    if as_json or len({row["workspace"] for row in rows}) > 1:
        return rows
    return [{name: value for name, value in row.items() if name != "workspace"} for row in rows]


def why_none(workspace: str | None, status: str) -> str:
    """Why the list of insights is empty: nothing is judged yet, the last run found nothing, or others have that status."""
    place = f" of workspace {workspace}" if workspace else ""
    days, waiting = _loaded_dates(workspace)
    runs = published(
        "SELECT dates, published_at FROM publications WHERE %(days)s::date[] IS NULL OR dates && %(days)s::date[]"
        " ORDER BY id DESC LIMIT 1",
        {"days": days},
    )
    others = published(
        "SELECT status, count(*) AS n FROM insights WHERE (%(workspace)s IS NULL OR workspace = %(workspace)s)"
        " GROUP BY status ORDER BY status",
        {"workspace": workspace},
    )
    young = (
        f"{in_words(waiting)} {'is' if len(waiting) == 1 else 'are'} not judged yet: `bin/insightflow run` does that"
    )
    if others:
        known = ", ".join(f"{row['n']} {row['status']}" for row in others)
        there = f"no {status} insights{place}; there are {known} (`--status all` shows them)"
        return f"{there}; {young}" if waiting else there
    if days == []:
        return f"no insights{place}: nothing of it is loaded" if workspace else "no insights: nothing is loaded yet"
    if not runs and not waiting:
        return f"no insights{place} yet; run `bin/insightflow run`"
    if waiting:
        return f"no insights{place} yet; {young}"
    ran = runs[0]["dates"]
    span = f" of {min(ran)}" + (f" to {max(ran)}" if len(ran) > 1 else "") if ran else ""
    return f"no insights{place}: the last run{span}, published {runs[0]['published_at']:%Y-%m-%d %H:%M}, found none"


def _loaded_dates(workspace: str | None) -> tuple[list[date] | None, list[date]]:
    """Dates of what was loaded, and those that no run has judged as they are; unknown where ClickHouse does not answer."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    from include.landing.ledger import loaded_dates

    try:
        with reader() as client:
            return loaded_dates(client, workspace)
    except (ClickHouseError, OSError):
        return None, []


def newest_insights(limit: int, workspace: str | None = None, status: str = "open") -> list[dict[str, Any]]:
    """Rows of the table ``insights``, most money times confidence first; money in foreign currencies last."""
    if status not in ("open", "acknowledged", "resolved", "all"):
        raise typer.BadParameter(f"status is open, acknowledged, resolved or all, not {status}")
    return published(
        "SELECT workspace, severity, date_end AS date, platform, title, body, impact_amount AS impact,"
        " impact_currency AS currency, round(confidence::numeric, 2) AS confidence, status FROM insights"
        " WHERE (%(workspace)s IS NULL OR workspace = %(workspace)s)"
        " AND (%(status)s = 'all' OR status = %(status)s)"
        f" ORDER BY {WEIGHT} * coalesce(confidence, 0) DESC NULLS LAST, date_end DESC, id LIMIT %(limit)s",
        {"workspace": workspace, "status": status, "limit": limit, "currencies": _currencies()},
    )


def insight_changes(since: datetime, limit: int, workspace: str | None = None) -> list[dict[str, Any]]:
    """Net changes of insights since an instant (local time where it names no zone)."""
    return published(
        "SELECT workspace, change, title, impact_before AS impact_was, impact_amount AS impact, impact_currency AS currency, status,"
        " changed_by AS by FROM insight_changes(%(since)s)"
        " WHERE (%(workspace)s IS NULL OR workspace = %(workspace)s)"
        f" ORDER BY {WEIGHT} DESC NULLS LAST, insight_id LIMIT %(limit)s",
        {"since": since.astimezone(), "workspace": workspace, "limit": limit, "currencies": _currencies()},
    )


def _currencies() -> str:
    """What each workspace reports in now, as JSON; nothing where ClickHouse does not answer or has no marts."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        rows = query(
            "SELECT workspace, argMax(reporting_currency, date) AS currency FROM marts.mart_platform_daily"
            " WHERE reporting_currency != '' GROUP BY workspace"
        )
    except ClickHouseError:
        rows = []
    return json.dumps({row["workspace"]: row["currency"] for row in rows})
