"""dbt's page of the models: made once for a version of the project, and no run fails over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.settings import Settings
from include.transform import documentation, runner
from include.transform.build import build


@pytest.mark.integration
def test_it_is_made_when_the_project_is_another_one(postgres: Settings, clickhouse: Settings) -> None:
    build("staging", [], "documented", full_refresh=True, settings=clickhouse)
    page = documentation.place(clickhouse)
    assert documentation.ensure(clickhouse)
    assert "mart_campaign_daily" in page.read_text()
    made = page.stat().st_mtime_ns
    assert not documentation.ensure(clickhouse), "it is of the project as it is"
    assert page.stat().st_mtime_ns == made
    page.with_suffix(".key").write_text("of another version")
    assert documentation.ensure(clickhouse)
    assert page.stat().st_mtime_ns > made


def test_a_warehouse_that_is_away_is_no_failure(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "invoke", lambda *_, **__: runner.Outcome(False, [], "no answer"))
    away = settings.model_copy(update={"home": tmp_path})
    assert not documentation.ensure(away)
    with pytest.raises(RuntimeError, match="no answer"):
        documentation.write(away)
