"""users: a workspace that nobody has put a file into is told of, since its name may be mistyped."""

from __future__ import annotations

from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from include.cli import look_commands
from include.cli.access_commands import _say_if_empty


def test_a_workspace_without_files_is_told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(look_commands, "query", lambda *_: [{"workspace": "demo"}, {"workspace": "zeta"}])
    for workspace in ("zeta", "*"):
        _say_if_empty(workspace)
    assert "".join(capfd.readouterr()) == ""
    _say_if_empty("doesnotexist")
    said = " ".join("".join(capfd.readouterr()).split())
    assert said == "note: nothing has arrived in workspace doesnotexist yet; those with files are demo, zeta"


def test_where_the_warehouse_is_away_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def away(*_: Any) -> Any:
        raise OperationalError("connection refused")

    monkeypatch.setattr(look_commands, "query", away)
    _say_if_empty("zeta")
    assert "".join(capfd.readouterr()) == ""
