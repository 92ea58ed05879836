"""Which tables are there, and have the structure that the project gives them: a build need not ask the engine again.

dbt-clickhouse lets the engine plan a model's whole SQL for nothing but its columns, and once more to fill the table:
on a day of few rows that is most of the work. A table's comment says which project made it; while that is the project
as it is, the next table of the model is made like it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from include.services.environment import dbt_environment
from include.settings import Settings
from include.transform import manifest, runner
from include.warehouse.client import connect
from include.warehouse.migrate import MIGRATIONS

# Read by dbt_project/macros/structures.sql.
COMMENT, KNOWN = "INSIGHTFLOW_DBT_COMMENT", "INSIGHTFLOW_DBT_KNOWN_TABLES"
_EPHEMERAL = re.compile(r"materialized\s*=\s*['\"]ephemeral")


def environment(settings: Settings) -> dict[str, str]:
    """What tells dbt how to mark the tables that it makes, and which it need not ask about: `schema.table`, by commas.

    Nothing on a cluster, where a model is several tables.
    """
    values = dbt_environment(settings)
    if values["INSIGHTFLOW_DBT_TARGET"] == "cluster":
        return {}
    comment = f"project {_version(manifest.key(runner.PROJECT, values))}"
    # A first fill that was killed leaves a table that does not sync (macros/filling.sql): none is made like it.
    like = "comment = {comment:String} AND engine_full NOT LIKE '%fsync_after_insert = 0%'"
    known = _tables(settings, like, {"comment": comment})
    return {COMMENT: comment, KNOWN: ",".join(known)}


def unmade(settings: Settings, layer: str) -> list[str]:
    """The models of a layer that have no table or view yet, by name."""
    files = (runner.PROJECT / "models" / layer).glob("**/*.sql")
    names = sorted(path.stem for path in files if not _EPHEMERAL.search(path.read_text()))
    asked = "database IN ('staging', 'marts') AND name IN {names:Array(String)}"
    made = {table.partition(".")[2] for table in _tables(settings, asked, {"names": names})}
    return [name for name in names if name not in made]


def _tables(settings: Settings, condition: str, parameters: dict[str, Any]) -> list[str]:
    """`schema.table` of the warehouse's tables of which the condition holds, in order."""
    client = connect(settings)
    try:
        rows = client.query(
            f"SELECT concat(database, '.', name) FROM system.tables WHERE {condition} ORDER BY 1", parameters=parameters
        ).result_rows
    finally:
        client.close()
    return [str(table) for (table,) in rows]


def _version(project: str, migrations: Path = MIGRATIONS) -> str:
    """Hash of the project and of the tables that it reads: a source's columns may go through."""
    names = ",".join(sorted(path.name for path in migrations.glob("*.sql")))
    return hashlib.sha256(f"{project} {names}".encode()).hexdigest()[:24]
