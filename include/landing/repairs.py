"""Rejected rows on their way out to be repaired, and back into the export that they came from.

``write`` gives them as a table whose columns name their file and line. Dropped again, that table is read as its file was
(units, decimal marks, currency), and its rows stand with the export's others: they have its time and its id, so that a
newer export replaces both, and neither replaces the other. A line is taken once, whoever sends it how often.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO

from clickhouse_connect.driver.client import Client

from include.landing import ledger
from include.landing.errors import RefusedFile
from include.landing.ledger import LedgerLine
from include.landing.readers.base import Reader
from include.landing.recognise import REPAIR_MARKS, Found, Match, normal
from include.landing.specs import COLUMNS, Shape, sources

FILE, LINE = REPAIR_MARKS
NOTES = ("repair_reason", "repair_detail", "repair_text")
SEGMENT, EXTRA = "segments.", "extra."
# The names that a table of repairs gives canonical columns are those of headers too.
OWN = "repair."


@dataclass(frozen=True)
class Repair:
    """How a table of repairs is read: its reader, the shape of the file that it repairs, that file's ledger row, how
    many repairs of it count so far, and the grain of the rows of its export that stand, '' where none does."""

    reader: Reader
    match: Match
    original: LedgerLine
    turn: int
    grain: str


# ------------------------------------------------------------------------------------------------------------- out


def write(client: Client, file_id: str, target: IO[str]) -> int:
    """Write a file's rejected rows that were not repaired yet, as CSV; return how many.

    The columns: file and line, reason and text as information, then the cells as they were sent, under canonical names.
    Raises ``LookupError`` where no load of the file stands.
    """
    line = _ledger_line(client, file_id)
    if line is None:
        raise LookupError(f"no file that was loaded has the id {file_id}")
    where = (
        "r.load_id = {load:UInt64} AND (r.load_id, r.row_number) IN (SELECT load_id, row_number FROM ops.load_rejects"
        " WHERE load_id = {load:UInt64})"
    )
    parameters = {"load": line.load_id, "file": line.repairs or line.file_id}
    # Of rows that were repaired in vain: the file and line that they had at first.
    number = f"toUInt64OrZero(r.extra['{LINE}'])" if line.repairs else "r.row_number"
    where += f" AND {number} NOT IN (SELECT row_number FROM ops.repaired_rows WHERE file_id = {{file:String}})"
    segments, extra = client.query(
        "SELECT arraySort(groupUniqArrayArray(mapKeys(segments))), arraySort(groupUniqArrayArray(mapKeys(extra)))"
        f" FROM raw.ad_performance AS r WHERE {where}",
        parameters=parameters,
    ).first_row
    columns = [name for name in COLUMNS if line.column_map.get(name)]
    others = [name for name in extra if name not in (FILE, LINE)]
    header = [
        FILE,
        LINE,
        *NOTES[:2],
        *columns,
        *(SEGMENT + s for s in segments),
        *(EXTRA + e for e in others),
        NOTES[2],
    ]
    cells = [f"r.{name}" for name in columns]
    cells += [f"r.segments[{{s{i}:String}}]" for i in range(len(segments))]
    cells += [f"r.extra[{{e{i}:String}}]" for i in range(len(others))]
    parameters |= {f"s{i}": name for i, name in enumerate(segments)} | {f"e{i}": name for i, name in enumerate(others)}
    rows = client.query_rows_stream(
        f"SELECT {{file:String}}, {number} AS number, j.reason, j.detail, {', '.join([*cells, 'j.raw_text'])}"
        " FROM raw.ad_performance AS r INNER JOIN (SELECT row_number, reason, detail, raw_text FROM ops.load_rejects"
        " WHERE load_id = {load:UInt64} LIMIT 1 BY row_number) AS j ON r.row_number = j.row_number"
        f" WHERE {where} ORDER BY r.row_number",
        parameters=parameters,
    )
    out = csv.writer(target, lineterminator="\n")
    out.writerow(header)
    written = 0
    with rows:
        for row in rows:
            out.writerow(row)
            written += 1
    return written


# -------------------------------------------------------------------------------------------------------------- in


def repair_of(client: Client, reader: Reader, line: LedgerLine, source: str) -> Repair:
    """How a table of repairs in a workspace (that of ``line``) is read. ``source``: that of its folder, '' in the inbox.

    Raises ``RefusedFile`` where it does not say one file and each line once, where that file is not the workspace's, or
    columns are missing.
    """
    named = {normal(header): header for header in reader.cells}
    original = _original(client, reader, line, named)
    if source and source != original.source:
        raise RefusedFile(
            "wrong_source",
            f"this repairs rows of {original.source} but lies in {source}/; move it to {original.source}/ or inbox/",
        )
    missing = [name for name in COLUMNS if original.column_map.get(name) and name not in named]
    if missing:
        raise RefusedFile(
            "missing_columns",
            f"the repaired rows lack the columns {', '.join(missing)}; export them again by `bin/insightflow rejects` "
            "and keep all columns",
        )
    match = _match(original, list(named))
    cells = {}
    for header, sql in reader.cells.items():
        name = normal(header)
        if name in COLUMNS:
            cells[OWN + name] = sql
        elif name not in NOTES:
            # The case of other headers is that of the file repaired.
            key = name if name in (FILE, LINE) or name.startswith(SEGMENT) else header.strip()
            cells[key.removeprefix(EXTRA)] = sql
    # Before its rows are judged: who commits a repair in between is found by it (``ops.current_loads``).
    # Turns are never given twice, also where a repair was taken back.
    turn = client.query(
        "SELECT if(count() = 0, 0, max(repair_turn) + 1) FROM ops.file_ledger"
        " WHERE status = 'loaded' AND repairs = {file:String}",
        parameters={"file": original.repairs or original.file_id},
    ).first_row[0]
    grain = _grain_so_far(client, original)
    return Repair(replace(reader, cells=cells, natives={}), match, original, int(turn), grain)


def inherit(line: LedgerLine, repair: Repair) -> None:
    """Make a line part of the export that it repairs: its place in time, its grain and its way of reading.

    Where no row of the export stands yet, the line keeps the grain that its own rows show.
    """
    original = repair.original
    line.repairs, line.repair_turn = original.repairs or original.file_id, repair.turn
    line.grain = repair.grain or line.grain
    for name in (
        "export_id", "exported_at", "export_order", "headers", "currency_default", "missing_is_zero",
        "conversion_tiers", "event_tiers", "restatement_days", "id_formats", "null_tokens",
    ):  # fmt: skip
        setattr(line, name, getattr(original, name))
    own = {header: line.column_map[name] for name, header in original.column_map.items() if name in line.column_map}
    line.event_columns = {
        event: [own.get(header, header) for header in headers] for event, headers in original.event_columns.items()
    }
    line.column_map |= {name: "" for name, header in original.column_map.items() if not header}


def judgements(original: LedgerLine) -> Iterator[tuple[str, str, str]]:
    """``(condition, disposition, detail)`` in SQL of rows that repair nothing, or what was repaired before."""
    number = f"toUInt64OrZero(extra['{LINE}'])"
    file = original.repairs or original.file_id  # hexadecimal digits
    yield (
        f"{number} IN (SELECT row_number FROM ops.repaired_rows WHERE file_id = '{file}')",
        "'already_repaired'",
        "''",
    )
    yield (
        f"extra['{FILE}'] != '{file}' OR {number} NOT IN"
        f" (SELECT row_number FROM ops.rejected_rows WHERE file_id = '{file}')",
        "'not_a_reject'",
        f"concat('line ', extra['{LINE}'], ' of the file was not rejected; keep {FILE} and {LINE} as they were')",
    )


def _original(client: Client, reader: Reader, line: LedgerLine, named: dict[str, str]) -> LedgerLine:
    file, number = (f"ifNull({reader.cells[named[name]]}, '')" for name in (FILE, LINE))
    files, repeated = client.query(
        f"SELECT groupUniqArray(2)(file), maxIf(number, n > 1) FROM (SELECT trimBoth({file}) AS file,"
        f" trimBoth({number}) AS number, count() AS n FROM ({reader.source})"
        f" WHERE file != '' GROUP BY file, number){reader.settings_clause(strict=False)}"
    ).first_row
    if len(files) != 1:
        raise RefusedFile(
            "mixed_repairs",
            f"the column {FILE} must name one file in all rows; drop the repaired rows of each file as a file of its own",
        )
    if repeated:
        raise RefusedFile("repeated_repair", f"line {repeated} is repaired twice; keep one row of it")
    original = _ledger_line(client, str(files[0]))
    if original is None or line.workspace not in ("", original.workspace):
        # One text for both: whoever drops a file must not learn by an id what other workspaces have.
        raise RefusedFile(
            "unknown_file",
            f"no file of {f'workspace {line.workspace}' if line.workspace else 'any workspace'} has the id {files[0]}; drop the "
            "repaired rows into the workspace that the file is of (`bin/insightflow load -w NAME`), or export them again by "
            "`bin/insightflow rejects -w NAME`",
        )
    return original


def _grain_so_far(client: Client, original: LedgerLine) -> str:
    """The grain of an export's rows that stand: the file's own, or those of its first repair. '' where none does: only
    loaded rows show a grain, and a file whose rows were all rejected has none to hand on."""
    if original.rows_loaded:
        return original.grain
    rows = client.query(
        "SELECT grain FROM ops.current_loads WHERE repairs = {file:String} AND rows_loaded > 0"
        " ORDER BY repair_turn LIMIT 1",
        parameters={"file": original.repairs or original.file_id},
    ).result_rows
    return str(rows[0][0]) if rows else ""


def _ledger_line(client: Client, file_id: str) -> LedgerLine | None:
    lines = ledger.stored(client, "file_id = {file:String}", {"file": file_id})
    return lines[0] if lines else None


def _match(original: LedgerLine, names: Sequence[str]) -> Match:
    """The shape of the file repaired, with every column under its canonical name in the unit in which it was sent."""
    source = sources().get(original.source)
    shape = next((shape for shape in source.shapes if shape.id == original.shape), None) if source else None
    if source is None or shape is None:
        raise RefusedFile(
            "unknown_source",
            f"the shape {original.shape} of {original.source} is no longer known; drop the whole export again, repaired",
        )
    columns = {name: Found((OWN + name,)) for name in COLUMNS if name in names}
    segments = {name.removeprefix(SEGMENT): Found((name,)) for name in names if name.startswith(SEGMENT)}
    mine = Shape.model_validate(
        {
            "id": shape.id,
            "formats": shape.formats,
            "columns": {name: [OWN + name] for name in columns},
            "divisors": {OWN + name: divisor for name, divisor in original.unit_divisor.items()},
            "id_formats": shape.id_formats,
            "null_tokens": shape.null_tokens,
            "missing_metric": shape.missing_metric,
            "events": {name: event.model_dump() for name, event in shape.events.items()},
            "required": [],
            "rates": shape.rates,
        }
    )
    measures = {name: header for name in shape.measures if (header := original.column_map.get(name))}
    # Ignored: names are checked by the spec.
    return Match(source, mine, columns, segments, original.currency_default, measures=measures)  # type: ignore[arg-type]
