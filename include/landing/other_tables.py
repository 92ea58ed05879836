"""Tables that name no account: of two that have no campaign in common, neither may take the other's place unsaid.

A restatement replaces the days of its account. Where no column names one, all tables of a source are of one account, so a
table of other campaigns would replace days that it knows nothing of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from clickhouse_connect.driver.client import Client

from include.landing.errors import RefusedFile, refuse
from include.landing.ledger import LedgerLine
from include.landing.specs import find_source
from include.landing.statement import ROWS

# A file or an export's folder of such a name is meant to replace what stands (`again_`: the remedy of a duplicate).
MEANT = ("replace_", "again_")
NAMED = 3
SETTINGS = {"max_query_size": 64 * 1024**2}

Day = tuple[str, str, str, date]  # workspace, source, grain, date
Place = tuple[datetime, int]  # of an export among those of its days: the newest stands


@dataclass
class Table:
    """What an export without accounts names in all its rows, and its days."""

    lines: list[LedgerLine] = field(default_factory=list)
    name: str = ""
    days: set[Day] = field(default_factory=set)
    loads: set[int] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    accounts: set[str] = field(default_factory=set)

    def is_other_than(self, other: Table) -> bool:
        """Whether the two have no campaign in common, or no account's name; unknown is not other."""
        pairs = [(self.ids, other.ids), (self.names.keys(), other.names.keys())]
        told = [bool(mine & theirs) for mine, theirs in pairs if mine and theirs]
        return (bool(told) and not any(told)) or bool(
            self.accounts and other.accounts and not self.accounts & other.accounts
        )


def refuse_other_tables(client: Client, lines: Sequence[LedgerLine]) -> None:
    """Refuse each export without accounts that shares days with one, of the warehouse or earlier among ``lines``, with
    which it has no campaign in common, unless its name says that it is meant to replace it."""
    tables = _new_tables(client, lines)
    if not tables:
        return
    standing, known = _standing(client, {day for table in tables.values() for day in table.days})
    rivals = {(day, id_) for id_, table in tables.items() for day in table.days}
    if not standing and len(rivals) == len({day for day, _ in rivals}):
        return
    all_tables = known | tables
    _read_names(client, all_tables.values())
    for place, table in sorted(
        ((max(map(_place, table.lines)), table) for table in tables.values()), key=lambda pair: pair[0]
    ):
        others: dict[int, set[Day]] = {}
        for day in table.days & standing.keys():
            others.setdefault(standing[day][1], set()).add(day)
        foreign = {id_: days for id_, days in others.items() if table.is_other_than(all_tables[id_])}
        if foreign and not any(is_meant(line) for line in table.lines):
            said = _said(client, table, [(all_tables[id_], days) for id_, days in foreign.items()])
            for line in table.lines:
                refuse(line, RefusedFile("other_table", said))
        else:
            standing |= {day: place for day in table.days if day not in standing or standing[day] < place}


def is_meant(line: LedgerLine) -> bool:
    """Whether the name of a file or of its export's folder says that it is meant to replace what stands."""
    folder = line.batch.split("/")[2:] if line.batch else []
    return any(part.lower().startswith(MEANT) for part in [*folder, _name(line.uri)])


def _new_tables(client: Client, lines: Sequence[LedgerLine]) -> dict[int, Table]:
    """export_id → its table, of the loads that have rows of no account."""
    new = {
        line.load_id: line
        for line in lines
        if line.status == "loaded" and line.rows_loaded and not line.repairs and "account_id" not in line.column_map
        and (source := find_source(line.source)) and source.kind == "ads"
    }  # fmt: skip
    if not new:
        return {}
    rows = client.query(
        f"SELECT load_id, groupUniqArray(date) FROM {ROWS} WHERE load_id IN ({_ids(new)}) AND disposition = 'loaded'"
        " AND account_id = '' GROUP BY load_id",
        settings=SETTINGS,
    ).result_rows
    tables: dict[int, Table] = {}
    for load_id, days in rows:
        line = new[load_id]
        table = tables.setdefault(line.export_id, Table(name=_name(line.batch or line.uri)))
        table.lines.append(line)
        table.loads.add(load_id)
        table.days |= {(line.workspace, line.source, line.grain, day) for day in days}
    return tables


def _standing(client: Client, days: set[Day]) -> tuple[dict[Day, Place], dict[int, Table]]:
    """The newest export of each day, and the tables of those exports."""
    places = {(workspace, source) for workspace, source, _, _ in days}
    rows = client.query(
        "SELECT workspace, source, grain, date, argMax((export_order, export_id), (export_order, export_id)) AS newest,"
        " groupUniqArray((export_id, load_id)) AS of_exports"
        " FROM ops.file_coverage WHERE (workspace, source) IN {places:Array(Tuple(String, String))} AND account_id = ''"
        " AND date BETWEEN {first:Date} AND {last:Date} GROUP BY workspace, source, grain, date",
        parameters={
            "places": sorted(places),
            "first": min(day[-1] for day in days),
            "last": max(day[-1] for day in days),
        },
        settings=SETTINGS,
    ).result_rows
    standing: dict[Day, Place] = {}
    tables: dict[int, Table] = {}
    for workspace, source, grain, day, (order, export_id), of_exports in rows:
        key = (workspace, source, grain, day)
        if key in days:
            standing[key] = (order.replace(tzinfo=UTC), export_id)
            tables.setdefault(export_id, Table()).loads |= {load for export, load in of_exports if export == export_id}
    return standing, tables


def _read_names(client: Client, tables: Iterable[Table]) -> None:
    """Fill in what the tables name."""
    of_load = {load: table for table in tables for load in table.loads}
    rows = client.query(
        f"SELECT load_id, groupUniqArray(campaign_id), groupUniqArray(campaign_name), groupUniqArray(account_name)"
        f" FROM {ROWS} WHERE load_id IN ({_ids(of_load)}) AND disposition = 'loaded' AND account_id = '' GROUP BY load_id",
        settings=SETTINGS,
    ).result_rows
    for load_id, ids, names, accounts in rows:
        table = of_load[load_id]
        table.ids |= {id_ for id_ in ids if id_}
        table.names |= {name.casefold(): name for name in names if name}
        table.accounts |= {name.casefold() for name in accounts if name}


def _said(client: Client, table: Table, others: Sequence[tuple[Table, set[Day]]]) -> str:
    """Why a table is refused: the days, what stands there, its cost, and what to do."""
    days = sorted({day[-1] for _, shared in others for day in shared})
    loads = _ids({load for other, _ in others for load in other.loads})
    cost, uri = client.query(
        f"SELECT toFloat64(sum(cost)), (SELECT any(uri) FROM ops.file_ledger WHERE load_id IN ({loads})) FROM {ROWS}"
        f" WHERE load_id IN ({loads}) AND disposition = 'loaded' AND account_id = '' AND date IN {{days:Array(Date)}}",
        parameters={"days": days},
        settings=SETTINGS,
    ).first_row
    names = sorted({name for other, _ in others for name in other.names.values() or other.ids})
    span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
    many = "s" if len(days) > 1 else ""
    name = next((other.name for other, _ in others if other.name), "") or _name(uri or "")
    listed = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    return (
        f"{len(days)} of its days ({span}) hold{'' if many else 's'} {name}, a table of other campaigns ({listed}) with a"
        f" cost of {cost or 0:,.2f}; neither names an account, so one would replace the other. Give it a column account_id"
        " (any name of your own, the same in each row) and drop it again; if it is meant to replace them, drop it as"
        f" replace_{table.name}"
    )


def _place(line: LedgerLine) -> Place:
    return ((line.exported_at or line.received_at).astimezone(UTC), line.export_id)


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]


def _ids(loads: Iterable[int]) -> str:
    return ", ".join(map(str, loads))
