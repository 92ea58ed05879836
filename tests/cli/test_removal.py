"""remove, workspaces: nothing without --yes, then what was done, by whom and why; a name of several files is no answer."""

from __future__ import annotations

import json

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from include.cli import look_commands, output, removal_commands, workspace_commands
from include.cli.app import app
from include.settings import Settings
from tests.landing.conftest import Landing, landing
from tests.landing.test_removal import FIRST, WRONG, costs

__all__ = ["landing"]

pytestmark = pytest.mark.integration


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def place(landing: Landing, postgres: Settings, monkeypatch: pytest.MonkeyPatch) -> Landing:
    """An export and a newer, wrong one; the commands work on the engines of the tests."""
    for module in (look_commands, removal_commands, workspace_commands):
        monkeypatch.setattr(module, "get_settings", lambda: landing.settings)
    monkeypatch.setattr(output, "console", Console(width=300))
    landing.put("generic/a_exported_20260603.csv", FIRST)
    landing.put("generic/b_exported_20260604.csv", WRONG)
    landing.load()
    return landing


def test_one_row_is_one_row(place: Landing) -> None:
    place.put("generic/c_exported_20260605.csv", "\n".join(FIRST.splitlines()[:2]) + "\n")
    place.load()
    said = " ".join(call("remove", f"{place.workspace}/generic/c_exported_20260605.csv").output.split())
    assert "UTC: 1 row " in said


def test_shown_done_and_done_again(place: Landing) -> None:
    name = f"{place.workspace}/generic/b_exported_20260604.csv"
    shown = call("remove", name)
    said = " ".join(shown.output.split())
    assert shown.exit_code == 0, shown.output
    assert "2 rows" in said and "a_exported_20260603.csv stands again" in said
    assert "nothing: these days lose their data" in said and "Nothing was changed. To take it back" in said
    assert costs(place)["2026-06-02"] == "99"
    done = call("remove", name, "--yes", "--reason", "wrong account", "--by", "ann")
    said = " ".join(done.output.split())
    assert done.exit_code == 0, done.output
    assert f"taken back; {name} is now {place.workspace}/_removed/generic/" in said
    assert "2 dates (2026-06-02 to 2026-06-03) wait for the next run" in said
    assert costs(place) == {"2026-06-01": "5", "2026-06-02": "6"}
    again = call("remove", name, "--yes")
    assert again.exit_code == 0 and "taken back by ann: wrong account" in " ".join(again.output.split())
    assert "Nothing was changed" in again.output
    [summary] = json.loads(call("remove", name, "--json").output)
    assert (summary["status"], summary["changed"], summary["effects"]) == ("removed", False, [])
    [line] = json.loads(call("ledger", "-w", place.workspace, "--status", "removed", "--json").output)
    assert (line["file"], line["rows_skipped"]) == ("b_exported_20260604.csv", 3)


def test_a_name_of_several_lists_them_and_a_stranger_names_alike(place: Landing) -> None:
    place.put("inbox/a_exported_20260603.csv", FIRST.replace("5.00", "5.50"))
    place.load()
    several = call("remove", "a_exported_20260603.csv", "--yes")
    assert several.exit_code == 1
    ids = place.rows(
        "SELECT file_id FROM ops.current_loads WHERE workspace = {w:String} AND endsWith(uri, 'a_exported_20260603.csv')"
    )
    assert len(ids) == 2 and all(file_id in several.output for (file_id,) in ids)
    assert "exports are called a_exported_20260603.csv; name one by its file_id" in " ".join(several.output.split())
    stranger = call("remove", f"{place.workspace}/generic/c_exported_20260604.csv")
    assert stranger.exit_code == 1 and "has arrived" in " ".join(stranger.output.split())
    place.put("generic/bad.csv", "nothing,here\n1,2\n")
    place.load()
    refused = call("remove", f"{place.workspace}/generic/bad.csv")
    assert refused.exit_code == 1 and "is rejected" in " ".join(refused.output.split())


def test_a_client_leaves(place: Landing) -> None:
    def said(*arguments: str, code: int = 0) -> str:
        done = call("workspaces", *arguments)
        assert done.exit_code == code, done.output
        return " ".join(done.output.split())

    name = place.workspace
    [mine] = [row for row in json.loads(said("list", "--json")) if row["name"] == name]
    assert (mine["files"], mine["rows"], mine["first_day"], mine["last_day"]) == (2, 4, "2026-06-01", "2026-06-03")
    shown = said("remove", name)
    assert "ClickHouse raw.ad_performance_rows 5" in shown and "Nothing was changed. To remove it" in shown
    assert costs(place) != {}
    done = said("remove", name, "--yes", "--reason", "contract ended", "--by", "ann")
    assert f"{name} is removed" in done and "a new file makes the workspace anew" in done
    assert not place.folder.exists() and place.waiting() == []
    assert name not in said()
    again = said("remove", name, "--yes")
    assert f"there is nothing of {name}: ann removed it on" in again and "contract ended" in again
    assert "there is no workspace nobody" in said("remove", "nobody", code=1)
    assert "is no name of a workspace" in said("remove", "*", code=2)
