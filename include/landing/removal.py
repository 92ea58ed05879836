"""Exports that should never have been loaded, taken back: the ledger says so, and what they stood before stands again.

Rule "restatement" in reverse needs no rule of its own: of a load that no longer counts nothing is covered, so the newest of
the others stands, and the dates whose loads differ wait for the next build. The file goes to a folder of its workspace where
no run looks (``_removed``): a bucket is the record from which everything can be made again, and must come out the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from clickhouse_connect.driver.client import Client

from include.landing import ledger
from include.landing.bucket import Bucket
from include.landing.ledger import NOT_REMOVED, LedgerLine
from include.landing.locks import file_locks
from include.landing.rates import apply_rates, is_of_rates
from include.landing.statement import ROWS
from include.settings import Settings

FOLDER = "_removed"
SHOWN = 20  # exports of one name
NAMED = (
    "(file_id = {file:String} OR uri = {file:String} OR endsWith(uri, concat('/', {file:String}))"
    " OR batch != '' AND (batch = {file:String} OR endsWith(batch, concat('/', {file:String}))))"
)


class Ambiguous(LookupError):
    """A name is that of several exports; ``exports`` are those that it may mean, the newest ``SHOWN`` of them."""

    def __init__(self, exports: Sequence[Export]) -> None:
        super().__init__(f"{len(exports)} exports have this name")
        self.exports = exports


class NeverLoaded(LookupError):
    """Nothing of that name was ever loaded; the message says what became of it, if it came."""


@dataclass(frozen=True)
class Export:
    """An export, with the repairs of its rows. ``standing``: the loads that count; ``removed``: how it was taken back last."""

    lines: tuple[LedgerLine, ...]
    standing: tuple[LedgerLine, ...]
    removed: LedgerLine | None = None

    @property
    def name(self) -> str:
        """Its URI, or the folder of one in several files."""
        return self.lines[0].batch or self.lines[0].uri

    @property
    def file_id(self) -> str:
        """The id of its (first) file."""
        return self.lines[0].file_id


@dataclass(frozen=True)
class Effect:
    """What removing does to days of an account: ``then`` says what stands for them afterwards. ``cost`` in ``currency``,
    None where the export has no cost."""

    account_id: str
    grain: str
    first: date
    last: date
    days: int
    rows: int
    cost: Decimal | None
    currency: str
    then: str


@dataclass
class Removal:
    """What was done: lines that say so in the ledger, and where the files of the bucket are now (old key → new key)."""

    lines: list[LedgerLine] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)


def find(client: Client, file: str) -> Export:
    """The export of a file_id, a URI, a file name, a folder of several files, or the end of one's path.

    Raises ``Ambiguous`` where several have that name, also if some were taken back: asked again, the same name must not
    take back another. Raises ``NeverLoaded``.
    """
    lines = ledger.stored(client, f"{NAMED} ORDER BY loaded_at, uri", {"file": file}, "ops.file_ledger")
    loaded = {line.file_id for line in lines if line.status in ("loaded", "duplicate", "removed")}
    if not loaded:
        newest = f": {lines[-1].uri} is {lines[-1].status} ({lines[-1].error})" if lines else ""
        raise NeverLoaded(f"nothing was loaded of {file}{newest}")
    # One file of each export that was loaded, the newest last: a folder may have thousands.
    one_of = {
        (line.batch, line.export_id) if line.batch and not line.repairs else line.file_id: line.file_id
        for line in lines
        if line.file_id in loaded
    }
    exports: dict[tuple[str, ...], Export] = {}
    for file_id in list(one_of.values())[-SHOWN:]:
        export = _export_of(client, file_id)
        exports.setdefault(tuple(sorted({line.file_id for line in export.lines})), export)
    if len(exports) > 1:
        raise Ambiguous(sorted(exports.values(), key=lambda export: export.lines[0].loaded_at))
    return next(iter(exports.values()))


def effects(client: Client, export: Export) -> list[Effect]:
    """What removing an export would do, by account, grain, currency and what stands afterwards; nothing for exchange rates."""
    found = client.query(
        _EFFECTS, parameters={"loads": [line.load_id for line in export.standing]}, settings={"join_use_nulls": 0}
    ).result_rows
    names = {int(of): str(name) for of, name in client.query(
        "SELECT export_id, any(if(batch = '', uri, batch)) FROM ops.current_loads"
        " WHERE export_id IN {ids:Array(UInt64)} AND repairs = '' GROUP BY export_id",
        parameters={"ids": sorted({int(row[-1]) for row in found})},
    ).result_rows}  # fmt: skip
    said = {
        "newer": "unchanged: {} is newer and stands",
        "earlier": "{} stands again",
        "part": "{} stands without these rows",
        "nothing": "nothing: these days lose their data",
    }
    return [
        Effect(
            account,
            grain,
            first,
            last,
            int(days),
            int(rows),
            cost,
            currency,
            said[state].format(names.get(int(of), "")),
        )
        for account, grain, first, last, days, rows, cost, currency, state, of in found
    ]


def covered_dates(client: Client, export: Export) -> list[date]:
    """The dates that an export covers, which the next run after a removal builds."""
    rows = client.query(
        "SELECT DISTINCT date FROM ops.file_coverage WHERE load_id IN {loads:Array(UInt64)} ORDER BY date",
        parameters={"loads": [line.load_id for line in export.standing]},
    ).result_rows
    return [row[0] for row in rows]


def remove(client: Client, bucket: Bucket, settings: Settings, export: Export, by: str, reason: str = "") -> Removal:
    """Take an export back: its file goes aside, then the ledger gets a line that says who did it and why.

    Waits for a run that loads the file or builds staging. Nothing to do is an empty ``Removal``. Cut off anywhere, it is
    repeated: the ledger's line comes last. Raises ``BucketError`` and the engine's errors; the export then stands as before.
    """
    # Imported here: transform comes after landing, and dbt with it.
    from include.transform.lock import layer_lock

    ids = sorted({line.file_id for line in export.lines})
    keys = [key for line in export.lines if (key := _key(bucket, line.uri))]
    with file_locks(settings, keys), layer_lock(settings, "staging", alone=True):
        left = _not_removed(client, ids)
        if not left:
            return Removal()
        done = Removal()
        shared = _of_others(client, left, ids)
        now = datetime.now(UTC)
        for line in left:
            place = _set_aside(bucket, line) if (line.uri, line.etag) not in shared else ""
            if place:
                done.moved[_key(bucket, line.uri)] = place
            done.lines.append(_removed(line, now, by, reason, place and bucket.uri(place)))
        ledger.write(client, done.lines)
    if any(is_of_rates(line.source) for line in done.lines):
        apply_rates(client)
    return done


def _export_of(client: Client, file_id: str) -> Export:
    """The export that a file belongs to: its folder's other files, and the repairs of their rows."""
    last = ledger.stored(
        client,
        "file_id = {file:String} AND status IN ('loaded', 'removed') ORDER BY loaded_at DESC LIMIT 1",
        {"file": file_id},
        "ops.file_ledger",
    )
    # The parts of a folder were loaded together; a repair of some rows is taken back alone.
    where = "file_id = {file:String}"
    if last and last[0].batch and not last[0].repairs:
        where = "export_id = {export:UInt64} AND batch = {batch:String} AND repairs = ''"
    given = {"file": file_id, "export": last[0].export_id if last else 0, "batch": last[0].batch if last else ""}
    own = f"SELECT file_id FROM ops.file_ledger WHERE {where} AND status != 'failed'"
    of_export = f"(file_id IN ({own}) OR repairs IN ({own}) AND repairs != '')"
    lines = ledger.stored(
        client,
        f"{of_export} AND status IN ('loaded', 'duplicate', 'removed') ORDER BY repairs != '', loaded_at, uri",
        given,
        "ops.file_ledger",
    )
    removed = [line for line in lines if line.status == "removed"]
    return Export(
        tuple(lines), tuple(ledger.stored(client, of_export, given)), max(removed, key=_when) if removed else None
    )


def _when(line: LedgerLine) -> datetime:
    return line.loaded_at


def _not_removed(client: Client, file_ids: Sequence[str]) -> list[LedgerLine]:
    """One line for each attempt at the files that has not been taken back; of one that was typed again the newest."""
    lines = ledger.stored(
        client,
        f"file_id IN {{ids:Array(String)}} AND status IN ('loaded', 'duplicate') AND {NOT_REMOVED}"
        " ORDER BY typing_version DESC, loaded_at LIMIT 1 BY file_id, export_id, repair_turn",
        {"ids": list(file_ids)},
        "ops.file_ledger",
    )
    return sorted(lines, key=lambda line: (line.loaded_at, line.uri))


def _of_others(client: Client, lines: Sequence[LedgerLine], file_ids: Sequence[str]) -> set[tuple[str, str]]:
    """(uri, etag) of the lines whose bytes another export rests on: a folder that was loaded with one part more."""
    rows = client.query(
        "SELECT DISTINCT uri, etag FROM ops.current_loads WHERE uri IN {uris:Array(String)}"
        " AND file_id NOT IN {ids:Array(String)}",
        parameters={"uris": sorted({line.uri for line in lines}), "ids": list(file_ids)},
    ).result_rows
    return {(str(uri), str(etag)) for uri, etag in rows}


def _key(bucket: Bucket, uri: str) -> str:
    """The key of a URI; '' where it is of another bucket than that of the settings."""
    return uri.removeprefix(bucket.uri("")) if uri.startswith(bucket.uri("")) else ""


def _set_aside(bucket: Bucket, line: LedgerLine) -> str:
    """Move a line's file to where no run looks; return the key there, or '' where the bucket no longer has it."""
    key = _key(bucket, line.uri)
    if not key:
        return ""
    workspace, *folders, name = key.split("/")
    target = "/".join([workspace, FOLDER, *folders, line.file_id, name])
    with contextlib.suppress(FileNotFoundError):
        if _is_of(bucket, key, line):
            bucket.move(key, target)
    return target if bucket.exists(target) else ""


def _is_of(bucket: Bucket, key: str, line: LedgerLine) -> bool:
    """Whether a key holds the bytes of a line: others may have come under its name since. Raises ``FileNotFoundError``."""
    found = bucket.stat(key)
    return found.etag == line.etag or (found.size == line.size_bytes and bucket.sha256(key) == line.sha256)


def _removed(line: LedgerLine, now: datetime, by: str, reason: str, place: str) -> LedgerLine:
    """The line that says that an attempt no longer counts. All of its records are accounted for as taken back."""
    text = f"taken back by {by}{': ' + reason if reason else ''}. "
    text += f"The file is kept as {place}; dropped again it is loaded again" if place else "No file was set aside"
    return replace(
        line,
        status="removed",
        loaded_at=now,
        removed_by=by,
        error=text,
        run_id="",
        rows_loaded=0,
        rows_rejected=0,
        rows_skipped=line.rows_read,
        rejected={},
        skipped={"removed": line.rows_read} if line.rows_read else {},
        warnings=[],
    )


# Of each account and day of the loads: what stands now and without them. The rule is that of int_current_exports.
_EFFECTS = f"""
WITH
mine AS (
    SELECT DISTINCT load_id, workspace, source, grain, account_id, date
    FROM ops.file_coverage WHERE load_id IN {{loads:Array(UInt64)}}
),
places AS (
    SELECT workspace, source, grain, account_id, date,
        max((export_order, export_id)).2 AS now,
        maxIf((export_order, export_id), load_id IN {{loads:Array(UInt64)}}).2 AS own,
        maxIf((export_order, export_id), load_id NOT IN {{loads:Array(UInt64)}}).2 AS afterwards,
        countIf(load_id NOT IN {{loads:Array(UInt64)}}) AS others
    FROM ops.file_coverage
    WHERE (workspace, source, grain, account_id, date) IN (SELECT workspace, source, grain, account_id, date FROM mine)
    GROUP BY workspace, source, grain, account_id, date
),
sums AS (
    SELECT load_id, account_id, date, toString(currency) AS currency, count() AS rows, sum(toDecimal128(cost, 6)) AS cost
    FROM {ROWS} WHERE load_id IN {{loads:Array(UInt64)}} AND disposition = 'loaded'
    GROUP BY load_id, account_id, date, currency
)
SELECT s.account_id, m.grain, min(s.date), max(s.date), uniqExact(s.date), sum(s.rows), sum(s.cost), s.currency,
    multiIf(p.now != p.own, 'newer', p.others = 0, 'nothing', p.afterwards = p.own, 'part', 'earlier') AS state,
    if(state = 'newer', p.now, p.afterwards) AS of
FROM sums AS s
INNER JOIN mine AS m ON s.load_id = m.load_id AND s.account_id = m.account_id AND s.date = m.date
INNER JOIN places AS p ON m.workspace = p.workspace AND m.source = p.source AND m.grain = p.grain
    AND m.account_id = p.account_id AND m.date = p.date
GROUP BY s.account_id, m.grain, s.currency, state, of
ORDER BY s.account_id, m.grain, min(s.date), s.currency
"""
