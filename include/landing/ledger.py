"""The ledger: what arrived, what became of it, and which dates wait to be built."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from include.landing import rates
from include.landing.bucket import Bucket
from include.landing.values import TYPING_VERSION
from include.warehouse.client import connect

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Of a line of the ledger: it was not taken back since (migration 0021).
NOT_REMOVED = (
    "(file_id, export_id, repair_turn) NOT IN"
    " (SELECT file_id, export_id, repair_turn FROM ops.file_ledger WHERE status = 'removed')"
)


@dataclass
class LedgerLine:
    """One file and attempt: a row of ``ops.file_ledger``. Counts are records of the file, dates account-local."""

    file_id: str = ""
    load_id: int = 0
    export_id: int = 0
    workspace: str = ""
    source: str = ""
    uri: str = ""
    batch: str = ""
    size_bytes: int = 0
    sha256: str = ""
    etag: str = ""
    exported_at: datetime | None = None
    received_at: datetime = EPOCH
    loaded_at: datetime = EPOCH
    export_order: datetime = EPOCH
    status: str = "failed"
    format: str = ""
    shape: str = ""
    encoding: str = ""
    grain: str = ""
    rows_read: int = 0
    rows_loaded: int = 0
    rows_rejected: int = 0
    rows_skipped: int = 0
    rows_declared: int | None = None
    skipped: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    date_min: date | None = None
    date_max: date | None = None
    column_map: dict[str, str] = field(default_factory=dict)
    unit_divisor: dict[str, int] = field(default_factory=dict)
    decimal_marks: dict[str, str] = field(default_factory=dict)
    id_formats: dict[str, str] = field(default_factory=dict)
    date_style: str = "iso"
    missing_is_zero: bool = False
    conversion_tiers: list[list[str]] = field(default_factory=list)
    currency_default: str = ""
    restatement_days: int = 0
    headers: list[str] = field(default_factory=list)
    null_tokens: list[str] = field(default_factory=list)
    event_tiers: dict[str, list[list[str]]] = field(default_factory=dict)
    event_columns: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    error: str = ""
    run_id: str = ""
    typing_version: int = TYPING_VERSION
    repairs: str = ""
    repair_turn: int = 0
    removed_by: str = ""


def new_load_id() -> int:
    """Rising, unique over processes: nanoseconds with 10 random bits below microseconds."""
    return (time.time_ns() & ~1023) | random.getrandbits(10)


def write(client: Client, lines: Sequence[LedgerLine]) -> None:
    """Append ledger rows in one INSERT: the commit point of their loads."""
    if not lines:
        return
    columns = [column.name for column in fields(LedgerLine)]
    rows = [[getattr(line, name) for name in columns] for line in lines]
    client.insert("ops.file_ledger", rows, column_names=columns)


def stored(
    client: Client, where: str, parameters: dict[str, Any], table: str = "ops.current_loads"
) -> list[LedgerLine]:
    """Lines of the ledger of which the SQL condition holds; instants are UTC. ``table``: the loads that count, or
    ``ops.file_ledger`` for every attempt."""
    names = [column.name for column in fields(LedgerLine)]
    rows = client.query(f"SELECT {', '.join(names)} FROM {table} WHERE {where}", parameters=parameters).result_rows
    lines = [LedgerLine(**dict(zip(names, row, strict=True))) for row in rows]
    for line in lines:
        for name in ("exported_at", "received_at", "loaded_at", "export_order"):
            if (instant := getattr(line, name)) is not None:
                setattr(line, name, instant.replace(tzinfo=UTC))
    return lines


def loaded_as(client: Client, file_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Files already loaded among ``file_ids``: file_id → {uri, loaded_at} of the load that counts."""
    result = client.query(
        "SELECT file_id, uri, loaded_at FROM ops.current_loads WHERE file_id IN {ids:Array(String)}",
        parameters={"ids": list(file_ids)},
    )
    return {row[0]: {"uri": row[1], "loaded_at": row[2]} for row in result.result_rows}


def replaced_days(client: Client, file_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """file_id → how many of its days newer exports have replaced, at least in part, and how many it has."""
    if not file_ids:
        return {}
    rows = client.query(
        "SELECT file_id, uniqExactIf(date, place < newest) AS replaced, uniqExact(date) FROM ("
        "  SELECT file_id, date, (export_order, export_id) AS place,"
        "   max(place) OVER (PARTITION BY workspace, source, grain, account_id, date) AS newest"
        "  FROM ops.file_coverage WHERE (workspace, source, date) IN"
        "   (SELECT workspace, source, date FROM ops.file_coverage WHERE file_id IN {ids:Array(String)}))"
        " WHERE file_id IN {ids:Array(String)} GROUP BY file_id HAVING replaced > 0",
        parameters={"ids": list(file_ids)},
    ).result_rows
    return {str(file_id): (int(replaced), int(days)) for file_id, replaced, days in rows}


def overtaken(client: Client, lines: Sequence[LedgerLine]) -> bool:
    """Whether another repair of the same file committed before one of these lines, so that the line does not count."""
    ids = {line.file_id for line in lines if line.repairs and line.status == "loaded"}
    return bool(ids - loaded_as(client, list(ids)).keys())


def discover(client: Client | None = None, bucket: Bucket | None = None) -> list[str]:
    """Keys of the ready files that the ledger does not know as they are now, oldest export folder first.

    A file whose last attempt failed (the engine or the bucket was away) is given again; a refused one is not,
    until it is replaced; a repair that another one overtook (``overtaken``) is, and a file that was taken back and lies
    there again. Of a batch folder with anything new, all files are given.
    """
    client = client or connect()
    bucket = bucket or Bucket()
    known = {
        (str(uri), str(etag))
        for uri, etag in client.query(
            f"SELECT DISTINCT uri, etag FROM ops.file_ledger WHERE status NOT IN ('failed', 'removed') AND {NOT_REMOVED}"
            " AND (status != 'loaded' OR repairs = '' OR load_id IN (SELECT load_id FROM ops.current_loads WHERE repairs != ''))"
        ).result_rows
    }
    files = list(bucket.files())
    new = [file.key for file in files if (bucket.uri(file.key), file.etag) not in known]
    folders = {batch for key in new if (batch := batch_of(key))}
    return [file.key for file in files if file.key in set(new) or batch_of(file.key) in folders]


def batch_of(key: str) -> str:
    """Folder of an export in several files (``ws/source/<batch>/part``), else ''."""
    parts = key.split("/")
    return "/".join(parts[:-1]) if len(parts) > 3 else ""


def fingerprints(dates: Sequence[date] | None = None, client: Client | None = None) -> dict[str, int]:
    """ISO date → fingerprint of the loads that cover it now (all dates that have any, or those asked for that have)."""
    client = client or connect()
    where = "WHERE date IN {dates:Array(Date)}" if dates is not None else ""
    rows = client.query(
        f"SELECT date, groupBitXor(cityHash64(load_id)) FROM (SELECT DISTINCT date, load_id FROM ops.file_coverage {where})"
        " GROUP BY date ORDER BY date",
        parameters={"dates": list(dates or [])},
    ).result_rows
    return {row[0].isoformat(): int(row[1]) for row in rows}


def pending_dates(client: Client | None = None) -> list[date]:
    """Dates whose loads, or the exchange rates in effect, are not those that the last finished build of the date saw,
    oldest first; also those that were built and have no load any more (``emptied``)."""
    client = client or connect()
    rates.apply_rates(client)
    built = _built(client)
    now = fingerprints(client=client)
    waiting = {date.fromisoformat(day) for day in now if built.get(day) != now[day]}
    waiting |= {date.fromisoformat(day) for day in _emptied(built, now)}
    return sorted(waiting | {day for day in rates.stale_rate_dates(client) if day.isoformat() in now})


def loaded_dates(client: Client, workspace: str | None = None) -> tuple[list[date], list[date]]:
    """Dates that loads of a workspace (or of any) cover, and those of them that no finished build saw as they are now."""
    where = "WHERE workspace = {workspace:String}" if workspace is not None else ""
    rows = client.query(
        f"SELECT DISTINCT date FROM ops.file_coverage {where} ORDER BY date", parameters={"workspace": workspace or ""}
    ).result_rows
    days = [row[0] for row in rows]
    built, now = _built(client), fingerprints(client=client)
    return days, [day for day in days if built.get(day.isoformat()) != now.get(day.isoformat())]


def emptied(client: Client | None = None) -> dict[str, int]:
    """ISO date → 0, the fingerprint of no loads, of the dates that were built of loads of which none stands any more."""
    client = client or connect()
    return dict.fromkeys(_emptied(_built(client), fingerprints(client=client)), 0)


def _emptied(built: dict[str, int], now: dict[str, int]) -> list[str]:
    return [day for day, fingerprint in built.items() if fingerprint and day not in now]


def _built(client: Client) -> dict[str, int]:
    """ISO date → fingerprint of the loads that its last finished build saw."""
    rows = client.query("SELECT date, argMax(fingerprint, built_at) FROM ops.built_dates GROUP BY date").result_rows
    return {row[0].isoformat(): int(row[1]) for row in rows}


def without(workspace: str, client: Client) -> list[tuple[date, int, str, str]]:
    """The dates that are built of just their loads, with the fingerprint, version and run that they have without the loads of
    a workspace: rows of ``ops.built_dates`` for whoever deletes what these loads became wherever it stands.

    A load that commits meanwhile is in neither fingerprint, so its dates wait.
    """
    gone = client.query(
        "SELECT date, groupBitXor(cityHash64(load_id)) FROM (SELECT DISTINCT date, load_id FROM ops.file_coverage"
        " WHERE workspace = {workspace:String}) GROUP BY date",
        parameters={"workspace": workspace},
    ).result_rows
    now = fingerprints([row[0] for row in gone], client)
    built = {
        row[0]: row[1:]
        for row in client.query(
            "SELECT date, argMax(fingerprint, built_at), argMax(version, built_at), argMax(run_id, built_at)"
            " FROM ops.built_dates GROUP BY date"
        ).result_rows
    }
    return [
        (day, now[day.isoformat()] ^ int(part), *built[day][1:])
        for day, part in gone
        if day in built and built[day][0] == now.get(day.isoformat())
    ]


def built_as(seen: dict[str, int], version: str, client: Client | None = None) -> set[str]:
    """Which of the dates were last built from just these loads (``fingerprints``) and rates by this version of the models."""
    client = client or connect()
    rows = client.query(
        "SELECT date, argMax((fingerprint, version), built_at) FROM ops.built_dates"
        " WHERE date IN {dates:Array(Date)} GROUP BY date",
        parameters={"dates": [date.fromisoformat(day) for day in seen]},
    ).result_rows
    same = {row[0].isoformat() for row in rows if tuple(row[1]) == (seen[row[0].isoformat()], version)}
    return same - {day.isoformat() for day in rates.stale_rate_dates(client)} if same else same


def mark_built(seen: dict[str, int], run_id: str, client: Client | None = None, version: str = "") -> None:
    """Note that a build finished. ``seen``: what ``fingerprints`` gave before the build began."""
    if seen:
        client = client or connect()
        client.insert(
            "ops.built_dates",
            [[date.fromisoformat(day), fingerprint, version, run_id] for day, fingerprint in seen.items()],
            column_names=["date", "fingerprint", "version", "run_id"],
        )
