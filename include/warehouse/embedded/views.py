"""What the system tables show of our queries: the client's query id and user, and the text that the client wrote.

chDB gives every query an id of its own and knows one user. Ours are in the setting `chdb_client_name`, from which
`system.query_log` (a view over the engine's log) and `system.client_processes` put them back. `system.processes` is a
table of the engine and KILL QUERY needs it as it is, so statements that read it are pointed at our view instead.
"""

from __future__ import annotations

from typing import Any

from include.warehouse.embedded.lexer import Token, first_words, tokens

ENGINE_LOG = "engine_query_log"
_PROCESSES = b"system.client_processes"

_CLIENT = "splitByChar('\\n', t.Settings['chdb_client_name'])"
_QUERY = (
    r"replaceRegexpAll(t.query, ' INTO OUTFILE ''/proc/self/fd/\\d+'' TRUNCATE FORMAT \\w+"
    r"|FROM INFILE ''[^'']*/\\.server/spool/\\w+'' COMPRESSION ''\\w+'' ', '')"
)
_COLUMNS = f"""* REPLACE (
    if({_CLIENT}[1] = '', t.query_id, {_CLIENT}[1]) AS query_id,
    if({_CLIENT}[1] = '', t.initial_query_id, {_CLIENT}[1]) AS initial_query_id,
    if({_CLIENT}[2] = '', t.user, {_CLIENT}[2]) AS user,
    if({_CLIENT}[2] = '', t.initial_user, {_CLIENT}[2]) AS initial_user,
    {_QUERY} AS query)"""


_NOT_OURS = "NOT (t.query_kind = 'Set' AND t.query LIKE 'SET %chdb_client_name%')"


def client_name(query_id: str, user: str) -> str:
    """Return what the engine is told as the name of its client."""
    return f"{query_id}\n{user}"


def create_views(connection: Any) -> None:
    """Make the views; the engine's log must be there."""
    # Without the SET by which we pass the settings of a request.
    sources = {"query_log": f"{ENGINE_LOG} AS t WHERE {_NOT_OURS}", "client_processes": "processes AS t"}
    for view, source in sources.items():
        connection.query(f"CREATE OR REPLACE VIEW system.{view} AS SELECT {_COLUMNS} FROM system.{source}", "Null")


def show_clients(sql: bytes) -> bytes:
    """Point a reading statement at our view where it reads `system.processes` or shows the process list."""
    if b"process" not in sql.lower():
        return sql
    found = list(tokens(sql))
    if first_words(sql) == (b"SHOW", b"PROCESSLIST"):
        return b"SELECT * FROM " + _PROCESSES + b" ORDER BY elapsed DESC" + sql[found[1].end :]
    for at in range(len(found) - 3, -1, -1):
        if _is_processes(found[at : at + 3]):
            sql = sql[: found[at].start] + _PROCESSES + sql[found[at + 2].end :]
    return sql


def _is_processes(three: list[Token]) -> bool:
    return three[0].name == "system" and three[1].text == b"." and three[2].name == "processes"
