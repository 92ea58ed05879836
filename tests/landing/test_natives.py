"""Typed columns of Parquet are taken as they are only where their text would give the same value."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

FLOATS = [0.0, 0.1, 1.15, -3.1, 0.30000000000000004, 1 / 3, 1e-7, 0.0005, 123456789.123456, 999999999.999999, 1e9, 1e15,
          float("nan"), float("inf"), None, 12.0, 2.675, 100.07, 1e22, -0.000001]  # fmt: skip


def test_values_and_texts_are_those_of_the_text(landing: Landing, tmp_path: Path) -> None:
    n = len(FLOATS)
    table = pa.table(
        {
            "date": pa.array([date(2025, 1, 1 + i) for i in range(n - 1)] + [date(2150, 1, 1)], pa.date32()),
            "campaign_id": pa.array([10**12 + i for i in range(n)]),
            "impressions": pa.array([0, -5, 10**12 - 1, 10**12, None] * (n // 5), pa.int64()),
            "clicks": pa.array([1, 2, 3, 4, None] * (n // 5), pa.uint64()),
            "cost": pa.array(FLOATS),
            "conversions": pa.array([Decimal("1.50")] * n, pa.decimal128(12, 2)),
            "conversion_value": pa.array([f if f is None else min(f, 1e30) for f in FLOATS], pa.float32()),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    landing.put("generic/a.parquet", tmp_path / "a.parquet")
    [line] = landing.load().values()
    assert (line.status, line.rows_read) == ("loaded", n)
    # 10^12 impressions, and what is infinite or too large for money, and a day beyond the calendar. NaN is no value.
    assert line.rejected == {"bad_date": 1, "not_a_number": 1, "out_of_range": 4}
    differing = (
        "SELECT t.row_number FROM raw.ad_performance AS t INNER JOIN raw.ad_performance_rows AS v USING (load_id, row_number)"
        " WHERE t.workspace = {w:String} AND t.disposition = 'loaded' AND ("
        + " OR ".join(
            f"NOT (insightflow_number(t.{name}, '.') <=> CAST(v.{name}, 'Nullable(Decimal(38, 6))'))"
            for name in ("impressions", "clicks", "cost", "conversions", "conversion_value")
        )
        + ")"
    )
    assert landing.rows(differing) == []
    path = f"landing/{landing.workspace}/generic/a.parquet"
    sent = ", ".join(f"replaceOne(ifNull(toString({name}), ''), 'nan', '')" for name in table.column_names)
    shown = ", ".join(table.column_names)
    assert landing.rows(
        f"SELECT {shown} FROM raw.ad_performance WHERE workspace = {{w:String}} ORDER BY row_number"
    ) == landing.rows(f"SELECT {sent} FROM file('{path}', 'Parquet') ORDER BY _row_number")


def test_rows_of_nothing_and_repeats_are_seen(landing: Landing, tmp_path: Path) -> None:
    table = pa.table(
        {
            "date": pa.array([date(2025, 1, 1), date(2025, 1, 1), None, date(2025, 1, 1)], pa.date32()),
            "campaign_id": pa.array([1, 1, None, 1]),
            "clicks": pa.array([0, None, None, 0]),
            "impressions": pa.array([5, 5, None, 5]),
            "cost": pa.array([1.5, 1.5, None, 1.5]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    landing.put("generic/a.parquet", tmp_path / "a.parquet")
    [line] = landing.load().values()
    assert line.skipped == {"blank_row": 1, "exact_duplicate": 1}
    assert line.rows_loaded == 2
