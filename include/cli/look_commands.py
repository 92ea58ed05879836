"""anomalies, ledger, rejects, builds, rates: looking at what is there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from include.cli.output import counted, fail, say, show
from include.settings import get_settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]
OneFile = Annotated[str, typer.Option("--file", "-f", help="Only this file: its name, path or file_id.")]
STATUSES = ("loaded", "duplicate", "rejected", "failed", "removed")
LAYERS = ("staging", "facts", "marts", "anomalies", "insights", "seeds")
# ClickHouse's codes for a table or a database that is not there: nothing was built yet.
NOT_BUILT = (60, 81)
Workspace = Annotated[str | None, typer.Option("--workspace", "-w", help="Only this workspace.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(anomalies)
    app.command()(ledger)
    app.command()(rejects)
    app.command()(builds)
    app.command()(rates)


def anomalies(limit: Limit = 20, workspace: Workspace = None, as_json: Json = False) -> None:
    """The newest anomalies of the marts, gravest first."""
    with _what_builds_make():
        rows = query(
            "SELECT date, severity, platform, entity_type, coalesce(entity_name, entity_id) AS entity, metric, value,"
            " expected, z_score, direction, impact_reporting FROM marts.anomaly_daily"
            " WHERE ({workspace:String} = '' OR workspace = {workspace:String})"
            " ORDER BY date DESC, abs(z_score) DESC LIMIT {limit:UInt32}",
            {"workspace": workspace or "", "limit": limit},
        )
    must_be_known(workspace, rows)
    show(rows, as_json, empty="no anomalies")


def ledger(
    limit: Limit = 50,
    workspace: Workspace = None,
    status: Annotated[str, typer.Option(help="loaded, duplicate, rejected, failed or removed.")] = "",
    file: OneFile = "",
    as_json: Json = False,
) -> None:
    """What arrived and what became of it, newest first."""
    if status:
        _must_be_one_of(status, STATUSES, "status")
    must_have_arrived(file, workspace)
    rows = ledger_rows(limit, workspace, status, file)
    must_be_known(workspace, rows)
    show(
        rows if as_json else [short(row) for row in rows],
        as_json,
        empty="nothing has arrived yet" if not (status or file) else "none of them",
    )


def short(row: dict[str, Any]) -> dict[str, Any]:
    """A ledger row for the screen."""
    return {
        "workspace": row["workspace"],
        "file": row["file"],
        "status": row["status"],
        "read": row["rows_read"],
        "loaded": row["rows_loaded"],
        "rejected": row["rows_rejected"],
        "skipped": row["rows_skipped"],
        "why": row["why"],
    }


def ledger_rows(limit: int, workspace: str | None = None, status: str = "", file: str = "") -> list[dict[str, Any]]:
    """The newest attempt of each file."""
    return query(
        "SELECT workspace, source, bucket_path AS file, status, rows_read, rows_loaded, rows_rejected, rows_skipped,"
        f" date_min, date_max, loaded_at, {WHY} FROM ("
        "  SELECT *, splitByChar('/', uri)[-1] AS bucket_path"
        "  FROM ops.file_ledger ORDER BY loaded_at DESC LIMIT 1 BY uri)"
        " WHERE ({workspace:String} = '' OR workspace = {workspace:String})"
        f" AND ({{status:String}} = '' OR status = {{status:String}}) AND {OF_FILE}"
        " ORDER BY loaded_at DESC LIMIT {limit:UInt32}",
        {"workspace": workspace or "", "status": status, "file": file, "limit": limit},
    )


def builds(
    run: Annotated[str, typer.Option("--run", help="Id of a run; the newest that built it if not given.")] = "",
    layer: Annotated[str, typer.Option(help="staging, facts, marts, anomalies, insights or seeds.")] = "",
    node: Annotated[str, typer.Option(help="Only this model or test, with the SQL that ran.")] = "",
    limit: Limit = 400,
    as_json: Json = False,
) -> None:
    """What dbt made of each model and test: status, rows (of a test: failing ones), seconds; newest first."""
    if layer:
        _must_be_one_of(layer, LAYERS, "layer")
    wanted = "({layer:String} = '' OR layer = {layer:String}) AND ({node:String} = '' OR node = {node:String})"
    rows = query(
        "SELECT finished_at, run_id, layer, node, resource_type AS type, status, rows, round(seconds, 2) AS seconds,"
        " message, sql FROM ops.dbt_results WHERE run_id = if({run:String} = '',"
        f" (SELECT argMax(run_id, finished_at) FROM ops.dbt_results WHERE {wanted}), {{run:String}}) AND {wanted}"
        " ORDER BY finished_at DESC, seconds DESC LIMIT {limit:UInt32}",
        {"run": run, "layer": layer, "node": node, "limit": limit},
    )
    if rows and not run and not as_json:
        [newest] = query("SELECT argMax(run_id, finished_at) AS run_id FROM ops.dbt_results")
        if rows[0]["run_id"] != newest["run_id"]:
            say(f"run {newest['run_id']} has not reached it; this is of {rows[0]['run_id']}")
    if not as_json and node and rows:
        for row in rows:
            typer.echo(f"{row['finished_at']} {row['status']} {row['node']}: {row['message']}\n{row['sql']}\n")
        return
    shown = ("layer", "node", "type", "status", "rows", "seconds")
    show(
        rows if as_json else [{name: row[name] for name in shown} for row in rows],
        as_json,
        empty="nothing was built yet"
        if not (run or layer or node)
        else f"no such node {'in that build' if run else 'was built'}",
    )


def rejects(
    limit: Limit = 50,
    workspace: Workspace = None,
    file: OneFile = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write a file's rows as CSV, to be repaired and dropped again.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Rows that were kept apart, each with its reason and its line; with --out, as a table to repair them in."""
    must_have_arrived(file, workspace)
    if out is not None:
        _export_rejects(out, workspace, file)
        return
    rows = query(
        "SELECT splitByChar('/', uri)[-1] AS file, row_number AS line, reason, detail, raw_text,"
        " if((file_id, row_number) IN (SELECT file_id, row_number FROM ops.repaired_rows), 'yes', '') AS repaired"
        " FROM ops.rejected_rows AS r LEFT JOIN ("
        "  SELECT file_id, any(uri) AS uri FROM ops.file_ledger GROUP BY file_id) AS l USING (file_id)"
        f" WHERE ({{workspace:String}} = '' OR workspace = {{workspace:String}}) AND {OF_FILE}"
        " ORDER BY file, row_number LIMIT {limit:UInt32}",
        {"workspace": workspace or "", "limit": limit, "file": file},
    )
    must_be_known(workspace, rows)
    show(rows, as_json, empty="no rejected rows")


def _must_be_one_of(name: str, known: Sequence[str], kind: str) -> None:
    if name not in known:
        raise typer.BadParameter(f"a {kind} is {', '.join(known[:-1])} or {known[-1]}, not {name}")


def must_be_known(workspace: str | None, found: Sequence[Any], *, insights: bool = False) -> None:
    """Fail where nothing was found of a workspace that there is not: that it has nothing would be no answer."""
    if workspace is None or found:
        return
    known = {get_settings().workspace}
    if insights:
        known |= {row["workspace"] for row in published("SELECT DISTINCT workspace FROM insights", {})}
    if workspace not in known:
        known |= {row["workspace"] for row in query("SELECT DISTINCT workspace FROM ops.file_ledger")}
    if workspace not in known:
        from include.api.parameters import unknown

        fail(unknown(workspace, known, "workspace"))


def must_have_arrived(file: str, workspace: str | None = None) -> None:
    """Fail for a file that the ledger does not have, with names alike: that it has no rejected rows would be no answer."""
    if not file:
        return
    mine = "({workspace:String} = '' OR workspace = {workspace:String})"
    given = {"workspace": workspace or "", "file": file}
    if query(f"SELECT 1 FROM ops.file_ledger WHERE {mine} AND {OF_FILE} LIMIT 1", given):
        return
    near = query(
        "SELECT name FROM (SELECT DISTINCT splitByChar('/', uri)[-1] AS name,"
        " ngramDistanceCaseInsensitive(name, splitByChar('/', {file:String})[-1]) AS distance FROM ops.file_ledger"
        f" WHERE {mine}) WHERE distance < 0.6 ORDER BY distance, name LIMIT 3",
        given,
    )
    place = f" in workspace {workspace}" if workspace else ""
    alike = f"files of similar names: {', '.join(row['name'] for row in near)}" if near else "its name resembles none"
    fail(f"no file {file} has arrived{place}; {alike}. `bin/insightflow ledger` lists what has")


# What a line of the ledger has to say.
WHY = "if(error = '', arrayStringConcat(warnings, '; '), error) AS why"
OF_FILE = "({file:String} = '' OR file_id = {file:String} OR uri = {file:String} OR endsWith(uri, concat('/', {file:String})))"


def _export_rejects(out: Path, workspace: str | None, file: str) -> None:
    """Write the rejected rows of one file."""
    from include.landing import repairs

    found = query(
        "SELECT file_id, uri, workspace FROM ops.current_loads WHERE rows_rejected > 0"
        f" AND ({{workspace:String}} = '' OR workspace = {{workspace:String}}) AND {OF_FILE} ORDER BY loaded_at DESC LIMIT 20",
        {"workspace": workspace or "", "file": file},
    )
    if not found:
        fail("no such file has rejected rows; `bin/insightflow rejects` names those that have")
    if len(found) > 1:
        # Of files that came one after the other under one name only the ids differ.
        alike = len({row["uri"] for row in found}) < len(found)
        names = ", ".join(row["uri"] + (f" {row['file_id']}" if alike else "") for row in found[:5])
        fail(f"several files have rejected rows ({names}{', …' if len(found) > 5 else ''}); choose one by --file")
    # With a byte order mark: spreadsheets take a CSV without one for another encoding.
    with reader() as client, out.open("w", encoding="utf-8-sig", newline="") as target:
        written = repairs.write(client, found[0]["file_id"], target)
    say(
        f"{counted(written, 'row')} of {found[0]['uri']} {'is' if written == 1 else 'are'} in {out}. Correct the cells,"
        " remove rows that are not to be loaded,"
    )
    # Of another workspace than the default one the file would be looked for in the wrong one.
    say(f"keep the columns, then: {shlex.join(['bin/insightflow', 'load', '-w', found[0]['workspace'], str(out)])}")


def rates(
    limit: Limit = 50,
    workspace: Workspace = None,
    missing: Annotated[bool, typer.Option("--missing", help="Only currencies and dates without a rate.")] = False,
    as_json: Json = False,
) -> None:
    """Exchange rates by which money became reporting currency, the newest dates first; currencies without any first of all."""
    with _what_builds_make():
        rows = rate_rows(limit, workspace, missing)
    must_be_known(workspace, rows)
    show(
        rows,
        as_json,
        empty="no money needed a rate" if not missing else "no rate is missing",
    )


def rate_rows(limit: int, workspace: str | None = None, missing: bool = False) -> list[dict[str, Any]]:
    """Without a rate: a row a currency with its dates. Else also a row a currency and day with the rate that was used."""
    from include.quality.rates import in_words, money_without_rate

    with reader() as client:
        without = [
            {
                "workspace": row["workspace"], "date": in_words(row["dates"]), "from": row["currency"],
                "to": row["reporting_currency"], "rate": None, "of": None, "origin": "none: drop a file into fx_rates/",
            }
            for row in money_without_rate(client)
            if workspace in (None, row["workspace"])
        ]  # fmt: skip
    if missing:
        return without[:limit]
    used = query(
        "SELECT workspace, toString(date) AS date, currency AS from, reporting_currency AS to,"
        " toFloat64(units) / toFloat64(per) AS rate, toString(rate_date) AS of, origin FROM marts.int_fx_rates_daily"
        " WHERE origin IN ('file', 'seed') AND ({workspace:String} = '' OR workspace = {workspace:String})"
        " ORDER BY date DESC, workspace, from LIMIT {limit:UInt32}",
        {"workspace": workspace or "", "limit": limit},
    )
    return (without + used)[:limit]


def query(statement: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Run a query as the read-only user; rows as dictionaries."""
    with reader() as client:
        return list(client.query(statement, parameters=parameters).named_results())


def published(statement: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of a query of PostgreSQL, as dictionaries."""
    import psycopg2

    connection = psycopg2.connect(get_settings().postgres_dsn(), connect_timeout=5)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        connection.close()


@contextmanager
def reader() -> Iterator[Client]:
    """The warehouse as the read-only user."""
    from include.warehouse.client import connect

    client = connect(get_settings(), reader=True)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _what_builds_make() -> Iterator[None]:
    """Before the first build there are no marts: say so, instead of the engine's error."""
    from clickhouse_connect.driver.exceptions import DatabaseError

    try:
        yield
    except DatabaseError as error:
        if error.code in NOT_BUILT:
            fail("nothing was built yet; load a file, or `bin/insightflow run`")
        raise
