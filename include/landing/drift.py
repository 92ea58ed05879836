"""What changed in the columns of an export since the one before it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from clickhouse_connect.driver.client import Client

from include.landing.ledger import NOT_REMOVED, LedgerLine

NAMED = 5
# The letters of a file's name and of its export's folder: dates and counters tell the exports of one report apart.
FAMILY = (
    "replaceRegexpAll(lowerUTF8(concat(splitByChar('/', batch)[-1], splitByChar('/', uri)[-1])), '[^\\\\p{L}]+', '')"
)


def note_drift(client: Client, lines: Sequence[LedgerLine]) -> None:
    """Warn on each line of columns that are new, gone or read from another header than in the last load of its kind.

    A kind is a workspace, source, shape and grain, and of them the files that are named alike. Without one of its name, an
    export of a platform is held against the last of another name, if they have half of their columns in common: two
    unrelated tables of a person's own have nothing to do with each other. Files of a first load stand alone.
    """
    if not lines:
        return
    parameters = {
        "shapes": sorted({line.shape for line in lines}),
        "families": sorted({family(line) for line in lines}),
    }
    told = (
        "SELECT workspace, source, shape, grain, {}, argMax((headers, column_map), loaded_at) FROM ops.file_ledger"
        f" WHERE status = 'loaded' AND {NOT_REMOVED}"
        " AND headers != [] AND repairs = '' AND shape IN {{shapes:Array(String)}} AND {}"
        " GROUP BY workspace, source, shape, grain, {}"
    )
    alike = told.format(f"{FAMILY} AS family", "family IN {families:Array(String)}", "family")
    of_platforms = told.format("'' AS family", "source != 'generic'", "family")
    rows = client.query(f"{alike} UNION ALL {of_platforms}", parameters=parameters).result_rows
    before = {tuple(row[:5]): row[5] for row in rows}
    for line in lines:
        named = before.get((*_kind(line), family(line)))
        last = named or before.get((*_kind(line), ""))
        if line.headers and last and (named or _are_alike(last[0], line.headers)):
            line.warnings += changes(list(last[0]), dict(last[1]), line.headers, line.column_map)


def family(line: LedgerLine) -> str:
    """What the names of a report's exports have in common."""
    name = line.batch.rpartition("/")[2] + line.uri.rpartition("/")[2]
    return re.sub(r"[\W\d_]+", "", name.lower())


def _are_alike(headers: Sequence[str], headers_now: Sequence[str]) -> bool:
    return 2 * len({*headers} & {*headers_now}) >= len({*headers} | {*headers_now})


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
    new = [header for header in headers_now if header not in headers and header not in column_map_now.values()]
    if new:
        listed = ", ".join(new[:NAMED]) + (", …" if len(new) > NAMED else "")
        found.append(f"{f'{len(new)} new columns' if len(new) > 1 else 'new column'} {listed}, kept in raw")
    for header in headers:
        if header not in headers_now and header not in column_map.values():
            found.append(f"the column {header} is gone since the last export")
    return found
