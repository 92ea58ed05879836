"""Where `load` puts a file: into the folder of a source, known by its name or another name, of ours or one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.cli.look_commands import short
from include.cli.run_commands import _known_source
from include.landing.specs import sources
from include.settings import get_settings


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
