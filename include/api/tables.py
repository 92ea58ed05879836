"""Tables to take away: CSV and Parquet by ``Accept``, streamed from the database as they are made.

CSV is UTF-8 with a header line; NULL is empty; times are of UTC and say so (``+00:00``). A text that a spreadsheet would
take for a formula (it starts with ``=``, ``+``, ``-``, ``@``, a tab or a return) gets an apostrophe before it, as OWASP
advises; Parquet holds it as it is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse

from include.api.answers import HEADERS
from include.api.warehouse import NOT_THERE, Warehouse

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
_FORMATS = {CSV: "CSVWithNames", PARQUET: "Parquet"}
_SUFFIX = {CSV: "csv", PARQUET: "parquet"}
FORMULA = "=+-@\t\r"
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "As JSON a page; as CSV or Parquet the whole table",
        "content": {
            CSV: {"schema": {"type": "string"}},
            PARQUET: {"schema": {"type": "string", "format": "binary"}},
        },
    },
    304: {"description": "The client has this version of the data"},
    406: {"description": "No such form: JSON, CSV or Parquet"},
}


def wanted(request: Request) -> str | None:
    """The media type of a table that the client prefers, or None for JSON. Raises 406."""
    best, rank = "", -1.0
    for given in request.headers.get("accept", "*/*").split(","):
        name, *parameters = (part.strip().lower() for part in given.split(";"))
        try:
            quality = next((float(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        except ValueError:
            quality = 0.0
        if name in (*_FORMATS, "application/json", "application/*", "*/*", "") and quality > rank:
            best, rank = name, quality
    if rank <= 0:
        raise HTTPException(406, "Ask for application/json, text/csv or application/vnd.apache.parquet.")
    return best if best in _FORMATS else None


async def download(
    request: Request, warehouse: Warehouse, query: str, parameters: dict[str, Any], kind: str, name: str, tag: str
) -> Response:
    """A query's whole result. The first piece is awaited, so that a database that is away is an error and no torn file.

    404 where no run has made the table yet.
    """
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        if kind == CSV:
            columns = await run_in_threadpool(warehouse.columns, query, parameters)
            query = f"SELECT {', '.join(_shown(column, type_name) for column, type_name in columns)} FROM ({query})"
        pieces = warehouse.stream(query, parameters, _FORMATS[kind])
        first = await run_in_threadpool(next, pieces, b"")
    except ClickHouseError as error:
        if getattr(error, "code", None) in NOT_THERE:
            raise HTTPException(404, "There are no numbers yet for this table.") from error
        raise

    def rest() -> Iterator[bytes]:
        yield first
        yield from pieces

    return StreamingResponse(rest(), media_type=kind, headers=headers(kind, name, tag))


def headers(kind: str, name: str, tag: str) -> dict[str, str]:
    """Of a table: its file's name and its version."""
    return {**HEADERS, "ETag": tag, "Content-Disposition": f'attachment; filename="{name}.{_SUFFIX[kind]}"'}


def rows_as_csv(names: Sequence[str], rows: Iterator[Sequence[Any]]) -> Iterator[bytes]:
    """Rows of PostgreSQL as CSV, some at a time."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for number, row in enumerate(rows, 1):
        writer.writerow([harmless(value) for value in row])
        if number % 500 == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula, and a time that says its zone."""
    if isinstance(value, str) and value[:1] and value[0] in FORMULA:
        return "'" + value
    if isinstance(value, datetime):
        return str(value.astimezone(UTC))
    return format(value, "f") if isinstance(value, Decimal) else value


def _harmless(column: str) -> str:
    return f"if(match({column}, '^[=+\\\\-@\\\\t\\\\r]'), concat('\\'', {column}), {column})"


def _shown(column: str, type_name: str) -> str:
    quoted = f"`{column}`"
    if type_name.startswith(("Map", "Array", "Tuple")):
        return f"toJSONString({quoted}) AS {quoted}"
    plain = type_name.replace("LowCardinality(", "").replace("Nullable(", "").rstrip(")")
    if plain == "String":
        return f"{_harmless(quoted)} AS {quoted}"
    if plain.startswith("DateTime"):
        return f"concat(toString(toTimeZone({quoted}, 'UTC')), '+00:00') AS {quoted}"
    return quoted
