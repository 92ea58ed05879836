"""DDL of the warehouse on a cluster: what each server has to be told, and tables that Keeper keeps alike.

``raw`` and ``ops`` are whole on every server: to Keeper a table of theirs is one shard whose replicas are all servers.
So a load writes to one server, and what dbt reads of it stands on each. (dbt's own tables: dbt_project/macros/cluster.sql.)
"""

from __future__ import annotations

import re

PATH = "'/clickhouse/tables/{uuid}/everywhere', '{shard}_{replica}'"

_NAME = r"[\w.`]+"
# Statements that every server runs for itself, up to the name that ON CLUSTER follows. Other ALTERs and INSERTs of a
# replicated table reach the others through Keeper.
_EVERYWHERE = re.compile(
    rf"^(CREATE\s+DATABASE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}"
    rf"|CREATE\s+(?:OR\s+REPLACE\s+)?(?:TABLE|VIEW|FUNCTION)\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}"
    rf"|DROP\s+(?:TABLE|VIEW|FUNCTION)\s+(?:IF\s+EXISTS\s+)?{_NAME}"
    rf"|ALTER\s+TABLE\s+{_NAME}(?=\s+MODIFY\s+SETTING\s)"
    rf"|RENAME\s+TABLE\s+{_NAME}\s+TO\s+{_NAME}"
    rf"|EXCHANGE\s+TABLES\s+{_NAME}\s+AND\s+{_NAME})",
    re.IGNORECASE,
)
_ENGINE = re.compile(r"^(\s*ENGINE\s*=\s*)(\w*MergeTree)(?:\(([^)]*)\))?", re.IGNORECASE | re.MULTILINE)


def on_cluster(cluster: str) -> str:
    """The clause for statements of one's own; nothing without a cluster."""
    return f" ON CLUSTER '{cluster}'" if cluster else ""


def for_cluster(statement: str, cluster: str) -> str:
    """A statement of the migrations as a cluster wants it; as it is without one."""
    if not cluster:
        return statement
    everywhere = _EVERYWHERE.sub(lambda found: f"{found[1]}{on_cluster(cluster)}", statement, count=1)
    if not statement.upper().startswith("CREATE TABLE"):
        return everywhere
    replicated = _ENGINE.sub(
        lambda found: f"{found[1]}Replicated{found[2]}({PATH}{', ' + found[3] if found[3] else ''})", everywhere
    )
    # Replicated tables overlook a block that equals an earlier one; here equal rows are rows.
    return f"{replicated}\nSETTINGS replicated_deduplication_window = 0"


def parts(cluster: str) -> str:
    """Where the parts of a table are listed by its name; on a cluster those of the tables behind it, on every server.

    Column ``server`` says whose they are.
    """
    if not cluster:
        return "(SELECT *, hostName() AS server FROM system.parts)"
    return (
        f"(SELECT hostName() AS server, * REPLACE (replaceRegexpOne(table, '_local$', '') AS table)"
        f" FROM clusterAllReplicas('{cluster}', system.parts))"
    )
