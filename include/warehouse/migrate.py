"""Ordered SQL files that make the databases, tables and functions of the warehouse."""

from __future__ import annotations

import hashlib
from pathlib import Path

from clickhouse_connect.driver.client import Client

from include.warehouse.cluster import for_cluster

MIGRATIONS = Path(__file__).parent / "migrations"
_APPLIED = """CREATE TABLE IF NOT EXISTS ops.schema_migrations
(name String, checksum String, applied_at DateTime DEFAULT now())
ENGINE = MergeTree
ORDER BY name"""


def statements(text: str) -> list[str]:
    """Split a migration file on semicolons that end a line, leaving out lines that are only comment."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    parts = ("\n".join(lines) + "\n").split(";\n")
    return [part.strip() for part in parts if part.strip()]


def migrate(client: Client, cluster: str = "") -> list[str]:
    """Apply the migrations that the warehouse does not have, on every server of a cluster; return their names.

    A file that changed after it was applied is an error: write a new one instead. Every statement is
    idempotent, so a migration cut off in the middle is simply run again.
    """
    for statement in ("CREATE DATABASE IF NOT EXISTS ops", _APPLIED):
        client.command(for_cluster(statement, cluster))
    rows = client.query("SELECT name, any(checksum) FROM ops.schema_migrations GROUP BY name").result_rows
    applied = {str(name): str(checksum) for name, checksum in rows}
    done = []
    for path in sorted(MIGRATIONS.glob("*.sql")):
        text = path.read_text()
        checksum = hashlib.sha256(text.encode()).hexdigest()
        if path.name in applied:
            if applied[path.name] != checksum:
                raise RuntimeError(
                    f"migration {path.name} was changed after it was applied; restore it and put the change into a new file"
                )
            continue
        for statement in statements(text):
            client.command(for_cluster(statement, cluster))
        client.insert("ops.schema_migrations", [[path.name, checksum]], column_names=["name", "checksum"])
        done.append(path.name)
    return done
