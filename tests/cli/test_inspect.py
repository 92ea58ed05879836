"""inspect: what a file would become, on the screen and for machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from rich.console import Console
from typer.testing import CliRunner

from include.cli import output
from include.cli.app import app
from include.settings import Settings

pytestmark = pytest.mark.integration

FIXTURES = Path(__file__).parents[1] / "fixtures"
Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(clickhouse: Settings, warehouse: Client, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run ``inspect`` on a fixture against the tests' engine."""
    for name in ("include.warehouse.client", "include.landing.bucket"):
        monkeypatch.setattr(f"{name}.get_settings", lambda: clickhouse)
    monkeypatch.setattr(output, "console", Console(highlight=False, width=160))

    def run(fixture: str, *options: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["inspect", str(FIXTURES / fixture), *options])
        return done.exit_code, done.output

    return run


def test_a_file_is_told_with_its_reasons(call: Call, warehouse: Client) -> None:
    before = warehouse.command("SELECT count() FROM ops.file_ledger")
    code, said = call("google_ads/40_google_ads_ui_de_utf16.csv")
    assert code == 0
    assert "utf-16, tabs, header on line 3" in said
    assert "taken for google_ads, shape google_ads_ui_csv, because of Kundennummer" in said
    assert "Anteil an mögl. Impr. im Suchnetzwerk" in said
    assert "3 loaded, 2 skipped (total_row)" in said
    assert "1,234.56" in said
    assert warehouse.command("SELECT count() FROM ops.file_ledger") == before


def test_units_segments_and_derived_days_are_shown(call: Call) -> None:
    code, said = call("x_ads/62_x_analytics_tokyo.json", "--json")
    assert code == 0
    found = json.loads(said)
    assert found["source"] == "x_ads"
    assert {c["column"]: c["divisor"] for c in found["columns"]}["cost"] == 1_000_000
    assert found["segments"] == {"placement": "request.params.placement"}
    assert [row["date"] for row in found["rows"]] == ["2017-05-21", "2017-05-22", "2017-05-23"]


def test_what_visitors_and_rates_are_read_from_is_not_called_unknown(call: Call, tmp_path: Path) -> None:
    ga4 = tmp_path / "ga4.csv"
    ga4.write_text(
        "date,property_id,sessionSource,sessionMedium,sessionCampaignName,sessions,engagedSessions,keyEvents,bounces\n"
        "2026-06-01,1,google,cpc,Brand,99,9,3,7\n2026-06-02,1,google,cpc,Brand,,,3,7\n"
    )
    code, said = call(str(ga4), "--json")
    found = json.loads(said)
    assert (code, found["source"], found["unknown"]) == (0, "ga4", ["bounces"])
    assert found["measures"] == {"sessions": "sessions", "engaged_sessions": "engagedSessions"}
    assert [(float(row["sessions"]), float(row["engaged_sessions"])) for row in found["rows"]] == [(99, 9), (0, 0)]
    assert "measure engaged_sessions" in call(str(ga4))[1]
    (tmp_path / "rates.csv").write_text("date,currency,rate\n2026-06-03,TRY,53.25\n")
    found = json.loads(call(str(tmp_path / "rates.csv"), "--json")[1])
    assert (found["source"], found["unknown"], float(found["rows"][0]["rate"])) == ("fx_rates", [], 53.25)
    (tmp_path / "eurofxref.csv").write_text("Date, USD, JPY, \n2026-06-03, 1.1, 160, \n")
    found = json.loads(call(str(tmp_path / "eurofxref.csv"), "--json")[1])
    assert (found["source"], found["counts"]) == ("fx_rates", {"loaded": 1})
    assert not {"USD", "JPY"} & {*found["unknown"]}


def test_rows_that_would_be_rejected_have_their_reason(call: Call) -> None:
    code, said = call("generic/27_number_zoo.csv", "--source", "generic")
    assert code == 0
    assert "1 rejected (ambiguous_number)" in said
    assert "a thousands separator or a decimal mark?" in said


def test_a_day_that_has_not_come_is_told(call: Call, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("date,campaign_id,cost\n2025-05-01,1,2\n2105-05-01,1,2\n")
    code, said = call(str(tmp_path / "odd.csv"), "--source", "generic")
    assert code == 0
    assert "1 rejected (future_date)" in said
    assert "date = 2105-05-01: this day has not come" in " ".join(said.split())


def test_a_file_that_would_be_refused_says_why(call: Call) -> None:
    code, said = call("microsoft_ads/57_microsoft_weekly.csv")
    assert code == 1
    assert "would be refused: not_daily" in said


def test_another_platforms_folder_is_not_fooled(call: Call) -> None:
    code, said = call("tiktok_ads/50_tiktok_ads_manager.csv", "--source", "linkedin")
    assert code == 1
    assert "tiktok_ads" in said
