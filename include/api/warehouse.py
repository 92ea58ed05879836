"""ClickHouse as a caller sees it. Every query of the API goes through ``Warehouse``, and only through it.

A query names tables as ``@marts.mart_campaign_daily``. Each becomes a subquery that holds the caller's workspaces and
nothing else; a table that is named in any other way is refused before the query is sent. So a handler cannot forget
the scope: without ``@`` it gets an error in its first test, with it there is no row of others to be had.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.api.backends import Backends
    from include.api.scope import Caller

# Tables whose rows without a workspace concern everybody (a check of all workspaces at once).
SHARED = frozenset({"ops.quality_results"})
# A table or a column that this installation does not have yet: no rows, not an error.
NOT_THERE = frozenset({60, 81, 47})

_TABLE = re.compile(r"@(\w+\.\w+)")
_LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*'")
_COMMENT = re.compile(r'--|/\*|#|"|`\s*\.|\.\s*`')
# `FROM a, b` is a join as well: our queries write JOIN.
_COMMA = re.compile(r"@\w+\.\w+(?:\s+AS\s+\w+)?\s*,(?!\s*\w+\s+AS\s+\()", re.IGNORECASE)
_SOURCE = re.compile(r"\b(?:FROM|JOIN)\s+(?!\(|@)(\S+)", re.IGNORECASE)
_OWN = re.compile(r"(?:\bWITH|,)\s+(\w+)\s+AS\s+\(", re.IGNORECASE)
_QUALIFIED = re.compile(r"(?<!@)\b(?:marts|ops|staging|raw|system|information_schema|default)\s*\.", re.IGNORECASE)
_WORD = re.compile(r"\b(?:IN|GLOBAL\s+IN)\s+(?!\(|\{)\w+", re.IGNORECASE)


class UnscopedQuery(RuntimeError):
    """A query names a table without ``@``: a mistake in our code, never the caller's."""


def scoped_sql(query: str, names: tuple[str, ...], every: bool) -> tuple[str, dict[str, Any]]:
    """The query with each ``@table`` held to the workspaces, and the parameters that this needs.

    Raises ``UnscopedQuery`` where it reads anything else.
    """
    bare = _LITERAL.sub("''", query)
    own = {name.lower() for name in _OWN.findall(bare)}
    foreign = [name for name in _SOURCE.findall(bare) if name.rstrip(")").lower() not in own]
    wrong = any(pattern.search(bare) for pattern in (_QUALIFIED, _WORD, _COMMENT, _COMMA))
    if foreign or wrong or ";" in bare:
        raise UnscopedQuery(f"the query must name its tables as @database.table: {query[:300]}")

    def held(match: re.Match[str]) -> str:
        table = match[1]
        if every:
            return table
        shared = " OR workspace = ''" if table in SHARED else ""
        return f"(SELECT * FROM {table} WHERE workspace IN {{_workspaces:Array(String)}}{shared})"

    return _TABLE.sub(held, query), {} if every else {"_workspaces": list(names)}


class Warehouse:
    """The rows of some workspaces of one caller."""

    def __init__(self, backends: Backends, caller: Caller, workspace: str | None = None) -> None:
        from include.api.scope import EVERY

        self._backends = backends
        self.names = caller.narrowed(workspace)
        self.every = EVERY in self.names

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows of a query; none where a table or a column does not exist yet. Raises ``Unavailable``."""
        from clickhouse_connect.driver.exceptions import ClickHouseError

        text, scope = scoped_sql(query, self.names, self.every)
        try:
            return self._backends.query(text, dict(parameters or {}) | scope)
        except ClickHouseError as error:
            if getattr(error, "code", None) in NOT_THERE:
                return []
            raise

    def has(self, table: str, *columns: str) -> bool:
        """Whether a mart has been built, with these columns. Raises ``Unavailable``."""
        from clickhouse_connect.driver.exceptions import ClickHouseError

        listed = ", ".join(columns) or "1"
        text, scope = scoped_sql(f"SELECT {listed} FROM @{table} LIMIT 0", self.names, self.every)
        try:
            self._backends.query(text, scope)
        except ClickHouseError as error:
            if getattr(error, "code", None) in NOT_THERE:
                return False
            raise
        return True

    def columns(self, query: str, parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Names and types of a query's columns. Raises ``Unavailable``."""
        text, scope = scoped_sql(query, self.names, self.every)
        described = self._backends.query(f"DESCRIBE ({text})", dict(parameters) | scope)
        return [(str(row["name"]), str(row["type"])) for row in described]

    def stream(self, query: str, parameters: Mapping[str, Any], form: str) -> Iterator[bytes]:
        """A result of any size in a ClickHouse format, in pieces, as it is made. Raises ``Unavailable``."""
        text, scope = scoped_sql(query, self.names, self.every)
        return self._backends.stream(
            f"{text} SETTINGS format_csv_null_representation = ''", dict(parameters) | scope, form
        )
