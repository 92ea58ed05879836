"""What a file declares of itself, held against what was loaded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from clickhouse_connect.driver.client import Client

from include.landing.bucket import sql_string
from include.landing.errors import RefusedFile
from include.landing.ledger import LedgerLine
from include.landing.specs import COUNTS, METRICS
from include.landing.statement import Statement

TOLERANCE_A_ROW = Decimal("0.005")  # half a cent or hundredth that each row's rounding may add
OF = ("account_id", "account_name", "currency")  # what a total line may say that it is of
MOST_TOTALS = 1000  # more lines like totals are no totals of accounts: then the first is taken for that of the file


def check_declared(client: Client, line: LedgerLine, statement: Statement, preamble: Sequence[str]) -> None:
    """Compare declared rows and totals. Raises ``RefusedFile`` where rows are missing; totals off are a warning.

    Rejected rows explain a difference of totals, so totals are then not compared.
    """
    shape = statement.match.shape
    if shape.declared_rows:
        line.rows_declared = _declared_rows(client, line, statement, preamble)
    found = line.rows_loaded + line.rows_rejected + line.skipped.get("exact_duplicate", 0)
    if line.rows_declared is not None and line.rows_declared != found:
        said = f"the file declares {line.rows_declared} rows and holds {found}"
        if line.rows_declared < found or shape.declared_rows_of_all_pages:
            line.warnings.append(said)
        else:
            raise RefusedFile("truncated_file", f"{said}; the upload was cut: upload it again")
    if shape.declared_totals is not None and line.skipped.get("total_row") and not line.rows_rejected:
        _check_totals(client, line, shape.declared_totals, divided=shape.totals_divided)


def _declared_rows(client: Client, line: LedgerLine, statement: Statement, preamble: Sequence[str]) -> int | None:
    """The number that a line before the header or a key of the document names; None where it does not apply."""
    reader, shape = statement.reader, statement.match.shape
    wanted = str(shape.declared_rows)
    if wanted in reader.cells:
        if any(header not in reader.cells for header in shape.declared_rows_when):
            return None
        path = next((p for p, target in statement.targets.items() if target.load_id == line.load_id), None)
        cells = ", ".join(f"any(ifNull({reader.cells[h]}, ''))" for h in (wanted, *shape.declared_rows_when))
        where = f" WHERE path = {sql_string(path)}" if path is not None else ""
        said, *conditions = client.query(
            f"SELECT {cells} FROM ({reader.source}){where}{reader.settings_clause(strict=False)}"
        ).first_row
        applies = list(conditions) == list(shape.declared_rows_when.values())
        return int(said) if applies and str(said).isdigit() else None
    for text in preamble:
        hit = re.search(wanted, text)
        if hit:
            return int(re.sub(r"\D", "", hit.group(1)))
    return None


@dataclass
class _Part:
    """Loaded rows or a total line: how many rows, whose (``OF`` → cell), and the numbers, None where there is none."""

    line: int
    of: dict[str, str]
    rows: int
    numbers: dict[str, Decimal | None]


def _check_totals(client: Client, line: LedgerLine, pattern: str, *, divided: bool) -> None:
    """Compare every total line that matches, in the file's own first column, with the rows that it is of."""
    metrics = [name for name in METRICS if line.column_map.get(name)]
    values = {name: f"insightflow_number({name}, '{line.decimal_marks.get(name, '')}')" for name in metrics}
    columns = {header: column for column, header in line.column_map.items()}
    first = columns.get(line.headers[0], f"extra[{sql_string(line.headers[0])}]")
    of = ", ".join(f"if(insightflow_is_null({cell}), '', {cell}) AS of_{cell}" for cell in OF)

    def parts(select: str, numbers: Sequence[str], rest: str) -> list[_Part]:
        sql = f"SELECT {', '.join([select, of, *numbers])} FROM raw.ad_performance WHERE load_id = {line.load_id} AND {rest}"
        rows = client.query(sql, settings={"max_query_size": 64 * 1024**2}).result_rows
        cut = 2 + len(OF)
        return [
            _Part(int(r[0]), dict(zip(OF, r[2:cut], strict=True)), int(r[1]), dict(zip(metrics, r[cut:], strict=True)))
            for r in rows
        ]

    totals = parts(
        "row_number, 0",
        list(values.values()),
        f"disposition = 'total_row' AND match({first}, {sql_string(pattern)}) ORDER BY row_number"
        f" LIMIT {MOST_TOTALS + 1}",
    )
    if not totals:
        return
    if len(totals) > MOST_TOTALS:
        totals = totals[:1]
    # Rows are known by the total line before them, 0 where none is.
    places = ", ".join(str(place) for place in (0, *(total.line for total in totals)))
    loaded = parts(
        f"roundDown(row_number, [{places}]) AS place, count()",
        [f"sum({value})" for value in values.values()],
        f"disposition = 'loaded' GROUP BY {', '.join(['place', *(f'of_{cell}' for cell in OF)])}",
    )
    for metric in metrics:
        divisor = line.unit_divisor.get(metric, 1) if divided else 1
        line.warnings += _disagreement(metric, totals, loaded, divisor)


def _disagreement(metric: str, totals: Sequence[_Part], loaded: Sequence[_Part], divisor: int) -> list[str]:
    """What to say where totals of a metric do not agree with rows; at most one sentence.

    A total alone is that of all rows. Of several, each is of the account that it names, of the rows between it and the
    next total, of the currency that it names, or of all; where one has no rows of its own, they may be all rows together.
    """
    said = [(total, number) for total in totals if (number := total.numbers[metric]) is not None]

    def summed(parts: Sequence[_Part]) -> Decimal:
        return sum((part.numbers[metric] or Decimal(0) for part in parts), Decimal(0)) / divisor

    def agree(number: Decimal, parts: Sequence[_Part]) -> bool:
        slack = Decimal(0) if metric in COUNTS else TOLERANCE_A_ROW * max(sum(part.rows for part in parts), 1)
        return abs(summed(parts) - number) <= slack

    if len(totals) == 1:
        return [
            f"declared total of {metric} is {_plain(number)}, the rows sum to {_plain(summed(loaded))}"
            for _, number in said
            if not agree(number, loaded)
        ]
    owned = {total.line: _owned(total, totals, loaded) for total in totals}
    off = [(t, n) for t, n in said if not any(agree(n, parts) for parts in (*owned[t.line].values(), loaded))]
    if not off:
        return []
    if not all(owned.values()):
        together = sum((number for _, number in said), Decimal(0))
        if agree(together, loaded):
            return []
        return [
            f"declared totals of {metric} in lines {', '.join(str(total.line) for total, _ in said[:5])}"
            f"{', …' if len(said) > 5 else ''} are {_plain(together)} together, the rows sum to {_plain(summed(loaded))}"
        ]
    total, number = off[0]
    whose, parts = next(iter(owned[total.line].items()))
    more = f"; {len(off)} totals of it are off" if len(off) > 1 else ""
    return [
        f"declared total of {metric} in line {total.line} is {_plain(number)}, the rows {whose} sum to "
        f"{_plain(summed(parts))}{more}"
    ]


def _owned(total: _Part, totals: Sequence[_Part], loaded: Sequence[_Part]) -> dict[str, list[_Part]]:
    """The rows that one of several totals may be of, by how they are told, likeliest first; empty where none is its own."""
    names = {cell: name for cell, name in total.of.items() if name and any(part.of[cell] == name for part in loaded)}
    mine = [part for part in loaded if all(part.of[cell] == name for cell, name in names.items())]
    # Totals stand below their rows; where nothing stands above the first, above them.
    below = any(part.line == 0 for part in loaded)
    place = max((t.line for t in totals if t.line < total.line), default=0) if below else total.line
    of = " ".join(("of", *names.values())) if names else ""
    told = {of: mine} if names else {}
    near = {f"{of} {'above' if below else 'below'} it".strip(): [part for part in mine if part.line == place]}
    # A currency is that of several accounts: what stands beside the total goes before.
    found = near | told if set(names) <= {"currency"} else told | near
    return {whose: parts for whose, parts in found.items() if parts}


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
