"""The ASGI application: routes, and the way of one query from request to answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from include.warehouse.embedded import protocol
from include.warehouse.embedded.answer import Answer
from include.warehouse.embedded.auth import User, Users
from include.warehouse.embedded.body import Statement, read_statement
from include.warehouse.embedded.compression import NATIVE, encoder
from include.warehouse.embedded.engine import Engine, Query, Request
from include.warehouse.embedded.errors import ClickHouseError
from include.warehouse.embedded.forms import ExternalTable, external_tables, read_multipart, read_urlencoded
from include.warehouse.embedded.progress import EarlyHeaders
from include.warehouse.embedded.sessions import Session, Sessions


class ClientGone(Exception):
    """The client has closed its connection."""


class App:
    """Answers ClickHouse's HTTP protocol on top of an engine."""

    def __init__(self, engine: Engine, users: Users) -> None:
        self.engine = engine
        self.users = users
        self.sessions = Sessions()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        if path in ("/ping", "/replicas_status"):
            await _plain(send, 200, b"Ok.\n")
        elif method == "OPTIONS":
            await _plain(send, 204, b"", list(protocol.PREFLIGHT))
        elif method == "POST" or scope["query_string"]:
            with contextlib.suppress(ClientGone):
                await self._query(scope, receive, send)
        elif path == "/":
            await _plain(send, 200, b"Ok.\n")
        else:
            await _plain(send, 404, f"There is no handle {path}\n".encode())

    async def expire_sessions(self) -> None:
        """Close sessions that have been idle for too long; runs until it is cancelled."""
        while True:
            await asyncio.sleep(1)
            for session in self.sessions.expired():
                await self.engine.close_session(session)

    async def close(self) -> None:
        """End all sessions and the engine."""
        for session in self.sessions.clear():
            await self.engine.close_session(session)
        await self.engine.close()

    async def _query(self, scope: Scope, receive: Receive, send: Send) -> None:
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(pairs)
        headers = Headers(scope=scope)
        early = EarlyHeaders(send)
        query_id, native_result = given.get("query_id", ""), False
        # Given back before the last byte of the answer: the client may send its next query at once.
        held = contextlib.ExitStack()
        try:
            user = self.users.authenticate(headers, given)
            body, fields, tables = await self._form(scope, receive, headers, given, held)
            written = given.get("query", "") + fields.pop("query", "")
            given |= fields
            roles = tuple(value for name, value in pairs if name == "role")
            asked = protocol.parse_parameters(given | {"query": written}, headers, roles)
            query_id, native_result = asked.query_id, asked.native_result
            encoding, spool = headers.get("content-encoding", "").lower(), self.engine.config.spool
            statement = await read_statement(asked.query, body, encoding, asked.native_body, spool)
            held.callback(statement.discard)
            session = None
            if asked.session_id:
                session = self.sessions.take(user.name, asked.session_id, asked.session_timeout, asked.session_check)
                held.callback(self._give_back, session, asked.close_session)
            query = await self.engine.start(_request(asked, statement, tables, user, scope["method"], session))
            accept = headers.get("accept-encoding", "")
            answer = Answer(query, asked, accept, self.engine.config.display_name, held)
            await self._watch(query, asyncio.create_task(answer.send(send, early)), receive)
        except ClickHouseError as error:
            held.close()
            text = error.message.encode() + b"\n"
            error_headers = protocol.error_headers(error, query_id, self.engine.config.display_name)
            await _plain(send, error.status, encoder(NATIVE).compress(text) if native_result else text, error_headers)
        finally:
            held.close()

    async def _form(
        self, scope: Scope, receive: Receive, headers: Headers, given: dict[str, str], held: contextlib.ExitStack
    ) -> tuple[AsyncIterator[bytes], dict[str, str], tuple[ExternalTable, ...]]:
        """Return the body, or the fields and the tables of the form that it is."""
        kind = headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):
            fields, files = await read_multipart(scope, receive, self.engine.config.spool)
            for path in files.values():
                held.callback(path.unlink, missing_ok=True)
            parameters = given | fields
            tables = external_tables(parameters, files)
            for name in set(given) - set(parameters):
                del given[name]
            return _nothing(), {n: v for n, v in fields.items() if n in parameters}, tables
        if kind.startswith("application/x-www-form-urlencoded"):
            fields, body = await read_urlencoded(_chunks(receive))
            return body, fields, ()
        return _chunks(receive), {}, ()

    def _give_back(self, session: Session, close: bool) -> None:
        self.sessions.give_back(session)
        if close:
            self.sessions.end(session)
            asyncio.get_running_loop().create_task(self.engine.close_session(session))

    async def _watch(self, query: Query, sending: asyncio.Task[None], receive: Receive) -> None:
        """Wait for an answer to be sent; if the client goes away, a reading query is cancelled."""
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait([gone, sending], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                with contextlib.suppress(TimeoutError):  # the client does not read: it is as good as gone
                    sending.result()
                return
            sending.cancel()
            await asyncio.wait([sending])
            if not query.reads_only:  # as in ClickHouse: only a query without effects is cancelled
                await asyncio.wait([query.done])
            raise ClientGone
        finally:
            gone.cancel()
            if not query.done.done():
                await asyncio.shield(self.engine.cancel(query))
            query.output.close()


def _request(
    asked: protocol.Parameters,
    statement: Statement,
    tables: tuple[ExternalTable, ...],
    user: User,
    method: str,
    session: Session | None,
) -> Request:
    return Request(
        sql=statement.sql,
        written=statement.written,
        query_id=asked.query_id,
        default_format=asked.default_format,
        database=asked.database,
        params=asked.params,
        settings=asked.settings,
        tables=tables,
        roles=asked.roles,
        user=user.name,
        readonly_user=user.readonly,
        readonly_request=method != "POST",
        session=session,
    )


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        more = message.get("more_body", False)
        if message.get("body"):
            yield message["body"]


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _plain(send: Send, status: int, body: bytes, headers: protocol.Headers | None = None) -> None:
    headers = headers or [(b"content-type", b"text/html; charset=UTF-8")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
