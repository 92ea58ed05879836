"""Type the rows of older loads again, from their text, after the rules changed (``values.TYPING_VERSION``).

A retyped load is written under a load_id of its own and its ledger row last, as a load is: readers see the old values
or the new ones, and a run cut off anywhere is simply repeated. Which rows were accepted stays as it was judged.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from include.landing import ledger
from include.landing.coverage import write_coverage
from include.landing.ledger import LedgerLine, new_load_id
from include.landing.statement import ROW_COLUMNS, ROWS
from include.landing.values import TYPING_VERSION, Typing
from include.warehouse.client import connect

log = logging.getLogger(__name__)

LOADS_AT_ONCE = 500
SETTINGS: dict[str, Any] = {"max_query_size": 64 * 1024**2}


def typing_of(line: LedgerLine) -> Typing:
    """How a loaded file's text is meant, as its ledger row says."""
    return Typing(
        columns=frozenset(column for column, header in line.column_map.items() if header),
        marks=line.decimal_marks,
        date_style=line.date_style or "iso",
        divisors=line.unit_divisor,
        account_format=line.id_formats.get("account_id", ""),
        null_tokens=line.null_tokens,
        tiers=line.conversion_tiers,
        actions=True,
        currency=line.currency_default,
    )


def retype(client: Client | None = None) -> list[LedgerLine]:
    """Type again what was typed by older rules; return the new ledger lines. Their dates then wait to be built."""
    client = client or connect()
    done: list[LedgerLine] = []
    for lines in _alike(ledger.stored(client, "typing_version < {typing:UInt16}", {"typing": TYPING_VERSION})):
        _retype(client, lines)
        done += lines
        log.info("typed %d loads again, %d so far", len(lines), len(done))
    return done


def _alike(lines: Sequence[LedgerLine]) -> Iterator[list[LedgerLine]]:
    """Loads whose text means the same, so that one statement types them."""
    groups: dict[str, list[LedgerLine]] = {}
    for line in lines:
        groups.setdefault(repr((sorted(typing_of(line).columns), typing_of(line))), []).append(line)
    for several in groups.values():
        for start in range(0, len(several), LOADS_AT_ONCE):
            yield several[start : start + LOADS_AT_ONCE]


def _retype(client: Client, lines: list[LedgerLine]) -> None:
    typing = typing_of(lines[0])
    fresh = {line.load_id: new_load_id() for line in lines}
    old, new = ", ".join(map(str, fresh)), ", ".join(map(str, fresh.values()))
    load_id = f"transform(load_id, [{old}], [{new}], toUInt64(0))"
    values = {name: f"value_{name}" for name in typing.values()}
    typed = {**values, **typing.texts(values)}
    columns = [load_id if name == "load_id" else typed.get(name, name) for name in ROW_COLUMNS]
    made = ", ".join(f"{sql} AS value_{name}" for name, sql in typing.values().items())
    glances = ", ".join(f"{sql} AS {name}" for name, sql in typing.glances().items())
    text = f"SELECT *, {glances} FROM raw.ad_performance WHERE load_id IN ({old})"
    # A day that the rules no longer read stays the day that the row was accepted for.
    client.command(
        f"INSERT INTO {ROWS} ({', '.join(ROW_COLUMNS)}) SELECT {', '.join(columns)} FROM (SELECT *, {made} FROM "
        f"(SELECT *, ifNull({typing.day()}, event_date) AS day FROM ({text})))",
        settings=SETTINGS,
    )
    client.command(
        "INSERT INTO ops.load_rejects (load_id, workspace, file_id, row_number, reason, detail, raw_text) "
        f"SELECT {load_id}, workspace, file_id, row_number, reason, detail, raw_text FROM ops.load_rejects "
        f"WHERE load_id IN ({old})",
        settings=SETTINGS,
    )
    days = {
        int(row[0]): row[1:]
        for row in client.query(
            f"SELECT load_id, min(date), max(date) FROM {ROWS} WHERE load_id IN ({new}) AND disposition = 'loaded' "
            "GROUP BY load_id",
            settings=SETTINGS,
        ).result_rows
    }
    now = datetime.now(UTC)
    for line in lines:
        line.load_id, line.loaded_at, line.typing_version = fresh[line.load_id], now, TYPING_VERSION
        line.date_min, line.date_max = days.get(line.load_id, (None, None))
    write_coverage(client, [line for line in lines if line.rows_loaded])
    ledger.write(client, lines)
