"""Exports without a column of cost: they must not take the place of days whose cost is known, nor hide it in a column
that nothing reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from difflib import get_close_matches

from clickhouse_connect.driver.client import Client

from include.landing.bucket import sql_string
from include.landing.errors import RefusedFile, refuse
from include.landing.ledger import LedgerLine
from include.landing.recognise import is_known, normal
from include.landing.specs import Source, find_source
from include.landing.statement import ROWS

ALIKE = 0.75  # Kost and Cost
NAMED = 5
SETTINGS = {"max_query_size": 64 * 1024**2}


def refuse_lost_cost(client: Client, lines: Sequence[LedgerLine]) -> None:
    """Refuse each load without cost that would replace days with cost, of the warehouse or of ``lines``, and each with
    numbers under an unknown header that is nearly one of cost."""
    loaded = [line for line in lines if line.status == "loaded" and line.rows_loaded]
    costed = {line.export_id for line in loaded if "cost" in line.column_map}
    without = [line for line in loaded if line.export_id not in costed and not line.repairs and _wanted(line)]
    if not without:
        return
    numbers = _unread_numbers(client, without)
    lost = _lost(client, without, [line for line in loaded if line.export_id in costed])
    for line in without:
        wanted = _wanted(line)
        near = {h: meant for h in numbers.get(line.load_id, ()) if (meant := nearest(h, wanted))}
        if line.load_id not in lost and not near:
            continue
        unread = [header for header in line.headers if header not in line.column_map.values() and not is_known(header)]
        said = f"no column of cost (as {', '.join(wanted[:3])})"
        if near:
            said += "; " + ", ".join(
                f"{header} holds numbers that nothing reads: is it {m}?" for header, m in near.items()
            )
        elif unread:
            said += f"; nothing reads {', '.join(unread[:NAMED])}{', …' if len(unread) > NAMED else ''}"
        if line.load_id in lost:
            days, first, last, cost = lost[line.load_id]
            span = str(first) if days == 1 else f"{first} to {last}"
            said += (
                f". It would replace {days} day{'s' if days > 1 else ''} ({span}) with a cost of {cost:,.2f} by none"
            )
        remedy = f"Export with cost, or add the header's name to sources/{line.source}.yml, and drop the file again"
        refuse(line, RefusedFile("missing_cost", f"{said}. {remedy}".replace("?. ", "? ")))


def nearest(header: str, wanted: Sequence[str]) -> str:
    """The header of cost that an unknown header nearly is, '' where none is near."""
    names = {normal(name): name for name in wanted}
    near = [] if is_known(header) else get_close_matches(normal(header), names, n=len(names) or 1, cutoff=ALIKE)
    return next((name for folded, name in names.items() if folded in near), "")


def headers_of_cost(source: Source, shape_id: str) -> list[str]:
    """The headers, as the spec has them, from which a shape takes its cost; none where it has no cost."""
    wanted = [want for shape in source.shapes if shape.id == shape_id for want in shape.columns.get("cost", ())]
    names = [name for want in wanted for name in ((want,) if isinstance(want, str) else want.headers)]
    return [name for name in dict.fromkeys(names) if not name.startswith("regex:")]


def _wanted(line: LedgerLine) -> list[str]:
    source = find_source(line.source)
    return headers_of_cost(source, line.shape) if source and source.kind == "ads" else []


def _unread_numbers(client: Client, lines: Sequence[LedgerLine]) -> dict[int, list[str]]:
    """load_id → headers of no column, all of whose cells are numbers."""
    found: dict[int, list[str]] = {}
    rows = client.query(
        f"SELECT load_id, header FROM {ROWS} ARRAY JOIN mapKeys(extra) AS header, mapValues(extra) AS cell"
        f" WHERE load_id IN ({_ids(lines)}) AND disposition = 'loaded' GROUP BY load_id, header"
        " HAVING countIf(NOT insightflow_is_null(cell) AND insightflow_number(cell, '.') IS NULL"
        " AND insightflow_number(cell, ',') IS NULL) = 0 ORDER BY load_id, header",
        settings=SETTINGS,
    ).result_rows
    for load_id, header in rows:
        found.setdefault(int(load_id), []).append(str(header))
    return found


def _lost(
    client: Client, lines: Sequence[LedgerLine], beside: Sequence[LedgerLine]
) -> dict[int, tuple[int, object, object, float]]:
    """load_id → days with cost that it would replace: their number, the first, the last, and their cost."""
    placed = ", ".join(_place(line) for line in [*lines, *beside])
    places = (
        "SELECT p.1 AS load_id, p.2 AS grain, fromUnixTimestamp64Milli(p.3, 'UTC') AS export_order, p.4 AS export_id"
        f" FROM (SELECT arrayJoin([{placed}]) AS p)"
    )
    keys = "workspace, source, account_id, date"
    of_lines = (
        f"SELECT p.load_id AS load_id, {keys}, p.grain AS grain, p.export_order AS export_order, p.export_id AS export_id"
        f" FROM (SELECT DISTINCT load_id, {keys} FROM {ROWS} WHERE load_id IN ({{}}) AND disposition = 'loaded') AS r"
        f" INNER JOIN ({places}) AS p ON r.load_id = p.load_id"
    )
    new, others = of_lines.format(_ids(lines)), of_lines.format(_ids(beside) or "0")
    before = (
        f"SELECT load_id, {keys}, grain, export_order, export_id FROM ops.file_coverage WHERE (workspace, source, date) IN"
        f" (SELECT workspace, source, date FROM ({new})) UNION ALL {others}"
    )
    # Of each day the newest export before this one: an older one with cost had been replaced already.
    replaced = (
        "SELECT n.load_id AS by, b.account_id AS account_id, b.date AS date, b.load_id AS load_id,"
        " (b.export_order, b.export_id) AS place, max(place) OVER (PARTITION BY by, account_id, date) AS newest"
        f" FROM ({new}) AS n INNER JOIN ({before}) AS b ON n.workspace = b.workspace AND n.source = b.source"
        " AND n.account_id = b.account_id AND n.date = b.date AND n.grain = b.grain"
        " WHERE (b.export_order, b.export_id) < (n.export_order, n.export_id)"
    )
    costs = (
        f"SELECT load_id, account_id, date, sum(cost) AS money FROM {ROWS} WHERE disposition = 'loaded'"
        f" AND load_id IN (SELECT load_id FROM ({replaced}) WHERE place = newest) GROUP BY load_id, account_id, date"
    )
    rows = client.query(
        f"SELECT x.by, uniqExact(x.date), min(x.date), max(x.date), toFloat64(sum(c.money)) FROM ({replaced}) AS x"
        f" INNER JOIN ({costs}) AS c ON x.load_id = c.load_id AND x.account_id = c.account_id AND x.date = c.date"
        " WHERE x.place = x.newest AND c.money > 0 GROUP BY x.by",
        settings=SETTINGS,
    ).result_rows
    return {int(load_id): (int(days), first, last, float(cost)) for load_id, days, first, last, cost in rows}


def _place(line: LedgerLine) -> str:
    """SQL of a load's grain and its place among the exports, as its line will have it."""
    instant = int((line.exported_at or line.received_at).astimezone(UTC).timestamp() * 1000)
    return f"(toUInt64({line.load_id}), {sql_string(line.grain)}, toInt64({instant}), toUInt64({line.export_id}))"


def _ids(lines: Sequence[LedgerLine]) -> str:
    return ", ".join(str(line.load_id) for line in lines)
