"""Sending the result of a query: headers with true counts, compression, and errors after the first bytes."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from typing import Any

from starlette.types import Send

from include.warehouse.embedded import protocol
from include.warehouse.embedded.compression import NATIVE, Encoder, accepted_encoding, encoder
from include.warehouse.embedded.engine import Query
from include.warehouse.embedded.errors import ClickHouseError
from include.warehouse.embedded.output import Output
from include.warehouse.embedded.progress import EarlyHeaders
from include.warehouse.embedded.revision import FIRST_VERSION, RevisionEncoder

_READ_BYTES = 1 << 18
_MEMORY_BYTES = 4 << 20  # of a result that waits for the end of its query; the rest of it goes to a file


class Answer:
    """The answer to one query. `held` is let go of before the last byte: the client may ask again at once."""

    def __init__(
        self, query: Query, asked: protocol.Parameters, accept: str, display_name: str, held: contextlib.ExitStack
    ) -> None:
        self.query, self.asked, self.display_name, self.held = query, asked, display_name, held
        self.encoding = accepted_encoding(accept) if asked.compressed else ""
        self.translator: RevisionEncoder | None = None
        self.coders: list[Encoder] = [encoder(NATIVE)] if asked.native_result else []
        if self.encoding:
            self.coders.append(encoder(self.encoding))

    async def send(self, send: Send, early: EarlyHeaders) -> None:
        """Send the whole answer; an error of the query before the first byte has left is raised."""
        with tempfile.SpooledTemporaryFile(_MEMORY_BYTES, dir=str(self.query.spool)) as kept:
            reading = asyncio.create_task(self._fill(kept))
            try:
                await self._report_progress(reading, early)
                ended = await reading
            finally:
                reading.cancel()
            stats = await self.query.done if ended else self.query.progress
            if self.query.format == "Native" and self.asked.client_version >= FIRST_VERSION:
                self.translator = RevisionEncoder()
            headers = self._headers(stats)
            size = kept.tell()
            kept.seek(0)
            if ended and size <= _READ_BYTES:
                await self._send_whole(send, headers, kept.read())
                return
            tag = protocol.exception_tag()
            headers.append((b"x-clickhouse-exception-tag", tag.encode()))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            broken = False
            try:
                async for piece in _pieces(kept, self.query.output):
                    if data := await asyncio.to_thread(self._encode, piece):
                        async with asyncio.timeout(self.asked.send_seconds):
                            await send({"type": "http.response.body", "body": data, "more_body": True})
                await self.query.done
                end = self.translator.flush() if self.translator else b""
            except ClickHouseError as error:
                broken, end = True, protocol.exception_block(tag, error)
        self.held.close()
        # After an exception the body has no proper end, as in ClickHouse: no client can take it for a whole one.
        await send({"type": "http.response.body", "body": self._pack(end, end=True), "more_body": broken})

    async def _fill(self, kept: Any) -> bool:
        """Read until the end of the result or the size to buffer; say whether it was the end."""
        limit = None if self.asked.wait_end_of_query else max(self.asked.buffer_bytes, 1)
        size = 0
        while limit is None or size < limit:
            piece = await self.query.output.read(_READ_BYTES)
            if not piece:
                return True
            size += len(piece)
            if size > _MEMORY_BYTES:
                await asyncio.to_thread(kept.write, piece)
            else:
                kept.write(piece)
        return False

    async def _report_progress(self, reading: asyncio.Task[bool], early: EarlyHeaders) -> None:
        while self.asked.progress_seconds:
            done, _ = await asyncio.wait([reading], timeout=self.asked.progress_seconds)
            if done:
                return
            early.write(b"X-ClickHouse-Progress", self.query.progress.json())

    def _headers(self, stats: Any) -> protocol.Headers:
        query = self.query
        zone = query.time_zone
        headers = protocol.result_headers(query.request.query_id, query.format, self.display_name, zone, stats)
        if self.encoding:
            headers.append((b"content-encoding", self.encoding.encode()))
        if self.asked.allow_any_origin:
            headers.append((b"access-control-allow-origin", b"*"))
        return headers

    async def _send_whole(self, send: Send, headers: protocol.Headers, data: bytes) -> None:
        self.held.close()
        if self.translator:
            data = self.translator.compress(data) + self.translator.flush()
        body = self._pack(data, end=True)
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _encode(self, data: bytes) -> bytes:
        return self._pack(self.translator.compress(data) if self.translator else data)

    def _pack(self, data: bytes, end: bool = False) -> bytes:
        for coder in self.coders:
            data = coder.compress(data) + (coder.flush() if end else b"")
        return data


async def _pieces(kept: Any, output: Output) -> AsyncIterator[bytes]:
    while piece := kept.read(_READ_BYTES):
        yield piece
    while piece := await output.read(_READ_BYTES):
        yield piece
