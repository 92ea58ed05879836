"""What a file declares of itself, held against what was loaded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from clickhouse_connect.driver.client import Client

from include.landing.bucket import sql_string
from include.landing.errors import RefusedFile
from include.landing.ledger import LedgerLine
from include.landing.specs import COUNTS, METRICS, Shape

TOLERANCE_A_ROW = Decimal("0.005")  # half a cent or hundredth that each row's rounding may add


def check_declared(client: Client, line: LedgerLine, shape: Shape, preamble: Sequence[str]) -> None:
    """Compare declared rows and totals. Raises ``RefusedFile`` where rows are missing; totals off are a warning.

    Rejected rows explain a difference of totals, so totals are then not compared.
    """
    if shape.declared_rows:
        for text in preamble:
            hit = re.search(shape.declared_rows, text)
            if hit:
                line.rows_declared = int(hit.group(1).replace(",", ""))
    found = line.rows_loaded + line.rows_rejected + line.skipped.get("exact_duplicate", 0)
    if line.rows_declared is not None and line.rows_declared > found:
        raise RefusedFile(
            "truncated_file",
            f"the file declares {line.rows_declared} rows and holds {found}; the upload was cut: upload it again",
        )
    if shape.declared_totals and line.skipped.get("total_row") and not line.rows_rejected:
        _check_totals(client, line, shape.declared_totals)


def _check_totals(client: Client, line: LedgerLine, pattern: str) -> None:
    metrics = [name for name in METRICS if name in line.column_map]
    values = [f"insightflow_number({name}, '{line.decimal_marks.get(name, '')}')" for name in metrics]
    sums = ", ".join(f"sumIf({value}, disposition = 'loaded')" for value in values)
    declared = ", ".join(f"anyIf({value}, is_total)" for value in values)
    # The declaring line is the first total line that matches, in the file's own first column.
    first = "coalesce(" + ", ".join(f"nullIf({c}, '')" for c in ("date", "account_id", "campaign_name")) + ", '')"
    row = client.query(
        f"SELECT countIf(is_total), {sums}, {declared} FROM (SELECT *, disposition = 'total_row' AND "
        f"match({first}, {sql_string(pattern)}) AS is_total FROM raw.ad_performance WHERE load_id = {line.load_id} "
        "ORDER BY row_number)"
    ).first_row
    if not row[0]:
        return
    for metric, got, said in zip(metrics, row[1 : 1 + len(metrics)], row[1 + len(metrics) :], strict=True):
        slack = Decimal(0) if metric in COUNTS else TOLERANCE_A_ROW * max(line.rows_loaded, 1)
        if said is not None and abs(Decimal(got or 0) - Decimal(said)) > slack:
            line.warnings.append(
                f"declared total of {metric} is {said.normalize():f}, the rows sum to {(got or Decimal(0)).normalize():f}"
            )
