"""Which dates of a test's own workspaces wait for a build, in an engine that other tests load into as well."""

from __future__ import annotations

from datetime import date

from clickhouse_connect.driver.client import Client

from include.landing import pending_dates


def waiting_dates(client: Client, *workspaces: str) -> list[date]:
    """Pending dates of which one of the workspaces has rows, oldest first."""
    rows = client.query(
        "SELECT DISTINCT date FROM ops.file_coverage WHERE workspace IN {names:Array(String)}",
        parameters={"names": list(workspaces)},
    ).result_rows
    own = {day for (day,) in rows}
    return [day for day in pending_dates(client) if day in own]
