"""The scope of ClickHouse queries: what is written, and what is refused."""

from __future__ import annotations

import pytest

from include.api.warehouse import UnscopedQuery, scoped_sql

HELD = "(SELECT * FROM marts.a WHERE workspace IN {_workspaces:Array(String)})"


def test_tables_are_held_to_the_workspaces() -> None:
    text, parameters = scoped_sql("SELECT 1 FROM @marts.a AS r JOIN @marts.a AS s ON r.x = s.x", ("demo",), False)
    assert text == f"SELECT 1 FROM {HELD} AS r JOIN {HELD} AS s ON r.x = s.x"
    assert parameters == {"_workspaces": ["demo"]}


def test_a_caller_without_workspaces_sees_no_row() -> None:
    assert scoped_sql("SELECT 1 FROM @marts.a", (), False)[1] == {"_workspaces": []}


def test_names_of_the_query_itself_and_literals_are_no_tables() -> None:
    scoped_sql(
        "WITH a AS (SELECT 1 FROM @marts.a), b AS (SELECT 2 FROM a) SELECT 'FROM marts.x; --' FROM b", ("d",), False
    )


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM marts.a",
        "SELECT * FROM @marts.a AS r JOIN marts.b AS s ON 1",
        "SELECT * FROM a",
        "SELECT * FROM file('x.csv')",
        "SELECT * FROM s3('http://x')",
        "SELECT * FROM system.tables",
        "SELECT * FROM @marts.a WHERE x IN marts.b",
        "SELECT * FROM @marts.a WHERE x IN b",
        "SELECT (SELECT 1 FROM ops . file_ledger)",
        "SELECT * FROM @marts.a; SELECT * FROM marts.b",
        "SELECT * FROM @marts.a -- all",
        "SELECT * FROM @marts.a, marts.b",
        "SELECT * FROM @marts.a, b",
        "SELECT * FROM /* x */ marts.b",
        "SELECT * FROM `marts`.`b`",
        'SELECT * FROM "marts"."b"',
    ],
)
def test_any_other_source_is_refused(query: str) -> None:
    with pytest.raises(UnscopedQuery):
        scoped_sql(query, ("demo",), False)
