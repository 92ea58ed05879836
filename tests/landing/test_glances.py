"""What is read at a glance is what the closer look would have read, and text is kept where the value is not it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.landing import accounts
from include.landing.values import QUICK, Typing
from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

TEXTS = ["0", "00", "007", "7", "12.5", "12.50", "0.5", ".5", "5.", "0.000001", "0.0000001", "999999999", "1000000000", "0.10",
         "999999999.999999", "123456789.123456", "1,234.5", "1234.567", "-3", "+3", "-0", "-0.0", "1e3", "inf", "nan", "-inf",
         "1e300", "", "--", "100", "0.0", "10.01", "999999999999", "1000000000000", "1_000", " 5", "5 ", "2.675", "4.35"]  # fmt: skip
DATES = [
    "2025-05-01",
    "2025-5-1",
    "2025-05-31",
    "2025-06-31",
    "2025-05-01 10:00",
    " 2025-05-01",
    "1970-01-01",
    "20250501",
]


def test_cells_read_at_a_glance_are_those_of_a_closer_look(landing: Landing) -> None:
    cells = [text for text in TEXTS for _ in DATES]
    quoted = [f'"{cell}"' if set(cell) & set(", ") else cell for cell in cells]
    lines = [f"{DATES[n % len(DATES)]},{n},{n % 9},{n % 5},{cell},{cell}" for n, cell in enumerate(quoted)]
    landing.put("generic/a.csv", "date,campaign_id,impressions,clicks,cost,conversions\n" + "\n".join(lines) + "\n")
    [line] = landing.load().values()
    assert line.rows_read == len(lines)
    differing = (
        "SELECT t.row_number, t.cost, v.cost FROM raw.ad_performance AS t INNER JOIN raw.ad_performance_rows AS v"
        " USING (load_id, row_number) WHERE t.workspace = {w:String} AND t.disposition = 'loaded' AND"
        " NOT (insightflow_number(t.cost, '.') <=> CAST(v.cost, 'Nullable(Decimal(38, 6))')"
        " AND insightflow_date(t.date, 'iso') = v.date)"
    )
    assert landing.rows(differing) == []
    sent = [(n + 2, cell) for n, cell in enumerate(cells)]
    shown = landing.rows(
        "SELECT row_number, cost FROM raw.ad_performance WHERE workspace = {w:String} AND disposition NOT IN"
        " ('blank_row') ORDER BY row_number"
    )
    assert shown == sent


@pytest.mark.parametrize("mark", sorted(QUICK))
def test_a_glance_takes_no_cell_for_another_number(landing: Landing, mark: str) -> None:
    typing = Typing(columns=frozenset({"cost", "clicks"}), marks={"cost": mark, "clicks": mark})
    glances = ", ".join(f"{sql} AS {name}" for name, sql in typing.glances().items() if not name.endswith("date"))
    cells = TEXTS + [text.translate(str.maketrans(",.", ".,")) for text in TEXTS]
    wrong = landing.client.query(
        f"SELECT cost, quick_cost, quick_clicks FROM (SELECT arrayJoin({{cells:Array(String)}}) AS cost, cost AS clicks,"
        f" {glances}) WHERE own_cost AND NOT (insightflow_number(cost, '{mark}') <=> CAST(quick_cost, 'Decimal(38, 6)'))"
        f" OR own_clicks AND NOT (insightflow_number(clicks, '{mark}') <=> CAST(quick_clicks, 'Decimal(38, 6)'))",
        parameters={"cells": cells},
    )
    assert wrong.result_rows == []


def test_numbers_that_are_not_finite_stop_no_file_that_is_compiled(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "FEW_REJECTS", 0)  # judged again, all rows of them
    # Compiled, all parts of a condition are computed for all rows.
    landing.client.set_client_setting("min_count_to_compile_expression", 0)
    table = pa.table(
        {
            "date": pa.array([date(2025, 5, 1)] * 3, pa.date32()),
            "campaign_id": ["1", "2", "3"],
            "clicks": [1, 2, 3],
            "cost": [float("nan"), 1.5, float("inf")],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    landing.put("generic/a.parquet", tmp_path / "a.parquet")
    landing.put("generic/b.csv", "date,campaign_id,clicks,cost\n2025-05-01,1,2,nan\n2025-05-01,2,3,1.5\n")
    lines = landing.load()
    assert {name: (line.status, line.rejected) for name, line in lines.items()} == {
        "a.parquet": ("loaded", {"not_a_number": 1}),  # NaN is no value, as data frames write it
        "b.csv": ("loaded", {"not_a_number": 1}),
    }
