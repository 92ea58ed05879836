"""rejects: rows that were kept apart, on the screen and as a table to repair them in."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from include.cli.app import app
from tests.landing.conftest import Landing, landing

__all__ = ["landing"]

pytestmark = pytest.mark.integration

HEAD = "date,campaign_id,impressions,clicks,cost,currency\n"


def call(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["rejects", *options])
    return done.exit_code, done.output


def test_the_rows_of_a_file_go_out_and_come_back(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.cli.look_commands.get_settings", lambda: landing.settings)
    landing.put("generic/one.csv", HEAD + "2026-06-01,1,10,1,1,EUR\n2026-06-99,2,10,1,2,EUR\n")
    landing.put("generic/two.csv", HEAD + "2026-06-02,1,10,1,x,EUR\n")
    landing.load()
    mine = ("--workspace", landing.workspace)
    out = tmp_path / "repair.csv"
    code, said = call(*mine, "--out", str(out))
    assert code == 1 and not out.exists(), said
    code, said = call(*mine, "--file", "one.csv", "--out", str(out))
    assert (code, out.read_bytes()[:3]) == (0, b"\xef\xbb\xbf"), "a spreadsheet reads it as UTF-8"
    assert "1 row of" in said and "bin/insightflow load" in said
    with out.open(encoding="utf-8-sig", newline="") as stream:
        [row] = csv.DictReader(stream)
    assert (row["repair_line"], row["repair_reason"], row["date"], row["cost"]) == ("3", "bad_date", "2026-06-99", "2")
    landing.put("inbox/repair.csv", out.read_text().replace("2026-06-99", "2026-06-09", 2))
    assert landing.load()["repair.csv"].rows_loaded == 1
    code, said = call(*mine, "--json")
    assert '"repaired": "yes"' in said and '"repaired": ""' in said
    code, said = call(*mine, "--file", "nobody.csv", "--out", str(out))
    assert code == 1
