"""users: a workspace that nobody has put a file into is told of, since its name may be mistyped."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from include.api.backends import Backends
from include.cli import access_commands, look_commands
from include.cli.access_commands import _say_if_empty
from include.cli.app import app
from include.settings import Settings
from tests.landing.conftest import Landing, landing
from tests.support.processes import free_port

__all__ = ["landing"]

pytestmark = pytest.mark.integration


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


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


def test_a_key_of_every_workspace_is_for_who_has_a_role_in_every_one(
    postgres: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_commands, "_backends", lambda: Backends(postgres))
    for name, workspace in (("adam", "acme"), ("zara", "*")):
        assert call("users", "add", name, "-w", workspace, "--password", "correct horse").exit_code == 0
    refused = call("keys", "create", "--user", "adam", "-w", "*", "--name", "all")
    assert refused.exit_code == 1
    assert "adam has no role in every workspace; give one with" in " ".join(refused.output.split())
    for name, workspace in (("adam", "acme"), ("zara", "*"), ("zara", "acme")):
        made = call("keys", "create", "--user", name, "-w", workspace, "--name", "one")
        assert made.output.startswith("ifk_"), made.output
