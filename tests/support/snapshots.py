"""All rows of the tables that builds make, to be compared."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client

Snapshot = dict[str, list[str]]


def snapshot(client: Client, condition: str = "1") -> Snapshot:
    """Every row of every mart and of what staging keeps (of which the condition holds), as text, sorted."""
    tables = client.query(
        "SELECT concat(database, '.', name) FROM system.tables WHERE engine LIKE '%MergeTree'"
        " AND (database = 'marts' OR (database = 'staging' AND name = 'int_current_exports')) ORDER BY 1"
    ).result_rows
    return {
        name: [
            row
            for (row,) in client.query(
                f"SELECT toString(tuple(*)) AS row FROM {name} WHERE {condition} ORDER BY row"
            ).result_rows
        ]
        for (name,) in tables
    }


def assert_same(found: Snapshot, expected: Snapshot) -> None:
    """Fail with the first rows that differ."""
    assert found.keys() == expected.keys()
    for name in expected:
        ours, theirs = set(found[name]) - set(expected[name]), set(expected[name]) - set(found[name])
        assert found[name] == expected[name], (
            f"{name}: {len(found[name])} rows, not {len(expected[name])}\n"
            + "\n".join(f"+ {row}" for row in sorted(ours)[:3])
            + "\n"
            + "\n".join(f"- {row}" for row in sorted(theirs)[:3])
        )
