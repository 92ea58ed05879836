"""Where `load` puts a file: into the folder of a source, known by its name or another name, of ours or one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from include.cli import follow
from include.cli.app import app
from include.cli.look_commands import short
from include.cli.run_commands import _known_source
from include.landing.specs import sources
from include.services.airflow_client import AirflowClient
from include.settings import get_settings
from tests.landing.conftest import Landing, landing

__all__ = ["landing"]

HEAD = "date,campaign_id,impressions,clicks,cost,currency\n"


def test_a_source_is_known_by_its_other_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [_known_source(name) for name in ("inbox", "meta_ads", "facebook")] == ["inbox", "meta_ads", "meta_ads"]
    own = (Path(__file__).parents[2] / "include" / "landing" / "sources" / "generic.yml").read_text()
    own = own.replace("source: generic", "source: fotofeed_ads").replace("id: generic", "id: fotofeed")
    (tmp_path / "fotofeed_ads.yml").write_text(own)
    monkeypatch.setenv("INSIGHTFLOW_SOURCES", str(tmp_path))
    get_settings.cache_clear()
    sources.cache_clear()
    try:
        assert _known_source("fotofeed_ads") == "fotofeed_ads"
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
        sources.cache_clear()


def test_the_ledger_on_the_screen_tells_whose_a_file_is() -> None:
    row = {"workspace": "zeta", "file": "tv.csv", "status": "loaded", "why": ""}
    counts = dict.fromkeys(("rows_read", "rows_loaded", "rows_rejected", "rows_skipped"), 1)
    assert list(short(row | counts))[:3] == ["workspace", "file", "status"]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("2026-06-01,1,10,1,1,EUR\n", 0),
        ("2026-06-01,1,10,1,1,EUR\n2026-06-99,1,10,1,1,EUR\n", 0),
        ("2026-06-99,1,10,1,1,EUR\n", 1),
        ("", 0),
    ],
    ids=["whole", "in_part", "nothing_of_it", "quiet_day"],
)
def test_a_file_of_which_nothing_was_taken_is_not_in(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: str, code: int
) -> None:
    """The files lie in the bucket and were loaded, so that no run is to be waited for."""
    for module in ("look_commands", "run_commands"):
        monkeypatch.setattr(f"include.cli.{module}.get_settings", lambda: landing.settings)
    monkeypatch.setattr(follow, "wait_for_dag", lambda *_: None)
    monkeypatch.setattr(AirflowClient, "_send", lambda *_, **__: {"access_token": "", "is_paused": False})
    (tmp_path / "tv.csv").write_text(HEAD + rows)
    landing.put("generic/tv.csv", tmp_path / "tv.csv")
    landing.load()
    done = CliRunner().invoke(
        app, ["load", str(tmp_path / "tv.csv"), "-s", "generic", "-w", landing.workspace, "--json"]
    )
    assert (done.exit_code, '"status": "loaded"' in done.output) == (code, True), done.output
