"""What a file declares of itself, held against what was loaded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from clickhouse_connect.driver.client import Client

from include.landing.bucket import sql_string
from include.landing.errors import RefusedFile
from include.landing.ledger import LedgerLine
from include.landing.specs import COUNTS, METRICS
from include.landing.statement import Statement

TOLERANCE_A_ROW = Decimal("0.005")  # half a cent or hundredth that each row's rounding may add


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


def _check_totals(client: Client, line: LedgerLine, pattern: str, *, divided: bool) -> None:
    metrics = [name for name in METRICS if line.column_map.get(name)]
    values = [f"insightflow_number({name}, '{line.decimal_marks.get(name, '')}')" for name in metrics]
    sums = ", ".join(f"sumIf({value}, disposition = 'loaded')" for value in values)
    declared = ", ".join(f"argMinIf({value}, row_number, is_total)" for value in values)
    # The declaring line is the first total line that matches, in the file's own first column.
    columns = {header: column for column, header in line.column_map.items()}
    first = columns.get(line.headers[0], f"extra[{sql_string(line.headers[0])}]")
    row = client.query(
        f"SELECT countIf(is_total), {sums}, {declared} FROM (SELECT *, disposition = 'total_row' AND "
        f"match({first}, {sql_string(pattern)}) AS is_total FROM raw.ad_performance WHERE load_id = {line.load_id})"
    ).first_row
    if not row[0]:
        return
    for metric, got, said in zip(metrics, row[1 : 1 + len(metrics)], row[1 + len(metrics) :], strict=True):
        divisor = line.unit_divisor.get(metric, 1) if divided else 1
        slack = Decimal(0) if metric in COUNTS else TOLERANCE_A_ROW * max(line.rows_loaded, 1)
        summed = Decimal(got or 0) / divisor
        if said is not None and abs(summed - Decimal(said)) > slack:
            line.warnings.append(
                f"declared total of {metric} is {said.normalize():f}, the rows sum to {summed.normalize():f}"
            )
