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
from typing import Any

import chdb
from chdb import _chdb

from include.warehouse.embedded import sql as sql_text
from include.warehouse.embedded.config import EngineConfig
from include.warehouse.embedded.connection import (
    apply,
    apply_for_one_query,
    check_names,
    connect,
    json_row,
    quote,
)
from include.warehouse.embedded.errors import (
    QUERY_WAS_CANCELLED,
    QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
    READONLY,
    SYNTAX_ERROR,
    ClickHouseError,
    from_engine,
)
from include.warehouse.embedded.output import Output
from include.warehouse.embedded.sessions import Session


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
    readonly_user: bool = False
    readonly_request: bool = False
    session: Session | None = None


@dataclass(frozen=True)
class Stats:
    """What a finished query read and wrote."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    elapsed_ns: int = 0


class Query:
    """A running query: read its `output` to the end, then await `done`."""

    def __init__(self, request: Request, kind: str) -> None:
        self.request = request
        self.kind = kind
        self.format = request.default_format
        self.output = Output()
        self.done: asyncio.Future[Stats] = asyncio.get_running_loop().create_future()
        self.cancelled = False

    @property
    def reads_only(self) -> bool:
        """Say whether the statement only reads, so that it may be cancelled when its client goes away."""
        return self.kind == "READ_ONLY"


class Engine:
    """The chDB engine of this process. Construct it once; `close` ends it cleanly."""

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        config_file = config.write()
        _chdb.set_signal_handlers_enabled(0)  # type: ignore[attr-defined]
        self._root = chdb.connect(f"{config.path}?config-file={config_file}")
        os.chdir(config.user_files)  # chDB resolves the paths of file() here; it ignores user_files_path
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
        query = Query(request, kind)
        self._running[request.query_id] = query
        if sql_text.first_words(request.written) == (b"KILL", b"QUERY"):
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
        if sql_text.first_words(sql) == (b"KILL", b"QUERY"):
            sql = sql_text.replace_strings(sql, self._engine_ids())
        if session is not None and session.connection is None and query.kind == "CONTROL":
            session.connection = connect(self.config.path, request.readonly_user)
        kept = session.connection if session is not None else None
        connection = kept or connect(self.config.path, request.readonly_user)
        restore: Callable[[], None] = lambda: None  # noqa: E731
        try:
            restore = self._apply(connection, request, kept is not None)
            started = time.monotonic_ns()
            result = connection.query(sql, request.default_format, params=request.params)
            elapsed = time.monotonic_ns() - started
            output = b"" if query.reads_only else result.bytes()
        finally:
            if kept is None:
                connection.close()
            else:
                restore()
        read_rows, read_bytes = result.storage_rows_read(), result.storage_bytes_read()
        if result.rows_written():
            read_rows, read_bytes = read_rows or result.rows_read(), read_bytes or result.bytes_read()
        rows = result.rows_read() if query.reads_only else result.rows_written()
        size = result.bytes_read() if query.reads_only else result.bytes_written()
        return Stats(read_rows, read_bytes, result.rows_written(), result.bytes_written(), rows, size, elapsed), output

    def _apply(self, connection: Any, request: Request, keep: bool) -> Callable[[], None]:
        """Apply database and settings of a request; the answer undoes them, for a connection that lives on."""
        settings = {**request.settings, "chdb_client_name": request.query_id}
        check_names(settings)
        if keep:
            is_use = sql_text.first_words(request.written, 1) == (b"USE",)
            return apply_for_one_query(connection, request.database, settings, keep_database=is_use)
        if request.readonly_request and not request.readonly_user:
            settings["readonly"] = "2"
        apply(connection, request.database, settings)
        return lambda: None

    def _engine_ids(self) -> dict[str, str]:
        """Return the engine's query id for the client's query id of each running query."""
        connection = connect(self.config.path, readonly=False)
        try:
            found = connection.query(
                "SELECT Settings['chdb_client_name'], query_id FROM system.processes", "JSONCompactEachRow"
            )
        finally:
            connection.close()
        rows = (json_row(line) for line in found.bytes().splitlines())
        return {row[0]: row[1] for row in rows if row[0]}

    async def cancel(self, query: Query) -> None:
        """Stop a query and wait until it has ended."""
        query.cancelled = True
        query.output.close()
        loop = asyncio.get_running_loop()
        while not query.done.done():
            await loop.run_in_executor(self._control, self._kill, query.request.query_id)
            await asyncio.wait([query.done], timeout=0.2)

    def _kill(self, query_id: str) -> None:
        connection = connect(self.config.path, readonly=False)
        try:
            where = f"Settings['chdb_client_name'] = {quote(query_id)}"
            connection.query(f"KILL QUERY WHERE {where} ASYNC", "Null")
        finally:
            connection.close()

    async def close_session(self, session: Session) -> None:
        """Close the connection of a session that has ended; its temporary tables go with it."""
        if session.connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._control, session.connection.close)

    async def close(self) -> None:
        """Cancel what still runs, then close the engine."""
        await asyncio.gather(*(self.cancel(query) for query in list(self._running.values())))
        self._pool.shutdown(wait=True)
        self._control.shutdown(wait=True)
        self._root.close()
