"""Tables that hold objects as JSON text in cells: Airbyte's raw tables (``_airbyte_data``), and its tables in CSV and
Parquet, where ``metrics`` or ``segments`` of a record are such texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from clickhouse_connect.driver.client import Client

from include.landing.bucket import sql_string
from include.landing.readers.base import Reader
from include.landing.recognise import normal, vocabulary

PACKED = "_airbyte_data"
SAMPLE_ROWS = 10_000
DEEPEST = 6


def unpacked(client: Client, reader: Reader) -> Reader:
    """The reader with the values of packed cells as cells of their own; as it is where there are none.

    Names are the dotted paths below the cell, those of ``_airbyte_data`` without its own name. They are those of the
    first 10,000 records; the packed cells themselves stay among the unknown columns.
    """
    packed = packed_cells(list(reader.cells))
    if not packed:
        return reader
    texts = [f"ifNull({reader.cells[header]}, '')" for header in packed]
    sampled = client.query(
        f"SELECT {', '.join(texts)} FROM (SELECT * FROM ({reader.source}) LIMIT {SAMPLE_ROWS})"
        f"{reader.settings_clause(strict=False)}"
    ).result_rows
    cells = {}
    for index, (header, text) in enumerate(zip(packed, texts, strict=True)):
        prefix = () if header == PACKED else (header,)
        for path in sorted({path for row in sampled for path in _paths(str(row[index]))}):
            name = ".".join((*prefix, *path))
            if name not in reader.cells:
                keys = ", ".join(map(sql_string, path))
                # A text without its quotes; a number, list or object as it was sent.
                cells[name] = (
                    f"if(JSONType({text}, {keys}) = 'String', JSONExtractString({text}, {keys}), "
                    f"nullIf(JSONExtractRaw({text}, {keys}), 'null'))"
                )
    # The packed cells stay last: whether a CSV record is short is seen at the last cell.
    return replace(reader, cells={**cells, **reader.cells})


def packed_cells(headers: list[str]) -> list[str]:
    """Headers whose cells may hold objects: those below which specs name values (``metrics`` for ``metrics.spend``).

    One that is a column of its own to some spec (``campaign``) is looked into only beside one that is not.
    """
    if PACKED in headers:
        return [PACKED]
    names, _ = vocabulary()
    above = {name.split(".")[0] for name in names if "." in name}
    found = [header for header in headers if normal(header) in above]
    return found if any(normal(header) not in names for header in found) else []


def _paths(text: str) -> Iterator[tuple[str, ...]]:
    """Paths of the values of an object of JSON text; nothing for another text."""
    if not text.startswith("{"):
        return
    try:
        value = json.loads(text)
    except ValueError:
        return
    yield from _below(value, ())


def _below(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict) and value and len(path) < DEEPEST:
        for key, inner in value.items():
            yield from _below(inner, (*path, key))
    elif path:
        yield path
