"""The ASGI application: routes, and the way of one query from request to answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, UploadFile
from starlette.requests import Request as FormRequest
from starlette.types import Message, Receive, Scope, Send

from include.warehouse.embedded import protocol
from include.warehouse.embedded.auth import User, Users
from include.warehouse.embedded.body import Statement, read_statement
from include.warehouse.embedded.compression import Encoder, accepted_encoding, encoder
from include.warehouse.embedded.engine import Engine, Query, Request, Stats
from include.warehouse.embedded.errors import ClickHouseError
from include.warehouse.embedded.output import Output
from include.warehouse.embedded.sessions import Session, Sessions

# A result up to this size is complete before its headers leave: errors have a status, counts are true.
BUFFER_BYTES = 1 << 20
_READ_BYTES = 1 << 18


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
        if path == "/" and (method == "POST" or scope["query_string"]):
            with contextlib.suppress(ClientGone):
                await self._query(scope, receive, send)
            return
        if path in ("/ping", "/replicas_status", "/"):
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
        given = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        headers = Headers(scope=scope)
        query_id = given.get("query_id", "")
        # Given back before the last byte of the answer: the client may send its next query at once.
        held = contextlib.ExitStack()
        try:
            user = self.users.authenticate(headers, given)
            body = _chunks(receive)
            if headers.get("content-type", "").startswith("multipart/form-data"):
                given |= await _form(scope, receive)
                body = _nothing()
            asked = protocol.parse_parameters(given, headers)
            query_id = asked.query_id
            encoding = headers.get("content-encoding", "").lower()
            statement = await read_statement(asked.query, body, encoding, self.engine.config.spool)
            held.callback(statement.discard)
            session = None
            if asked.session_id:
                session = self.sessions.take(user.name, asked.session_id, asked.session_timeout, asked.session_check)
                held.callback(self.sessions.give_back, session)
            query = await self.engine.start(_request(asked, statement, user, scope["method"], session))
            compress = accepted_encoding(headers.get("accept-encoding", "")) if asked.compressed else ""
            sending = asyncio.create_task(self._send_result(query, asked, compress, held, send))
            await self._watch(query, sending, receive)
        except ClickHouseError as error:
            held.close()
            answer = protocol.error_headers(error, query_id, self.engine.config.display_name)
            await _plain(send, error.status, error.message.encode() + b"\n", answer)
        finally:
            held.close()

    async def _watch(self, query: Query, sending: asyncio.Task[None], receive: Receive) -> None:
        """Wait for an answer to be sent; if the client goes away, a reading query is cancelled."""
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait([gone, sending], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
                return
            sending.cancel()
            if not query.reads_only:  # as in ClickHouse: only a query without effects is cancelled
                await asyncio.wait([query.done])
            raise ClientGone
        finally:
            gone.cancel()
            if not query.done.done():
                await asyncio.shield(self.engine.cancel(query))
            query.output.close()

    async def _send_result(
        self, query: Query, asked: protocol.Parameters, compress: str, held: contextlib.ExitStack, send: Send
    ) -> None:
        limit = None if asked.wait_end_of_query else BUFFER_BYTES
        first, ended = await _read_up_to(query.output, limit)
        stats: Stats | None = await query.done if ended else None
        name = self.engine.config.display_name
        headers = protocol.result_headers(query.request.query_id, query.format, name, stats)
        tag = protocol.exception_tag()
        coder: Encoder | None = encoder(compress) if compress else None
        if coder is not None:
            headers.append((b"content-encoding", compress.encode()))
            first = await asyncio.to_thread(coder.compress, first)
        if ended:
            held.close()
            first += coder.flush() if coder else b""
            headers.append((b"content-length", str(len(first)).encode()))
        else:
            headers.append((b"x-clickhouse-exception-tag", tag.encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": first, "more_body": not ended})
        if ended:
            return
        while chunk := await query.output.read(_READ_BYTES):
            data = await asyncio.to_thread(coder.compress, chunk) if coder else chunk
            if data:
                await send({"type": "http.response.body", "body": data, "more_body": True})
        last = b""
        try:
            await query.done
        except ClickHouseError as error:
            last = protocol.exception_block(tag, error)
        held.close()
        if coder is not None:
            last = coder.compress(last) + coder.flush()
        await send({"type": "http.response.body", "body": last, "more_body": False})


def _request(
    asked: protocol.Parameters, statement: Statement, user: User, method: str, session: Session | None
) -> Request:
    return Request(
        sql=statement.sql,
        written=statement.written,
        query_id=asked.query_id,
        default_format=asked.default_format,
        database=asked.database,
        params=asked.params,
        settings=asked.settings,
        readonly_user=user.readonly,
        readonly_request=method != "POST",
        session=session,
    )


async def _read_up_to(output: Output, limit: int | None) -> tuple[bytes, bool]:
    """Read until the end or the limit; say whether the end was reached."""
    pieces: list[bytes] = []
    size = 0
    while limit is None or size < limit:
        piece = await output.read(_READ_BYTES)
        if not piece:
            return b"".join(pieces), True
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces), False


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


async def _form(scope: Scope, receive: Receive) -> dict[str, str]:
    """Read a multipart form: the query and its parameters as fields."""
    fields: dict[str, str] = {}
    async with FormRequest(scope, receive).form(max_part_size=64 << 20) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                raise ClickHouseError.of(48, "External data is not supported")
            fields[name] = value
    return fields


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _plain(send: Send, status: int, body: bytes, headers: protocol.Headers | None = None) -> None:
    headers = headers or [(b"content-type", b"text/html; charset=UTF-8")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
