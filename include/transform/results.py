"""What became of each node: in the task's log, and in ``ops.dbt_results``."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from include.landing.bucket import sql_string
from include.settings import Settings
from include.transform import runner
from include.warehouse.client import connect

log = logging.getLogger(__name__)

TABLE = "ops.dbt_results"
SHOWN = 3  # rows of a test that failed
EXAMPLE = "for example "
GONE = ", of rows that were removed with a workspace"


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, test or seed.

    ``rows``: that a model wrote, or that fail a test; None where nobody counts (a view). ``sql``: as it was compiled.
    """

    node: str
    resource_type: str
    status: str
    rows: int | None
    seconds: float
    message: str
    unique_id: str = ""
    sql: str = ""


def keep(settings: Settings, run_id: str, layer: str, nodes: Sequence[NodeResult]) -> None:
    """Append node results to ``ops.dbt_results``, and write them to the log, one line a node."""
    if not nodes:
        return
    now = datetime.now(UTC)
    for node in nodes:
        counted = "" if node.rows is None else f", {node.rows} {'failing ' * (node.resource_type == 'test')}rows"
        log.info("%-7s %s %s (%.2f s%s)", node.status, node.resource_type, node.node, node.seconds, counted)
    rows = [{"run_id": run_id, "finished_at": now, "layer": layer, **asdict(node)} for node in nodes]
    client = connect(settings)
    try:
        columns = list(rows[0])
        client.insert(TABLE, [list(row.values()) for row in rows], column_names=columns)
    finally:
        client.close()


def of(settings: Settings, outcome: runner.Outcome) -> list[NodeResult]:
    """Results of a call of dbt; tables that dbt made whole have the rows that they hold."""
    nodes = told(settings, [NodeResult(**node) for node in outcome.nodes])
    whole = {
        n.unique_id for n in nodes if n.rows is None and n.status == "success" and n.unique_id in outcome.relations
    }
    if not whole:
        return nodes
    client = connect(settings)
    try:
        found: Mapping[str, int] = dict(
            client.query(
                "SELECT concat(database, '.', name), total_rows FROM system.tables"
                " WHERE concat(database, '.', name) IN {names:Array(String)} AND total_rows IS NOT NULL",
                parameters={"names": [outcome.relations[unique_id] for unique_id in whole]},
            ).result_rows
        )
    finally:
        client.close()
    return [
        replace(node, rows=found.get(outcome.relations[node.unique_id])) if node.unique_id in whole else node
        for node in nodes
    ]


def told(settings: Settings, nodes: Sequence[NodeResult]) -> list[NodeResult]:
    """The results with rows that tests did not pass for, where the test has an SQL: dbt only counts them."""
    if not any(_fails_rows(node) for node in nodes):
        return list(nodes)
    client = connect(settings)
    try:
        return [
            replace(node, message=f"{node.message}, {_rows(client, node.sql)}") if _fails_rows(node) else node
            for node in nodes
        ]
    finally:
        client.close()


def forget_rows_of(client: Client, workspace: str, everywhere: str = "") -> None:
    """Take out of the messages the rows of a workspace that they quote; status and counts stay.

    So go rows that name no workspace: nobody can say that they are of others. ``everywhere``: the clause for a cluster.
    Raises the engine's errors.
    """
    named = r"(for example |; |, )workspace: "
    # A name is whole where another column, another row or nothing follows: "a" is neither "ab" nor "a, b".
    mine = f"{named}{re.escape(workspace)}([,;] [^,;: ]+: |$)"
    quotes = (
        f"match(message, {sql_string(f', {EXAMPLE}')})"
        f" AND (match(message, {sql_string(mine)}) OR NOT match(message, {sql_string(named)}))"
    )
    # Of a cluster this server may lack what another has just written.
    if everywhere or client.query(f"SELECT count() FROM {TABLE} WHERE {quotes}").first_row[0]:
        client.command(
            f"ALTER TABLE {TABLE}{everywhere} UPDATE message = concat(splitByString({sql_string(f', {EXAMPLE}')}, message)[1],"
            f" {sql_string(GONE)}) WHERE {quotes} SETTINGS mutations_sync = 2"
        )


def _fails_rows(node: NodeResult) -> bool:
    return node.resource_type == "test" and node.status in ("fail", "warn") and bool(node.sql)


def _rows(client: Client, sql: str) -> str:
    try:
        found = client.query(f"SELECT * FROM (\n{sql}\n) LIMIT {SHOWN}")
    except Error as error:  # what failed is told all the same
        return f"and its rows cannot be read again: {error}"
    return EXAMPLE + "; ".join(
        ", ".join(f"{name}: {value}" for name, value in row.items() if value is not None)
        for row in found.named_results()
    )


def of_file(path: Path) -> list[NodeResult]:
    """Results from dbt's ``run_results.json``."""
    found = []
    for result in json.loads(path.read_text())["results"]:
        kind, _, name = result["unique_id"].split(".")[:3]
        rows = result["failures"] if kind == "test" else result["adapter_response"].get("rows_affected")
        found.append(
            NodeResult(
                node=name,
                resource_type=kind,
                status=result["status"],
                rows=rows if isinstance(rows, int) and rows >= 0 else None,
                seconds=float(result["execution_time"] or 0),
                message=str(result["message"] or ""),
                unique_id=result["unique_id"],
                sql=str(result.get("compiled_code") or ""),
            )
        )
    return found
