"""The engine: chDB connections, one for each query or session, and the queries that run in them.

A result does not come back through chDB's Python objects: the engine writes it, in any of its formats, into
a pipe of ours (`INTO OUTFILE '/proc/self/fd/N'`), so that it streams in constant memory. Every query carries
its id in the setting `chdb_client_name`, by which it is found in `system.processes` and can be killed.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chdb
from chdb import _chdb

from include.warehouse.embedded import intents
from include.warehouse.embedded import sql as sql_text
from include.warehouse.embedded.config import EngineConfig
from include.warehouse.embedded.connection import (
    apply,
    apply_for_one_query,
    check_names,
    connect,
    create_external,
    drop_external,
    fill_external,
    json_row,
    quote,
    set_roles,
    take_user_role,
)
from include.warehouse.embedded.errors import (
    QUERY_WAS_CANCELLED,
    QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
    READONLY,
    SYNTAX_ERROR,
    ClickHouseError,
    from_engine,
)
from include.warehouse.embedded.forms import ExternalTable
from include.warehouse.embedded.lexer import first_words
from include.warehouse.embedded.output import Output
from include.warehouse.embedded.sessions import Session
from include.warehouse.embedded.stats import Stats
from include.warehouse.embedded.views import client_name, create_views, show_clients


@dataclass(frozen=True)
class Request:
    """A query as the client asked for it."""

    sql: bytes
    written: bytes  # what the client wrote, without what the server added
    query_id: str
    default_format: str = "TabSeparated"
    database: str = ""
    params: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    tables: tuple[ExternalTable, ...] = ()
    roles: tuple[str, ...] = ()
    user: str = "default"
    readonly_user: bool = False
    readonly_request: bool = False
    session: Session | None = None


class Query:
    """A running query: read its `output` to the end, then await `done`."""

    def __init__(self, request: Request, kind: str, spool: Path) -> None:
        self.request = request
        self.kind = kind
        self.spool = spool
        self.format = request.default_format
        self.output = Output()
        self.done: asyncio.Future[Stats] = asyncio.get_running_loop().create_future()
        self.cancelled = False
        self.progress = Stats()
        self.time_zone = request.settings.get("session_timezone") or "UTC"

    def report(self, progress: dict[str, int]) -> None:
        """Take the engine's progress. Called by its threads."""
        self.progress = Stats.of_progress(progress)

    @property
    def client_name(self) -> str:
        """What the engine is told to find the query by."""
        return client_name(self.request.query_id, self.request.user)

    @property
    def reads_only(self) -> bool:
        """Say whether the statement only reads, so that it may be cancelled when its client goes away."""
        return self.kind == "READ_ONLY"


class Engine:
    """The chDB engine of this process. Construct it once; `close` ends it cleanly."""

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        config_file = config.write()
        _chdb.set_signal_handlers_enabled(0)  # type: ignore[attr-defined]  # not in its stubs
        self._root = chdb.connect(f"{config.path}?config-file={config_file}")
        os.chdir(config.user_files)  # chDB resolves the paths of file() here; it ignores user_files_path
        create_views(self._root)
        recovery = connect(config.path, readonly=False)
        try:
            intents.finish(config.intents, recovery)
        finally:
            recovery.close()
        self.version = str(self._root.query("SELECT version()", "TabSeparated")).strip()
        self._pool = ThreadPoolExecutor(config.workers, "query")
        self._control = ThreadPoolExecutor(2, "control")
        self._slots = asyncio.Semaphore(config.workers)
        self._running: dict[str, Query] = {}

    def classify(self, sql: bytes) -> tuple[str, int]:
        """Ask the engine's parser what a statement does: its class and the number of statements."""
        try:
            answer = self._root._conn.classify_query(sql)
        except (RuntimeError, UnicodeDecodeError):
            return "UNKNOWN", 0
        return answer["query_class"].name, answer["statement_count"]

    async def start(self, request: Request) -> Query:
        """Check a query and set it going, when a worker is free."""
        sql_text.refuse_unsafe(request.written, self.config.user_files, request.readonly_user)
        kind, count = self.classify(request.written)
        if count > 1:
            raise ClickHouseError.of(SYNTAX_ERROR, "Syntax error: Multi-statements are not allowed")
        if request.readonly_request and kind in ("MUTATING", "MUTATING_GLOBAL"):
            raise ClickHouseError.of(READONLY, "Cannot execute query in readonly mode. Use POST to change data")
        if request.query_id in self._running:
            reason = f"Query with id = {request.query_id} is already running"
            raise ClickHouseError.of(QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING, reason)
        query = Query(request, kind, self.config.spool)
        self._running[request.query_id] = query
        if first_words(request.written) == (b"KILL", b"QUERY"):
            self._submit(self._control, query, -1)
            return query
        try:
            await self._slots.acquire()
        except BaseException:
            self._running.pop(request.query_id, None)
            raise
        query.done.add_done_callback(lambda _: self._slots.release())
        write_end = -1
        if query.reads_only:
            query.output, write_end = Output.piped()
        self._submit(self._pool, query, write_end)
        return query

    def _submit(self, pool: ThreadPoolExecutor, query: Query, write_end: int) -> None:
        loop = asyncio.get_running_loop()

        def finish(result: tuple[Stats, bytes] | ClickHouseError) -> None:
            self._running.pop(query.request.query_id, None)
            output = b""
            if isinstance(result, ClickHouseError):
                query.done.set_exception(result)
                query.done.exception()  # seen: a client that left does not ask for it
            else:
                output = result[1]
                query.done.set_result(result[0])
            if write_end < 0:
                query.output.give(output)

        def work() -> None:
            result: tuple[Stats, bytes] | ClickHouseError
            sql, added = query.request.sql, ""
            try:
                if write_end >= 0:
                    sql = show_clients(sql)
                    sql, query.format, added = sql_text.to_pipe(sql, write_end, query.request.default_format)
                result = self._run(query, sql)
            except ClickHouseError as error:
                result = error
            except Exception as error:
                result = from_engine(error, self.version, added)
            finally:
                if write_end >= 0:
                    os.close(write_end)
            loop.call_soon_threadsafe(finish, result)

        pool.submit(work)

    def _run(self, query: Query, sql: bytes) -> tuple[Stats, bytes]:
        """Run a query in a connection of its own, or of its session. In a worker thread."""
        request, session = query.request, query.request.session
        if query.cancelled:
            raise ClickHouseError.of(QUERY_WAS_CANCELLED, "Query was cancelled")
        if first_words(sql) == (b"KILL", b"QUERY"):
            sql = sql_text.replace_strings(sql, self._engine_ids())
        if session is not None and session.connection is None and query.kind == "CONTROL":
            session.connection = connect(self.config.path, request.readonly_user)
        kept = session.connection if session is not None else None
        connection = kept or connect(self.config.path, request.readonly_user)
        restore: Callable[[], None] = lambda: None  # noqa: E731 (until there is something to undo)
        try:
            create_external(connection, request.tables)
            restore = self._apply(connection, query, session if kept is not None else None)
            fill_external(connection, request.tables)
            connection._conn.set_progress_callback(query.report)
            started = time.monotonic_ns()
            with intents.noted(self.config.intents, request.query_id, sql, request.database, request.params):
                result = connection.query(sql, request.default_format, params=request.params)
            elapsed = time.monotonic_ns() - started
            output = b"" if query.reads_only else result.bytes()
        finally:
            connection._conn.set_progress_callback(None)
            if kept is None:
                connection.close()
            else:
                drop_external(connection, request.tables)
                restore()
                if session is not None and query.kind == "CONTROL":
                    session.known.clear()
        return Stats.of_result(result, query.reads_only, elapsed), output

    def _apply(self, connection: Any, query: Query, session: Session | None) -> Callable[[], None]:
        """Apply database, settings and roles of a request; the answer undoes them, for the connection of a session."""
        request = query.request
        settings = {**request.settings, "chdb_client_name": query.client_name, "log_queries": "1"}
        settings.update({name: request.settings[name] for name in ("log_queries",) if name in request.settings})
        check_names(settings)
        if request.roles:
            set_roles(connection, request.roles, request.readonly_user)
        if session is not None:
            is_use = first_words(request.written, 1) == (b"USE",)
            restore, query.time_zone = apply_for_one_query(
                connection, request.database, settings, keep_database=is_use, known=session.known
            )

            def undo() -> None:
                restore()
                if request.roles:
                    take_user_role(connection, request.readonly_user)

            return undo
        if request.readonly_request and not request.readonly_user:
            settings["readonly"] = "2"
        apply(connection, request.database, settings)
        return lambda: None

    def _engine_ids(self) -> dict[str, str]:
        """Return the engine's query id for the client's query id of each running query."""
        connection = connect(self.config.path, readonly=False)
        try:
            sql = "SELECT Settings['chdb_client_name'], query_id FROM system.processes"
            found = connection.query(sql, "JSONCompactEachRow")
        finally:
            connection.close()
        rows = (json_row(line) for line in found.bytes().splitlines())
        return {name.partition("\n")[0]: engine_id for name, engine_id in rows if name}

    async def cancel(self, query: Query, keep_output: bool = False) -> None:
        """Stop a query and wait until it has ended; nobody reads its output any more, unless told otherwise."""
        query.cancelled = True
        if not keep_output:
            query.output.close()
        loop = asyncio.get_running_loop()
        while not query.done.done():
            await loop.run_in_executor(self._control, self._kill, query.client_name)
            await asyncio.wait([query.done], timeout=0.2)

    def _kill(self, name: str) -> None:
        connection = connect(self.config.path, readonly=False)
        try:
            where = f"Settings['chdb_client_name'] = {quote(name)}"
            connection.query(f"KILL QUERY WHERE {where} ASYNC", "Null")
        finally:
            connection.close()

    async def close_session(self, session: Session) -> None:
        """Close the connection of a session that has ended; its temporary tables go with it."""
        if session.connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._control, session.connection.close)

    async def cancel_all(self) -> None:
        """Cancel what still runs; the clients get an error."""
        await asyncio.gather(*(self.cancel(query, keep_output=True) for query in list(self._running.values())))

    async def close(self) -> None:
        """Cancel what still runs, then close the engine."""
        await asyncio.gather(*(self.cancel(query) for query in list(self._running.values())))
        self._pool.shutdown(wait=True)
        self._control.shutdown(wait=True)
        self._root.close()
