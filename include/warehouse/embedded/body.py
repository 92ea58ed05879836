"""Reading a request's body: a statement, or the data of an INSERT, spooled to a file before anything runs.

Data goes to a file first for two reasons: a body that the client cuts off has inserted nothing, and the
engine reads a file twice as fast as a stream that is fed to it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from include.warehouse.embedded.compression import ENGINE_METHOD, Decoder
from include.warehouse.embedded.errors import SYNTAX_ERROR, ClickHouseError
from include.warehouse.embedded.sql import from_file, insert_with_data

HEAD_BYTES = 1 << 20
MAX_STATEMENT_BYTES = 256 << 20
_WRITE_BYTES = 1 << 19


@dataclass
class Statement:
    """A statement ready to run, and the spooled file that it reads (to be deleted afterwards).

    `written` is what the client wrote, before the server made it read its data from that file.
    """

    sql: bytes
    written: bytes
    data: Path | None = None

    def discard(self) -> None:
        """Delete the spooled data."""
        if self.data is not None:
            self.data.unlink(missing_ok=True)


async def read_statement(
    url_query: bytes, body: AsyncIterator[bytes], encoding: str, blocks: bool, spool: Path
) -> Statement:
    """Read the whole body and return the statement that URL and body make together.

    `encoding` is its Content-Encoding; with `blocks` it is made of ClickHouse's compressed blocks.
    """
    insert = insert_with_data(url_query) if url_query else None
    if insert is not None and not blocks and encoding in ENGINE_METHOD and not url_query[insert.data_at :].strip():
        path = spool / uuid.uuid4().hex
        size = await _spool(path, b"", body, Decoder(""))
        method = ENGINE_METHOD[encoding] if size else "none"
        return Statement(from_file(url_query, insert, path, method), url_query, path)
    decoder = Decoder(encoding, blocks)
    head = bytearray(url_query + b"\n" if url_query else b"")
    complete = True
    async for chunk in body:
        head += decoder.feed(chunk)
        if len(head) > HEAD_BYTES:
            complete = False
            break
    if complete:
        decoder.finish()
    start = bytes(head)
    insert = insert_with_data(start[:HEAD_BYTES])
    # VALUES of ordinary size stay in the statement: they may hold query parameters and expressions.
    if insert is not None and not (complete and insert.is_values):
        path = spool / uuid.uuid4().hex
        await _spool(path, start[insert.data_at :], body, decoder, complete)
        written = start[: insert.data_at]
        return Statement(from_file(written, insert, path, "none"), written, path)
    if not complete:
        async for chunk in body:
            head += decoder.feed(chunk)
            if len(head) > MAX_STATEMENT_BYTES:
                raise ClickHouseError.of(229, "The query is too large")
        decoder.finish()
    whole = bytes(head).strip() if insert is None else bytes(head)
    if not whole:
        raise ClickHouseError.of(SYNTAX_ERROR, "Syntax error: failed at position 0: Empty query")
    return Statement(whole, whole)


async def _spool(path: Path, first: bytes, body: AsyncIterator[bytes], decoder: Decoder, complete: bool = False) -> int:
    """Write the rest of a body to a file; a body that breaks off leaves no file. Returns its size."""
    pending: list[bytes] = []
    waiting = 0

    def write(file: BinaryIO, pieces: list[bytes]) -> int:
        return sum(file.write(decoder.feed(piece)) for piece in pieces)

    try:
        with path.open("wb") as file:
            size = file.write(first)
            if not complete:
                async for chunk in body:
                    pending.append(chunk)
                    waiting += len(chunk)
                    if waiting >= _WRITE_BYTES:
                        size += await asyncio.to_thread(write, file, pending)
                        pending, waiting = [], 0
            size += write(file, pending)
        if not complete:
            decoder.finish()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return size
