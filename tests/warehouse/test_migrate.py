"""An older installation keeps every row and gets its values when it migrates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from include.landing.specs import COLUMNS
from include.warehouse import migrate as module
from include.warehouse.client import connect
from include.warehouse.migrate import MIGRATIONS, migrate
from tests.support.engines import clickhouse_server, settings_of

pytestmark = pytest.mark.integration

SENT = [
    # as sent: date, account, campaign name, impressions, clicks, cost, conversions, currency
    ("2025-01-05", "123-456-7890", "Brand", "1,234", "12", "1,234.50", "3.25", "eur"),
    ("2025-01-06", "123-456-7890", " Spaced ", "--", "007", "$5", '[{"action_type":"purchase","value":"2"}]', ""),
    ("not a day", "--", "(unnamed)", "", "12.5", "9999999999999999999", "1e2", " --"),
    ("1970-01-01", "", "", "0", "-1", "(3.10)", "0.10", "USD"),
]


def older(client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The warehouse as it was when raw held text only."""
    for path in MIGRATIONS.glob("000[1-6]*.sql"):
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(module, "MIGRATIONS", folder)
    assert len(migrate(client)) == 6
    monkeypatch.undo()


def test_rows_of_an_older_installation_are_kept_and_typed(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path_factory.mktemp("older"))
    with clickhouse_server(settings):
        client = connect(settings)
        older(client, tmp_path, monkeypatch)
        names = ("date", "account_id", "campaign_name", "impressions", "clicks", "cost", "conversions", "currency")
        for number, cells in enumerate(SENT, start=1):
            day = date.fromisoformat(cells[0]) if cells[0][:4].isdigit() else date(1970, 1, 1)
            client.insert(
                "raw.ad_performance",
                [["w", "google_ads", "f", 7, number, day, "loaded", number, {"device": "x"}, *cells]],
                column_names=["workspace", "source", "file_id", "load_id", "row_number", "event_date", "disposition",
                              "row_hash", "segments", *names],
            )  # fmt: skip
        client.command(
            "INSERT INTO ops.file_ledger (file_id, load_id, workspace, status, decimal_marks, id_formats, null_tokens, "
            "conversion_tiers, unit_divisor, currency_default) SELECT 'f', 7, 'w', 'loaded', map('cost', '.', 'impressions', "
            "'.', 'clicks', '.', 'conversions', '.'), map('account_id', 'digits'), ['(unnamed)'], [['purchase']], "
            "map('cost', 1), 'SEK'"
        )
        text = f"SELECT row_number, {', '.join(COLUMNS)}, segments, extra FROM raw.ad_performance ORDER BY row_number"
        before = client.query(text).result_rows
        assert migrate(client) == [path.name for path in sorted(MIGRATIONS.glob("*.sql"))][6:]
        assert client.query(text).result_rows == before
        assert client.query(
            "SELECT account_id, campaign_name, impressions, clicks, cost, conversions, currency "
            "FROM raw.ad_performance_rows ORDER BY row_number"
        ).result_rows == [
            ("1234567890", "Brand", 1234, 12, Decimal("1234.5"), Decimal("3.25"), "EUR"),
            ("1234567890", "Spaced", None, 7, Decimal(5), Decimal(2), "SEK"),
            ("", "", None, None, None, Decimal(100), "SEK"),
            ("", "", 0, -1, Decimal("-3.1"), Decimal("0.1"), "USD"),
        ]
        assert client.command("SELECT typing_version FROM ops.current_loads") == 1
        client.close()
