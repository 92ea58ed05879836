"""What changed in the columns of an export since the one before it."""

from __future__ import annotations

from collections.abc import Sequence

from clickhouse_connect.driver.client import Client

from include.landing.ledger import LedgerLine


def note_drift(client: Client, lines: Sequence[LedgerLine]) -> None:
    """Warn on each line of columns that are new, gone or read from another header than in the last load of its kind.

    A kind is a workspace, source, shape and grain. Files of a first load have nothing to be held against.
    """
    kinds = {_kind(line) for line in lines}
    if not kinds:
        return
    shapes = sorted({shape for *_, shape, _ in kinds})
    rows = client.query(
        "SELECT workspace, source, shape, grain, argMax((headers, column_map), loaded_at) FROM ops.file_ledger"
        " WHERE status = 'loaded' AND headers != [] AND repairs = '' AND shape IN {shapes:Array(String)}"
        " GROUP BY workspace, source, shape, grain",
        parameters={"shapes": shapes},
    ).result_rows
    before = {tuple(row[:4]): row[4] for row in rows}
    for line in lines:
        if line.headers and _kind(line) in before:
            headers, column_map = before[_kind(line)]
            line.warnings += changes(list(headers), dict(column_map), line.headers, line.column_map)


def _kind(line: LedgerLine) -> tuple[str, str, str, str]:
    return (line.workspace, line.source, line.shape, line.grain)


def changes(
    headers: Sequence[str], column_map: dict[str, str], headers_now: Sequence[str], column_map_now: dict[str, str]
) -> list[str]:
    """Differences of two exports' columns, each in a sentence."""
    found = []
    for column, header in column_map.items():
        now = column_map_now.get(column)
        if not header or now == "":
            continue  # what JSON leaves out where it is 0
        if now is None:
            found.append(f"the column {header} ({column}) is gone since the last export")
        elif now != header:
            found.append(f"{column} is now read from {now}, in the last export from {header}")
    for header in headers_now:
        if header not in headers and header not in column_map_now.values():
            found.append(f"new column {header}, kept in raw")
    for header in headers:
        if header not in headers_now and header not in column_map.values():
            found.append(f"the column {header} is gone since the last export")
    return found
