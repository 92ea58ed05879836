"""Text is the truth: rows of older typing rules are typed again from it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from include.landing import pending_dates, retype, values
from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

FILE = (
    "date,account_id,campaign_id,campaign_name,impressions,clicks,cost\n"
    "2025-03-01,a,1,Brand,\"1,000\",10,\"1,234.50\"\n"
    "2025-03-02,a,1, -- ,20,2,3.10\n"
    "2025-03-03,a,1,Brand,x,2,3.10\n"
)  # fmt: skip
VALUES = (
    "SELECT r.date, campaign_name, impressions, cost FROM raw.ad_performance_rows AS r INNER JOIN ops.current_loads AS l "
    "ON r.load_id = l.load_id WHERE r.workspace = {w:String} AND disposition = 'loaded' ORDER BY row_number"
)
TEXT = (
    "SELECT date, account_id, campaign_name, impressions, cost FROM raw.ad_performance WHERE workspace = {w:String} "
    "AND load_id IN (SELECT load_id FROM ops.current_loads) ORDER BY row_number"
)
REJECTS = "SELECT row_number, reason FROM ops.rejected_rows WHERE workspace = {w:String}"


def test_newer_rules_type_old_rows_from_their_text(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    landing.put("generic/a.csv", FILE)
    [line] = landing.load().values()
    assert (line.rows_loaded, line.rows_rejected) == (2, 1)
    before, text, rejects = landing.rows(VALUES), landing.rows(TEXT), landing.rows(REJECTS)
    assert before[0][2:] == (1000, Decimal("1234.5"))
    assert [row[3:] for row in text] == [("1,000", "1,234.50"), ("20", "3.10"), ("x", "3.10")]
    # Values as an older rule might have made them, and the rules now.
    landing.client.command(
        "ALTER TABLE raw.ad_performance_rows UPDATE impressions = 1, text_impressions = '1,000' "
        f"WHERE load_id = {line.load_id} AND row_number = 2 SETTINGS mutations_sync = 1"
    )
    assert landing.rows(VALUES) != before
    monkeypatch.setattr(retype, "TYPING_VERSION", values.TYPING_VERSION + 1)
    done = [again for again in retype.retype(landing.client) if again.workspace == landing.workspace]
    assert [(again.file_id, again.load_id != line.load_id) for again in done] == [(line.file_id, True)]
    assert (landing.rows(VALUES), landing.rows(TEXT), landing.rows(REJECTS)) == (before, text, rejects)
    assert {row[0] for row in before} <= set(pending_dates(landing.client))
    assert retype.retype(landing.client) == []
    assert landing.waiting() == []
