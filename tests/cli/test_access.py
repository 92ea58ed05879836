"""users: a workspace that nobody has put a file into is told of, since its name may be mistyped."""

from __future__ import annotations

import pytest

from include.cli import look_commands
from include.cli.access_commands import _say_if_empty
from include.settings import Settings
from tests.landing.conftest import Landing, landing
from tests.support.processes import free_port

__all__ = ["landing"]

pytestmark = pytest.mark.integration


def test_a_workspace_without_files_is_told(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(look_commands, "get_settings", lambda: landing.settings)
    landing.put("generic/one.csv", "date,campaign_id,impressions,clicks,cost,currency\n2026-06-01,1,10,1,1,EUR\n")
    landing.load()
    capfd.readouterr()
    for workspace in (landing.workspace, "*"):
        _say_if_empty(workspace)
    assert "nothing has arrived" not in "".join(capfd.readouterr())
    _say_if_empty("doesnotexist")
    said = " ".join("".join(capfd.readouterr()).split())
    assert "note: nothing has arrived in workspace doesnotexist yet; those with files are " in said
    assert landing.workspace in said


def test_where_the_warehouse_is_away_nothing_is_told(
    clickhouse: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    away = clickhouse.model_copy(update={"clickhouse_url": f"http://127.0.0.1:{free_port()}"})
    monkeypatch.setattr(look_commands, "get_settings", lambda: away)
    _say_if_empty("zeta")
    assert "nothing has arrived" not in "".join(capfd.readouterr())
