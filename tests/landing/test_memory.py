"""What landing does with files too large for sets of their rows gives what it does with small ones."""

from __future__ import annotations

from typing import Any

import pytest

from include.landing import accounts
from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

HEADER = "date,account_id,campaign_id,campaign_name,impressions,clicks,cost\n"


def table() -> str:
    """300 rows, of which every tenth repeats the one before, and every seventh has a cost that is no number."""
    rows = []
    for n in range(300):
        rows.append(f"2025-05-{n % 28 + 1:02d},a,{n},C{n},100,10,{'n/k' if n % 7 == 3 else n / 4}")
        if n % 10 == 0:
            rows.append(rows[-1])
    return HEADER + "\n".join(rows) + "\n"


def seen(landing: Landing) -> list[list[tuple[Any, ...]]]:
    return [
        landing.rows(
            "SELECT rows_read, rows_loaded, rows_rejected, rows_skipped, skipped, rejected, warnings, replaceAll(error, workspace, '')"
            " FROM ops.file_ledger WHERE workspace = {w:String}"
        ),
        landing.rows(
            "SELECT row_number, reason, detail, raw_text FROM ops.rejected_rows WHERE workspace = {w:String} ORDER BY 1"
        ),
        landing.rows(
            "SELECT row_number, disposition, cost FROM raw.ad_performance WHERE workspace = {w:String}"
            " AND load_id IN (SELECT load_id FROM ops.current_loads) ORDER BY 1"
        ),
    ]


def test_rows_that_no_set_holds_are_judged_as_those_that_one_does(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.put("generic/a.csv", table())
    landing.load()
    small = seen(landing)
    assert small[0][0][1:4] == (257, 48, 25)  # of the 30 repeats 5 are rejected twice
    monkeypatch.setattr(accounts, "HASHES_HELD", 10)
    monkeypatch.setattr(accounts, "FEW_REJECTS", 10)
    landing.workspace += "x"
    landing.put("generic/a.csv", table())
    landing.load()
    assert seen(landing) == small
