"""Requests that are forms: fields instead of URL parameters, and tables of external data as files."""

from __future__ import annotations

import asyncio
import re
import shutil
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope

from include.warehouse.embedded.errors import BAD_ARGUMENTS, ClickHouseError

MAX_FIELD_BYTES = 64 << 20
_URLENCODED = re.compile(rb"[\w%.-]+=")  # no statement begins with a word and an equals sign


@dataclass(frozen=True)
class ExternalTable:
    """A table that a client sends along with its query."""

    name: str
    structure: str
    format: str
    path: Path


async def read_multipart(scope: Scope, receive: Receive, spool: Path) -> tuple[dict[str, str], dict[str, Path]]:
    """Read a multipart form: its fields, and its files by name, spooled (to be deleted by the caller)."""
    fields: dict[str, str] = {}
    files: dict[str, Path] = {}
    tail = b""

    async def receive_and_remember() -> Message:
        nonlocal tail
        message = await receive()
        tail = (tail + message.get("body", b""))[-8:]
        return message

    try:
        async with Request(scope, receive_and_remember).form(max_part_size=MAX_FIELD_BYTES) as form:
            if not tail.rstrip().endswith(b"--"):
                raise ClickHouseError.of(BAD_ARGUMENTS, "The multipart form is cut off")
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    files[name] = spool / uuid.uuid4().hex
                    await asyncio.to_thread(_copy, value, files[name])
                else:
                    fields[name] = value
    except MultiPartException as error:
        raise ClickHouseError.of(BAD_ARGUMENTS, f"The multipart form is broken: {error.message}") from None
    except BaseException:
        for path in files.values():
            path.unlink(missing_ok=True)
        raise
    return fields, files


def _copy(upload: UploadFile, path: Path) -> None:
    with path.open("wb") as target:
        shutil.copyfileobj(upload.file, target, 1 << 20)


async def read_urlencoded(body: AsyncIterator[bytes]) -> tuple[dict[str, str], AsyncIterator[bytes]]:
    """Read a body that claims to be url-encoded: fields if it is, else the body as it came.

    curl says `application/x-www-form-urlencoded` of any body, and ClickHouse takes that for SQL.
    """
    first = b""
    async for chunk in body:
        first = chunk
        break
    if not _URLENCODED.match(first) or b"query=" not in first:
        return {}, _chain(first, body)
    pieces = [first]
    async for chunk in body:
        pieces.append(chunk)
        if sum(map(len, pieces)) > MAX_FIELD_BYTES:
            raise ClickHouseError.of(229, "The form is too large")
    return dict(parse_qsl(b"".join(pieces).decode("latin-1"), keep_blank_values=True)), _chain(b"", body)


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk


def external_tables(given: dict[str, str], files: dict[str, Path]) -> tuple[ExternalTable, ...]:
    """Describe the tables of the form's files; takes their parameters out of `given`."""
    tables = []
    for name, path in files.items():
        structure, types = given.pop(f"{name}_structure", ""), given.pop(f"{name}_types", "")
        if not structure and types:
            structure = ", ".join(f"_{number} {type_}" for number, type_ in enumerate(_split(types), 1))
        if not structure or not re.fullmatch(r"\w+", name):
            reason = f"Neither structure nor types have not been provided for external table {name}"
            raise ClickHouseError.of(BAD_ARGUMENTS, f"{reason}. Use fields {name}_structure or {name}_types to do so")
        tables.append(ExternalTable(name, structure, given.pop(f"{name}_format", "TabSeparated"), path))
    return tuple(tables)


def _split(types: str) -> list[str]:
    """Split a list of types at its outer commas."""
    depth, pieces = 0, [""]
    for letter in types:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += letter
    return [piece.strip() for piece in pieces]
