"""Tables for people."""

from __future__ import annotations

import pytest
from rich.console import Console

from include.cli import output


@pytest.mark.parametrize("width", [60, 80, 160])
def test_a_long_name_takes_no_column_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    monkeypatch.setattr(output, "console", Console(width=width))
    name = "accepted_values_anomaly_daily_kind__" + "spend_spike__" * 9
    output.show([{"layer": "anomalies", "node": name, "status": "success", "rows": 12345, "seconds": 1.25}], False)
    printed = capsys.readouterr().out
    for text in ("layer", "anomalies", "status", "success", "rows", "12,345", "seconds", "1.25"):
        assert text in printed
    assert "".join(printed.split()).count("spend_spike__") >= 1
    assert max(map(len, printed.splitlines())) <= width
